"""Maintenance windows in PostgreSQL."""

from datetime import datetime
from itertools import groupby
from uuid import UUID

from sqlalchemy import select, true

from services.intake.domain.errors import MaintenanceWindowNotFound
from services.intake.domain.maintenance_window import MOST_IN_FORCE, MaintenanceWindow
from services.intake.domain.muting_events import MaintenanceWindowChanged
from services.intake.storage.muting_rows import window_from_row, window_to_row
from services.intake.storage.muting_tables import maintenance_window, maintenance_window_version
from services.intake.storage.versioned_store import Shape, VersionedStore
from shared.events.outbox import Outbox
from shared.paging import Page, PageQuery
from shared.storage.database import Database

_SHAPE = Shape(
    "maintenanceWindows",
    maintenance_window,
    maintenance_window_version,
    window_from_row,
    window_to_row,
    MaintenanceWindowChanged,
    MaintenanceWindowNotFound,
    MOST_IN_FORCE,
)


class WindowStore(VersionedStore[MaintenanceWindow]):
    """Maintenance windows and their versions."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        super().__init__(database, outbox, _SHAPE)

    async def in_force_or_ahead(self, now: datetime, query: PageQuery) -> Page[MaintenanceWindow]:
        """Returns a page of those that are not over at `now`, newest first."""
        return await self.page(maintenance_window.c.ends_at > now, query)

    async def every(self, query: PageQuery) -> Page[MaintenanceWindow]:
        return await self.page(true(), query)

    async def versions_between(self, after: datetime, before: datetime, identifier: UUID | None) -> list[list[MaintenanceWindow]]:
        """Returns, for each window (or this one) that may have been in force between the times, all its versions, oldest first."""
        versions = maintenance_window_version
        touching = select(versions.c.id).where(versions.c.first_at < before, versions.c.ends_at > after)
        statement = select(versions).where(versions.c.id.in_(touching)).order_by(versions.c.id, versions.c.version)
        if identifier is not None:
            statement = statement.where(versions.c.id == identifier)
        async with self._database.transaction() as connection:
            rows = [window_from_row(row) for row in await connection.execute(statement)]
        return [list(group) for _, group in groupby(rows, key=lambda each: each.id)]
