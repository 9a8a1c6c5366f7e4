"""Trying rules on alerts of the past: the incidents that these rules would have made of them, in the order the alerts began."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.intake.domain.dependency import ComponentGraph
from services.intake.domain.grouping_rule import GroupingRule, Placement, RuleSet
from services.intake.domain.match_count import MatchCount
from services.intake.domain.similarity import MOST_CANDIDATES, similar
from services.intake.domain.threshold import reached


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
    run = _Run(graph, component_label)
    for index in sorted(range(len(alerts)), key=lambda each: (alerts[each].starts_at, alerts[each].id)):
        alert = alerts[index]
        placement = rules.place(alert.labels, alert.annotations, alert.source, alert.fingerprint)
        rules.counts.note(placement.rule.index)
        run.take(index, alert, placement)
    counts = {each.index: each for each in rules.counts.take()}
    return Trial(tuple(each.tried() for each in run.formed), tuple(_tally(rule, counts.get(rule.index)) for rule in rules.rules))


@dataclass(slots=True)
class _Forming:
    """An incident as alerts come to it; `last_end` is None while one of them fires."""

    placement: Placement
    text: str
    alerts: list[int] = field(default_factory=list)
    begins: list[datetime] = field(default_factory=list)
    last_end: datetime | None = None
    is_held: bool = True

    def takes(self, at: datetime) -> bool:
        """Whether an alert that begins now joins: one fires, or the last ended within the quiet period; held ones wait their span."""
        rule = self.placement.rule
        if self.is_held:
            return rule.threshold is not None and self.begins[-1] >= at - rule.threshold.within
        return self.last_end is None or at <= self.last_end + rule.quiet_period

    def add(self, index: int, alert: TriedAlert) -> None:
        fires_on = alert.ends_at is None or (bool(self.alerts) and self.last_end is None)
        self.last_end = None if fires_on else max(alert.ends_at or alert.starts_at, self.last_end or alert.starts_at)
        self.alerts.append(index)
        self.begins.append(alert.starts_at)
        threshold = self.placement.rule.threshold
        self.is_held = self.is_held and threshold is not None and not reached(self.begins[-threshold.count :], threshold, alert.starts_at)

    def tried(self) -> TriedIncident:
        return TriedIncident(self.placement.rule.name, self.placement.labels, tuple(self.alerts), self.begins[0], self.is_held)


class _Run:
    """The incidents so far, and by what the next alert may find one of them."""

    def __init__(self, graph: ComponentGraph, component_label: str) -> None:
        self.formed: list[_Forming] = []
        self._graph = graph
        self._label = component_label
        self._by_key: dict[str, _Forming] = {}
        self._by_component: dict[tuple[int, str], _Forming] = {}
        self._by_rule: dict[int, list[_Forming]] = {}

    def take(self, index: int, alert: TriedAlert, placement: Placement) -> None:
        found = self._found(alert, placement) or self._opened(alert, placement)
        found.add(index, alert)
        self._by_key[placement.key] = found
        component = alert.labels.get(self._label)
        if placement.rule.dependencies and component:
            self._by_component[placement.rule.index, component] = found

    def _found(self, alert: TriedAlert, placement: Placement) -> _Forming | None:
        known = self._by_key.get(placement.key)
        if known is not None and known.takes(alert.starts_at):
            return known
        rule = placement.rule
        return (self._failing_dependency(alert, rule) if rule.dependencies else None) or self._alike(alert, rule)

    def _failing_dependency(self, alert: TriedAlert, rule: GroupingRule) -> _Forming | None:
        component = alert.labels.get(self._label)
        for needed in self._graph.dependencies_of(component) if component else ():
            failing = self._by_component.get((rule.index, needed))
            if failing is not None and not failing.is_held and failing.takes(alert.starts_at):
                return failing
        return None

    def _alike(self, alert: TriedAlert, rule: GroupingRule) -> _Forming | None:
        if rule.similarity is None:
            return None
        # Newest first, and those that are over are forgotten: time only goes on.
        open_ones = [each for each in self._by_rule.get(rule.index, ()) if each.takes(alert.starts_at)][:MOST_CANDIDATES]
        self._by_rule[rule.index] = open_ones
        text = alert.annotations.get(rule.similarity.of, "")
        best = similar(text, [each.text for each in open_ones], rule.similarity.at_least)
        return None if best is None else open_ones[best.index]

    def _opened(self, alert: TriedAlert, placement: Placement) -> _Forming:
        likeness = placement.rule.similarity
        made = _Forming(placement, alert.annotations.get(likeness.of, "") if likeness else "")
        self.formed.append(made)
        if likeness:
            self._by_rule.setdefault(placement.rule.index, []).insert(0, made)
        return made


def _tally(rule: GroupingRule, count: MatchCount | None) -> RuleTally:
    return RuleTally(rule.name, count.matched, count.failed, count.failure) if count else RuleTally(rule.name, 0, 0, "")
