"""Reconciling: going on with what services say they recorded, and raising an alarm where the ledger does not agree."""

from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from services.governance.domain.reconciliation import DiscrepancyKind, Reconciliation
from services.governance.storage.reconciliation_store import Decode, ReconciliationStore

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter

_TOLD_AT_ONCE = 100
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
        found = await self._store.state(_TOLD_AT_ONCE)
        self._gauge.set(found.discrepancy_count)
        if found.discrepancy_count > self._count:
            kinds = {kind.value: sum(each.kind is kind for each in found.discrepancies) for kind in DiscrepancyKind}
            _log.error("the ledger does not agree with what services recorded", count=found.discrepancy_count, **kinds)
        self._count = found.discrepancy_count
        return found
