"""Effort: the stated rules by which the replay says how many hours went into incidents, and into which roadmap items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from clients.cli.demo.cadence import Cadence
from clients.cli.demo.catalogue import ItemEntry, WorkRule
from clients.cli.demo.outage_file import Outage
from clients.cli.demo.schedule import TICK

_HOUR_SECONDS = 3600.0
_DIGITS = 2


@dataclass(frozen=True, slots=True)
class Work:
    """Person-hours somebody worked up to a moment."""

    worked_at: datetime
    hours: float
    note: str


def remediation_work(outage: Outage, rule: WorkRule, cadence: Cadence) -> tuple[Work, ...]:
    """Returns one team's work on an outage: responders × min(duration, at most), spread evenly over the sprints it lasted through,
    and the follow-up at its end. Hours to a hundredth; the parts sum to the whole."""
    lasted = outage.duration.total_seconds() / _HOUR_SECONDS
    total = round(rule.responders * min(lasted, rule.restore_hours_at_most), _DIGITS)
    spans = _spans(outage, cadence)
    parts: list[Work] = []
    left = total
    for index, (until, share) in enumerate(spans):
        hours = left if index == len(spans) - 1 else round(total * share, _DIGITS)
        left = round(left - hours, _DIGITS)
        parts.append(Work(until, hours, f"restoring: {rule.responders} responders"))
    parts.append(Work(outage.end, rule.follow_up_hours, "follow-up: cause and mending"))
    return tuple(part for part in parts if part.hours > 0)


def _spans(outage: Outage, cadence: Cadence) -> list[tuple[datetime, float]]:
    """Returns, for each sprint an outage lasted through, its last moment there and the share of its duration that fell there."""
    if not outage.duration:
        return []
    spans = []
    begin = outage.begin
    while begin < outage.end:
        until = min(cadence.end(cadence.number_at(begin)), outage.end)
        # The end of a sprint belongs to the next one.
        moment = until if until == outage.end and cadence.number_at(until) == cadence.number_at(begin) else until - TICK
        spans.append((moment, (until - begin) / outage.duration))
        begin = until
    return spans


def roadmap_hours(capacity: float, reserved_for_roadmap: float, remediation: float) -> float:
    """Returns the hours a sprint leaves for the roadmap: its share, less what remediation took beyond its own.

    What remediation leaves of its reserve goes into preventing the next incident, and is not recorded.
    """
    return round(max(0.0, min(reserved_for_roadmap, capacity - remediation)), _DIGITS)


def spend(items: Sequence[ItemEntry], remaining: Mapping[str, float], hours: float) -> dict[str, float]:
    """Returns how hours are spent: on the item with the highest cost of delay for each hour it still needs, among those whose
    dependencies are done, until it is done; then the next."""
    left = dict(remaining)
    spent: dict[str, float] = {}
    while hours > 0:
        item = _next(items, left)
        if item is None:
            break
        part = min(hours, left[item.id])
        hours = round(hours - part, _DIGITS)
        left[item.id] = round(left[item.id] - part, _DIGITS)
        spent[item.id] = round(spent.get(item.id, 0.0) + part, _DIGITS)
    return spent


def _next(items: Sequence[ItemEntry], left: Mapping[str, float]) -> ItemEntry | None:
    ready = [item for item in items if left[item.id] > 0 and not any(left[needed] > 0 for needed in item.dependencies)]
    return min(ready, key=lambda item: (-item.cost_of_delay_per_week_usd / left[item.id], item.id), default=None)
