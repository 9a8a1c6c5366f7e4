"""Reconciling: going on with what services say they recorded, and raising an alarm where the ledger does not agree."""

from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from services.governance.domain.reconciliation import Discrepancy, Reconciliation
from services.governance.storage.reconciliation_store import Decode, ReconciliationStore
from shared.paging import Page, PageQuery

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter

_log = structlog.get_logger(__name__)


class Reconciliations:
    """Compares every minute; an alarm is a metric that is not zero, and a line in the log for what is new."""

    def __init__(self, store: ReconciliationStore, decode: Decode, meter: "Meter") -> None:
        self._store = store
        self._decode = decode
        self._count = 0
        self._gauge = meter.create_gauge(
            "ballast_governance_ledger_discrepancies", "{entry}", "Places where the ledger does not agree with what services recorded."
        )

    async def tick(self, now: datetime) -> None:
        """`now` is not used: a ledger is reconciled by the clock of its database."""
        del now
        await self()

    async def __call__(self) -> Reconciliation:
        """Goes on to the present and returns how it stands."""
        while await self._store.reconcile(self._decode):
            pass
        found = await self._store.state()
        self._gauge.set(found.discrepancy_count)
        if found.discrepancy_count > self._count:
            kinds = {kind.value: count for kind, count in found.counts.items()}
            _log.error("the ledger does not agree with what services recorded", count=found.discrepancy_count, **kinds)
        self._count = found.discrepancy_count
        return found

    async def page(self, paging: PageQuery) -> tuple[Reconciliation, Page[Discrepancy]]:
        """Returns how it stands and a page of where it does not agree; only the first page goes on to the present."""
        found = await (self._store.state() if paging.cursor else self())
        return found, await self._store.page(paging)
