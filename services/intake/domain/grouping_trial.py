"""Trying rules on alerts of the past: the incidents that these rules would have made of them, in the order the alerts began."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from services.intake.domain.dependency import ComponentGraph
from services.intake.domain.grouping_rule import GroupingRule, Placement, RuleSet
from services.intake.domain.match_count import MatchCount
from services.intake.domain.similarity import MOST_CANDIDATES, similar
from services.intake.domain.threshold import reached

_EARLIEST, _LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class TriedAlert:
    """An alert of the past, as far as grouping depends on it; without an end it fires on."""

    id: UUID
    fingerprint: str
    source: str
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class TriedIncident:
    """Alerts that the rules group together, as places in the list tried; `is_held` where they stay below the threshold."""

    rule: str
    labels: tuple[tuple[str, str], ...]
    alerts: tuple[int, ...]
    begin: datetime
    is_held: bool


@dataclass(frozen=True, slots=True)
class RuleTally:
    """What one rule took, and how often its condition could not be evaluated."""

    rule: str
    matched: int
    failed: int
    failure: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What a set of rules makes of the alerts; every alert is in just one of the incidents."""

    incidents: tuple[TriedIncident, ...]
    tallies: tuple[RuleTally, ...]


def trial_of(rules: RuleSet, alerts: Sequence[TriedAlert], graph: ComponentGraph, component_label: str) -> Trial:
    """Groups the alerts as if none had been grouped before. Counts in `rules.counts`: give it a set of its own."""
    run = _Run(alerts, graph, component_label)
    for index in sorted(range(len(alerts)), key=lambda each: (alerts[each].starts_at, alerts[each].id)):
        alert = alerts[index]
        placement = rules.place(alert.labels, alert.annotations, alert.source, alert.fingerprint)
        rules.counts.note(placement.rule.index)
        run.take(index, placement)
    counts = {each.index: each for each in rules.counts.take()}
    return Trial(run.incidents(), tuple(_tally(rule, counts.get(rule.index)) for rule in rules.rules))


@dataclass(slots=True, eq=False)
class _Forming:
    """An incident as alerts come to it; `last_end` is None while one of them fires, `into` is the one that absorbed it."""

    placement: Placement
    text: str = ""
    alerts: list[int] = field(default_factory=list)
    begin: datetime = _LATEST
    last_end: datetime | None = _EARLIEST
    into: "_Forming | None" = None

    def now(self) -> "_Forming":
        """Returns the incident that has its alerts now."""
        return self if self.into is None else self.into.now()

    def is_open(self, at: datetime) -> bool:
        return self.last_end is None or at <= self.last_end

    def takes(self, at: datetime) -> bool:
        """Whether an alert of its group that begins now joins: one fires, or the last ended within the quiet period."""
        # Not `last_end + quiet_period`, which has no date where nothing has ended yet.
        return self.last_end is None or at - self.placement.rule.quiet_period <= self.last_end

    def add(self, index: int, begin: datetime, end: datetime | None) -> None:
        self.alerts.append(index)
        self.begin = min(self.begin, begin)
        self.last_end = None if end is None or self.last_end is None else max(end, self.last_end)

    def absorb(self, other: "_Forming") -> None:
        other.into = self
        self.alerts += other.alerts
        self.begin = min(self.begin, other.begin)
        self.last_end = None if other.last_end is None or self.last_end is None else max(other.last_end, self.last_end)


