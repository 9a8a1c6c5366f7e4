"""Planning maintenance: creating, changing and cancelling windows, and knowing when they are in force."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID

from services.intake.domain.errors import MutingRefused
from services.intake.domain.maintenance_window import (
    MaintenanceWindow,
    Occurrence,
    PlannedOccurrence,
    Schedule,
    WindowChange,
    WindowEdit,
    cancel,
    check_window,
    edit,
    occurrences_between,
    upcoming,
)
from services.intake.domain.matcher import Matchers
from services.intake.storage.window_store import WindowStore
from shared.clock import Clock
from shared.errors import Violation
from shared.ids import new_id
from shared.paging import Page, PageQuery
from shared.principal import current_principal_name

MOST_UPCOMING = 10
LONGEST_VIEW = timedelta(days=366)
_USUAL_VIEW = timedelta(days=31)
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class NewWindow:
    """What is planned, by whom it was approved, and why."""

    matchers: Matchers
    schedule: Schedule
    reason: str
    approver: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A window and the next times it is in force."""

    window: MaintenanceWindow
    upcoming: tuple[Occurrence, ...]


class Maintenance:
    """What planners do with maintenance windows."""

    def __init__(self, store: WindowStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(self, new: NewWindow, *, validate_only: bool) -> Plan:
        """Returns the window planned, stored unless it was only to be checked. Raises what `check_window` and the store do."""
        now = self._clock.now()
        window = _created(new, now)
        check_window(window, window.author)
        if window.ends_at <= now:
            raise MutingRefused([Violation("starts_at", f"lies before now, and the last occurrence ended at {window.ends_at.isoformat()}")])
        if not validate_only:
            await self._store.add(window, now)
        return Plan(window, upcoming(window, now, MOST_UPCOMING))

    async def update(self, identifier: UUID, etag: str, changed: WindowEdit, reason: str, *, validate_only: bool) -> Plan:
        now = self._clock.now()

        def change(before: MaintenanceWindow) -> MaintenanceWindow:
            return edit(before, changed, reason, current_principal_name(), now)

        change_stored = self._store.preview if validate_only else self._store.change
        window = await change_stored(identifier, etag, change)
        return Plan(window, upcoming(window, now, MOST_UPCOMING))

    async def cancel(self, identifier: UUID, etag: str, reason: str) -> MaintenanceWindow:
        now = self._clock.now()
        return await self._store.change(identifier, etag, lambda before: cancel(before, reason, current_principal_name(), now))

    async def get(self, identifier: UUID) -> MaintenanceWindow:
        return await self._store.get(identifier)

    async def page(self, paging: PageQuery, *, include_over: bool) -> Page[MaintenanceWindow]:
        return await (self._store.every(paging) if include_over else self._store.in_force_or_ahead(self._clock.now(), paging))

    async def versions(self, identifier: UUID, paging: PageQuery) -> Page[MaintenanceWindow]:
        return await self._store.versions(identifier, paging)

    async def occurrences(
        self, identifier: UUID | None, after: datetime | None, before: datetime | None, paging: PageQuery
    ) -> Page[PlannedOccurrence]:
        """Returns a page of the occurrences that touch the time from `after` (now) to `before` (31 days later), as they begin.

        The first page settles what now is; the next ones go on from it. Raises MutingRefused when that is more than LONGEST_VIEW.
        """
        if identifier is not None:
            await self._store.get(identifier)
        cursor = paging.cursor
        begin = datetime.fromisoformat(cursor[0]) if cursor else after or self._clock.now()
        end = before or begin + min(_USUAL_VIEW, _END_OF_TIME - begin)
        if not timedelta(0) < end - begin <= LONGEST_VIEW:
            description = f"must lie after the begin ({begin.isoformat()}), by at most {LONGEST_VIEW.days} days"
            raise MutingRefused([Violation("before", description)])
        versions = await self._store.versions_between(begin, end, identifier)
        merged = heapq.merge(*(occurrences_between(each, begin, end) for each in versions), key=_place)
        seen = tuple(cursor[1:])
        rows = list(islice(_following(merged, seen), paging.limit))
        return paging.page(rows, [(begin.isoformat(), *_place(each)) for each in rows])


def _place(planned: PlannedOccurrence) -> tuple[str, str, str]:
    """Returns what occurrences are sorted by, as text that sorts the same."""
    begin = planned.occurrence.starts_at
    return (f"{begin:%Y%m%d%H%M%S%f}", planned.window.name, f"{planned.window.version:019}")


def _following(sorted_: Iterator[PlannedOccurrence], seen: tuple[str, ...]) -> Iterator[PlannedOccurrence]:
    return (each for each in sorted_ if _place(each) > seen)


def _created(new: NewWindow, now: datetime) -> MaintenanceWindow:
    author = current_principal_name()
    return MaintenanceWindow(
        id=new_id(now),
        version=1,
        matchers=new.matchers,
        schedule=new.schedule,
        reason=new.reason,
        approver=new.approver.strip(),
        author=author,
        change=WindowChange.CREATED,
        changed_by=author,
        change_reason="",
        cancelled_at=None,
        created_at=now,
        updated_at=now,
    )
