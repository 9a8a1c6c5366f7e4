"""Work records: person-hours somebody spent on an incident, on a roadmap item, or on work of a category."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import IntEnum

from services.allocation.domain.errors import FieldRefused, RoadmapItemNotFound, TeamNotFound, WorkCategoryUnknown, WorkInFuture
from services.allocation.domain.roadmap import RoadmapItem
from services.allocation.domain.sprint import check_calendar


class WorkClass(IntEnum):
    """What work counts as; the numbers are the contract's."""

    REMEDIATION = 1
    ROADMAP = 2
    OTHER = 3


@dataclass(frozen=True, slots=True)
class WorkRecord:
    """Hours worked; exactly one of `incident`, `roadmap_item` and `category` is set. `name` is empty until it is stored.

    One that takes another back has its hours below zero, and names it in `reverses`; what stands in for another names it in `replaces`.
    """

    name: str
    team: str
    member: str
    incident: str
    roadmap_item: str
    hours: Decimal
    worked_at: datetime
    note: str
    category: str = ""
    work_class: WorkClass | None = None
    reverses: str = ""
    replaces: str = ""
    correction_reason: str = ""
    author: str = ""
    is_corrected: bool = False

    @property
    def purpose(self) -> str:
        return self.incident or self.roadmap_item or self.category


Categories = Mapping[str, WorkClass]
NO_CATEGORIES: Categories = {}


@dataclass(frozen=True, slots=True)
class WorkGround:
    """What records are checked against."""

    teams: frozenset[str]
    items: Mapping[str, RoadmapItem]
    categories: Categories
    now: datetime


def class_of(record: WorkRecord, categories: Categories) -> WorkClass:
    """Returns what a record counts as. Raises KeyError for a category that is not known."""
    if record.incident:
        return WorkClass.REMEDIATION
    return WorkClass.ROADMAP if record.roadmap_item else categories[record.category]


def check_work(
    records: Sequence[WorkRecord],
    teams: frozenset[str],
    items: Mapping[str, RoadmapItem],
    now: datetime,
    categories: Categories = NO_CATEGORIES,
) -> None:
    """Refuses records that break a rule. Raises what `check_record` raises."""
    for index, record in enumerate(records):
        check_record(f"records[{index}]", record, WorkGround(teams, items, categories, now))


def check_record(field: str, record: WorkRecord, ground: WorkGround) -> None:
    """Raises TeamNotFound, RoadmapItemNotFound, WorkCategoryUnknown, WorkInFuture or FieldRefused."""
    if record.team not in ground.teams:
        raise TeamNotFound(record.team)
    check_calendar(f"{field}.worked_at", record.worked_at)
    if record.worked_at > ground.now:
        rule = f"{record.worked_at.isoformat()} is later than now, {ground.now.isoformat()}; record work once done"
        raise WorkInFuture.at(f"{field}.worked_at", rule)
    if not record.hours:
        raise FieldRefused.at(f"{field}.hours", "comes to zero at a millionth of an hour; send at least 0.000001")
    if record.category and record.category not in ground.categories:
        known = ", ".join(sorted(ground.categories)) or "none"
        rule = f"{record.category!r} is no category of work; there are {known} (the setting WORK_CATEGORIES)"
        raise WorkCategoryUnknown.at(f"{field}.category", rule)
    if record.roadmap_item:
        _check_item(field, record, ground.items)


def _check_item(field: str, record: WorkRecord, items: Mapping[str, RoadmapItem]) -> None:
    if record.roadmap_item not in items:
        raise RoadmapItemNotFound(record.roadmap_item)
    if items[record.roadmap_item].team != record.team:
        raise FieldRefused.at(
            f"{field}.roadmap_item", f"{record.roadmap_item} belongs to {items[record.roadmap_item].team}; record it under that team"
        )


def reversal_of(record: WorkRecord, name: str, reason: str, author: str) -> WorkRecord:
    """Returns the record that takes another back: with both, every sum is what it would be without either."""
    return replace(
        record,
        name=name,
        hours=-record.hours,
        reverses=record.name,
        replaces="",
        correction_reason=reason,
        author=author,
        is_corrected=False,
    )