class _Run:
    """The incidents so far, and by what the next alert may find one of them."""

    def __init__(self, alerts: Sequence[TriedAlert], graph: ComponentGraph, component_label: str) -> None:
        self._alerts = alerts
        self._graph = graph
        self._label = component_label
        self._formed: list[_Forming] = []
        self._held: dict[str, tuple[Placement, list[int]]] = {}
        self._by_key: dict[str, _Forming] = {}
        self._by_component: dict[tuple[int, str], _Forming] = {}
        self._by_rule: dict[int, list[_Forming]] = {}

    def take(self, index: int, placement: Placement) -> None:
        alert = self._alerts[index]
        known = self._by_key.get(placement.key)
        if known is not None and known.now().takes(alert.starts_at):
            self._join(known.now(), index, placement)
            return
        waiting = self._held.setdefault(placement.key, (placement, []))[1]
        waiting.append(index)
        if self._is_held(waiting, placement.rule, alert.starts_at):
            return
        del self._held[placement.key]
        found = self._elsewhere(alert, placement.rule) or self._opened(alert, placement)
        for each in waiting:
            self._join(found, each, placement)

    def incidents(self) -> tuple[TriedIncident, ...]:
        opened = [(each.placement, each.alerts, each.begin, False) for each in self._formed if each.into is None]
        held = [(placement, waiting, self._alerts[waiting[0]].starts_at, True) for placement, waiting in self._held.values()]
        return tuple(
            TriedIncident(placement.rule.name, placement.labels, tuple(alerts), begin, is_held)
            for placement, alerts, begin, is_held in [*opened, *held]
        )

    def _is_held(self, waiting: Sequence[int], rule: GroupingRule, at: datetime) -> bool:
        threshold = rule.threshold
        if threshold is None:
            return False
        # In the order of their begins: the last so many decide.
        return not reached([self._alerts[each].starts_at for each in waiting[-threshold.count :]], threshold, at)

    def _join(self, forming: _Forming, index: int, placement: Placement) -> None:
        alert = self._alerts[index]
        forming.add(index, alert.starts_at, alert.ends_at)
        self._by_key[placement.key] = forming
        component = alert.labels.get(self._label)
        if placement.rule.dependencies and component:
            self._by_component[placement.rule.index, component] = forming

    def _elsewhere(self, alert: TriedAlert, rule: GroupingRule) -> _Forming | None:
        """Returns the open incident of another group that takes the alert: a cause is looked for first, then a resemblance."""
        return next(self._failing(rule, self._graph.dependencies_of, alert), None) or self._alike(alert, rule)

    def _failing(self, rule: GroupingRule, components_of: Callable[[str], Sequence[str]], alert: TriedAlert) -> Iterator[_Forming]:
        """Yields the open incidents of the rule in which components related to the alert's fail, the nearest first."""
        component = alert.labels.get(self._label)
        for other in components_of(component) if rule.dependencies and component else ():
            found = self._by_component.get((rule.index, other))
            if found is not None and found.now().is_open(alert.starts_at):
                yield found.now()

    def _alike(self, alert: TriedAlert, rule: GroupingRule) -> _Forming | None:
        if rule.similarity is None:
            return None
        # Newest first; those that are over are forgotten, as time only goes on, and those beyond what is looked at.
        still = [each for each in self._by_rule.get(rule.index, ()) if each.into is None and each.takes(alert.starts_at)][:MOST_CANDIDATES]
        self._by_rule[rule.index] = still
        candidates = [each for each in still if each.is_open(alert.starts_at)]
        best = similar(alert.annotations.get(rule.similarity.of, ""), [each.text for each in candidates], rule.similarity.at_least)
        return None if best is None else candidates[best.index]

    def _opened(self, alert: TriedAlert, placement: Placement) -> _Forming:
        likeness = placement.rule.similarity
        made = _Forming(placement, alert.annotations.get(likeness.of, "") if likeness else "")
        self._formed.append(made)
        if likeness:
            self._by_rule.setdefault(placement.rule.index, []).insert(0, made)
        # A failing dependency gathers what already fails because of it.
        for dependent in self._failing(placement.rule, self._graph.dependents_of, alert):
            if dependent is not made:
                made.absorb(dependent)
        return made


def _tally(rule: GroupingRule, count: MatchCount | None) -> RuleTally:
    return RuleTally(rule.name, count.matched, count.failed, count.failure) if count else RuleTally(rule.name, 0, 0, "")
