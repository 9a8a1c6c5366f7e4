"""The difference between two ways to group the same alerts: which incidents merge, split, open or stay below their threshold."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from services.intake.domain.grouping_trial import TriedIncident

MOST_SHOWN = 50
MOST_INCIDENTS_SHOWN = 20


class RegroupingKind(IntEnum):
    UNCHANGED = 0
    MERGED = 1
    SPLIT = 2
    REGROUPED = 3
    OPENED = 4
    NOT_OPENED = 5
    MOVED = 6


@dataclass(frozen=True, slots=True)
class Regrouping:
    """One difference: the incidents some alerts were in, and those they come to be in, the largest first."""

    kind: RegroupingKind
    before: tuple[TriedIncident, ...]
    after: tuple[TriedIncident, ...]

    @property
    def alert_count(self) -> int:
        return sum(len(each.alerts) for each in self.before)


@dataclass(frozen=True, slots=True)
class Difference:
    """Every difference, those that concern most alerts first."""

    changes: tuple[Regrouping, ...]
    unchanged: int

    @property
    def counts(self) -> Mapping[RegroupingKind, int]:
        return Counter(each.kind for each in self.changes)


def difference(before: Sequence[TriedIncident], after: Sequence[TriedIncident]) -> Difference:
    """Compares two groupings of the same alerts. Incidents that share alerts, directly or through others, are one difference."""
    changes: list[Regrouping] = []
    unchanged = 0
    for left, right in _touching(before, after):
        kind = _kind(left, right)
        if kind is RegroupingKind.UNCHANGED:
            unchanged += 1
        else:
            changes.append(Regrouping(kind, _by_size(left), _by_size(right)))
    changes.sort(key=lambda each: (-each.alert_count, each.kind, each.before[0].begin, each.before[0].alerts))
    return Difference(tuple(changes), unchanged)


def _touching(before: Sequence[TriedIncident], after: Sequence[TriedIncident]) -> list[tuple[list[TriedIncident], list[TriedIncident]]]:
    """Returns the incidents of both sides in the smallest sets that no alert leaves."""
    after_of = {alert: index for index, each in enumerate(after) for alert in each.alerts}
    before_of = {alert: index for index, each in enumerate(before) for alert in each.alerts}
    seen: set[int] = set()
    found = []
    for start in range(len(before)):
        if start in seen:
            continue
        left, right, waiting = {start}, set[int](), [start]
        while waiting:
            reached = {after_of[alert] for alert in before[waiting.pop()].alerts} - right
            right |= reached
            new = {before_of[alert] for index in reached for alert in after[index].alerts} - left
            left |= new
            waiting += new
        seen |= left
        found.append(([before[index] for index in sorted(left)], [after[index] for index in sorted(right)]))
    return found


def _kind(before: Sequence[TriedIncident], after: Sequence[TriedIncident]) -> RegroupingKind:
    if len(before) > 1:
        return RegroupingKind.MERGED if len(after) == 1 else RegroupingKind.REGROUPED
    if len(after) > 1:
        return RegroupingKind.SPLIT
    if before[0].is_held != after[0].is_held:
        return RegroupingKind.OPENED if before[0].is_held else RegroupingKind.NOT_OPENED
    return RegroupingKind.UNCHANGED if before[0].rule == after[0].rule else RegroupingKind.MOVED


def _by_size(incidents: Sequence[TriedIncident]) -> tuple[TriedIncident, ...]:
    return tuple(sorted(incidents, key=lambda each: (-len(each.alerts), each.begin, each.alerts)))
