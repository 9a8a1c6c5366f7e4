"""Pending links: edges to what nobody has told of yet, and the report of those that were told of too long ago."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from services.governance.storage.link_store import LinkStore, PendingLink
from shared.clock import Clock
from shared.paging import PageQuery

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Aged:
    """A pending link, and how long it has been one."""

    pending: PendingLink
    age: timedelta
    is_overdue: bool


class PendingLinks:
    """Counts every minute; `patience` is how long the event of a node that was named may take."""

    def __init__(self, store: LinkStore, clock: Clock, meter: "Meter", patience: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._patience = patience
        self._overdue = 0
        self._gauge = meter.create_gauge(
            "ballast_governance_lineage_pending_links", "{link}", "Edges of the lineage with an end whose own event has not come."
        )
        self._overdue_gauge = meter.create_gauge(
            "ballast_governance_lineage_overdue_links", "{link}", "Of these, edges that were recorded longer ago than an event may take."
        )

    async def __call__(self, least_age: timedelta, paging: PageQuery) -> tuple[Sequence[Aged], str]:
        """Returns a page of those at least so old, the oldest first, and the token of the next."""
        now = self._clock.now()
        page = await self._store.pending(now - least_age, paging)
        ages = [now - each.recorded.create_time for each in page.items]
        return [Aged(each, age, age > self._patience) for each, age in zip(page.items, ages, strict=True)], page.next_page_token

    async def tick(self, now: datetime) -> None:
        """Sets the gauges, and says so in the log when more are overdue than before."""
        found = await self._store.pending_count(now, now - self._patience)
        self._gauge.set(found.pending)
        self._overdue_gauge.set(found.overdue)
        if found.overdue > self._overdue:
            _log.warning("edges of the lineage lead to what no service has told of", overdue=found.overdue, pending=found.pending)
        self._overdue = found.overdue
