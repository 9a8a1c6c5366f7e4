"""Work records: person-hours somebody spent on an incident or on a roadmap item."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from services.allocation.domain.errors import FieldRefused, RoadmapItemNotFound, TeamNotFound, WorkInFuture
from services.allocation.domain.roadmap import RoadmapItem
from services.allocation.domain.sprint import check_calendar


@dataclass(frozen=True, slots=True)
class WorkRecord:
    """Hours worked; exactly one of `incident` and `roadmap_item` is set. `name` is empty until it is stored."""

    name: str
    team: str
    member: str
    incident: str
    roadmap_item: str
    hours: Decimal
    worked_at: datetime
    note: str


def check_work(records: Sequence[WorkRecord], teams: frozenset[str], items: Mapping[str, RoadmapItem], now: datetime) -> None:
    """Refuses records that break a rule. Raises TeamNotFound, RoadmapItemNotFound, WorkInFuture or FieldRefused."""
    for index, record in enumerate(records):
        field = f"records[{index}]"
        if record.team not in teams:
            raise TeamNotFound(record.team)
        check_calendar(f"{field}.worked_at", record.worked_at)
        if record.worked_at > now:
            raise WorkInFuture.at(
                f"{field}.worked_at", f"{record.worked_at.isoformat()} is later than now, {now.isoformat()}; record work once done"
            )
        if not record.hours:
            raise FieldRefused.at(f"{field}.hours", "comes to zero at a millionth of an hour; send at least 0.000001")
        if not record.roadmap_item:
            continue
        if record.roadmap_item not in items:
            raise RoadmapItemNotFound(record.roadmap_item)
        if items[record.roadmap_item].team != record.team:
            raise FieldRefused.at(
                f"{field}.roadmap_item", f"{record.roadmap_item} belongs to {items[record.roadmap_item].team}; record it under that team"
            )
