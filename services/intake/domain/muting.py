"""Muting: what keeps an alert from becoming an incident, compiled from silences, maintenance windows and inhibit rules."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from services.intake.domain.inhibition import FiringSource, Inhibition, Inhibitors, InhibitRule, InhibitRules
from services.intake.domain.maintenance_window import MaintenanceWindow, occurrence_at, starts_of, upcoming
from services.intake.domain.matcher import Matcher, failing
from services.intake.domain.matcher_index import MatcherIndex
from services.intake.domain.silence import Silence

MOST_EXPLAINED = 20


class MuteKind(IntEnum):
    SILENCE = 1
    MAINTENANCE_WINDOW = 2
    INHIBITION = 3


@dataclass(frozen=True, slots=True)
class Mute:
    """What mutes an alert: the resource, its version then, why it is there, and when it ends (None: when its source does)."""

    kind: MuteKind
    name: str
    version: int
    reason: str
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class NearMiss:
    """What would have muted an alert but for one thing: a matcher that failed, with the alert's value, or the time."""

    kind: MuteKind
    name: str
    version: int
    matcher: Matcher | None
    value: str
    starts_at: datetime | None  # where only the time was wrong: the next begin, or the last
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Every mute that holds, and the near misses; each at most MOST_EXPLAINED."""

    mutes: tuple[Mute, ...]
    near_misses: tuple[NearMiss, ...]


Subject = Silence | MaintenanceWindow


class MuteSet:
    """All that may mute alerts, as it stood at one version; never changed. Ready for any number of questions about any time.

    With nothing configured each question costs a look at an empty tuple. Clears are never muted: ask only about what fires.
    """

    def __init__(self, subjects: Sequence[Subject] = (), rules: InhibitRules | None = None, version: int = 0) -> None:
        self.version = version
        self._subjects = tuple(subjects)
        self._rules = rules
        self._index = MatcherIndex[Subject]([(each.matchers, each) for each in subjects])
        self._order = {rule.name: position for position, rule in enumerate(rules.rules)} if rules else {}
        self._targets = MatcherIndex[InhibitRule]([(rule.target, rule) for rule in rules.rules] if rules else ())
        self._sources = MatcherIndex[InhibitRule]([(rule.source, rule) for rule in rules.rules] if rules else ())

    def __bool__(self) -> bool:
        return bool(self._subjects or self._order)

    def mute_of(self, labels: Mapping[str, str], at: datetime) -> Mute | None:
        """Returns the silence or window that mutes an alert at `at`: a window before a silence, then the one that ends last."""
        if not self._subjects:
            return None
        found = self._mutes(labels, at)
        return max(found, key=_weight) if found else None

    def mutes_of(self, labels: Mapping[str, str], at: datetime) -> list[Mute]:
        """Returns every silence and window that mutes an alert at `at`, in the order of `mute_of`."""
        return sorted(self._mutes(labels, at), key=_weight, reverse=True) if self._subjects else []

    def inhibit_targets(self, labels: Mapping[str, str]) -> tuple[InhibitRule, ...]:
        """Returns the rules that would mute an alert while a source of theirs fires, in their order; see `inhibitors`."""
        return self._in_order(self._targets.matching(labels)) if self._order else ()

    def inhibit_sources(self, labels: Mapping[str, str]) -> tuple[InhibitRule, ...]:
        """Returns the rules by which an alert that fires mutes others, in their order."""
        return self._in_order(self._sources.matching(labels)) if self._order else ()

    def is_source(self, labels: Mapping[str, str]) -> bool:
        return bool(self.inhibit_sources(labels))

    def inhibitors(self, firing: Iterable[FiringSource]) -> Inhibitors:
        """Returns those of the firing alerts that mute others."""
        return Inhibitors((each, self.inhibit_sources(each.labels)) for each in firing)

    def inhibited(self, inhibition: Inhibition) -> Mute:
        """Returns the mute that an inhibition is."""
        assert self._rules is not None
        reason = f"{inhibition.source.name} fires, which explains it"
        return Mute(MuteKind.INHIBITION, f"inhibitRules/{inhibition.rule.name}", self._rules.revision, reason, None)

    def explain(self, labels: Mapping[str, str], at: datetime) -> Explanation:
        """Says which silences and windows mute an alert at `at`, and which would but for one matcher, or but for the time.

        Tries every one of them, which is for a question by a person. A set of one matcher has no near miss but by time.
        """
        mutes = self.mutes_of(labels, at)
        misses: list[NearMiss] = []
        for subject in self._subjects:
            if len(misses) == MOST_EXPLAINED:
                break
            failed = failing(subject.matchers, labels)
            if not failed and _mute_at(subject, at) is None:
                misses.append(_missed_in_time(subject, at))
            elif len(failed) == 1 and len(subject.matchers) > 1 and _mute_at(subject, at) is not None:
                value = labels.get(failed[0].label, "")
                misses.append(NearMiss(_kind(subject), subject.name, subject.version, failed[0], value, None, None))
        return Explanation(tuple(mutes[:MOST_EXPLAINED]), tuple(misses))

    def _mutes(self, labels: Mapping[str, str], at: datetime) -> list[Mute]:
        return [mute for each in self._index.matching(labels) if (mute := _mute_at(each, at)) is not None]

    def _in_order(self, rules: list[InhibitRule]) -> tuple[InhibitRule, ...]:
        return tuple(sorted(rules, key=lambda each: self._order[each.name]))


def _mute_at(subject: Subject, at: datetime) -> Mute | None:
    if isinstance(subject, Silence):
        if not subject.starts_at <= at < subject.ends_at:
            return None
        return Mute(MuteKind.SILENCE, subject.name, subject.version, subject.reason, subject.ends_at)
    occurrence = occurrence_at(subject, at)
    if occurrence is None:
        return None
    return Mute(MuteKind.MAINTENANCE_WINDOW, subject.name, subject.version, subject.reason, occurrence.ends_at)


def _kind(subject: Subject) -> MuteKind:
    return MuteKind.SILENCE if isinstance(subject, Silence) else MuteKind.MAINTENANCE_WINDOW


def _weight(mute: Mute) -> tuple[bool, float, str]:
    return (mute.kind is MuteKind.MAINTENANCE_WINDOW, mute.ends_at.timestamp() if mute.ends_at else 0.0, mute.name)


def _missed_in_time(subject: Subject, at: datetime) -> NearMiss:
    """Returns the next time it is in force, or else the last."""
    if isinstance(subject, Silence):
        span = (subject.starts_at, subject.ends_at)
    else:
        following = upcoming(subject, at, 1)
        last = starts_of(subject.schedule)[-1]
        span = (following[0].starts_at, following[0].ends_at) if following else (last, subject.ends_at)
    return NearMiss(_kind(subject), subject.name, subject.version, None, "", *span)


EMPTY = MuteSet()
