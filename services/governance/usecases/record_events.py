"""Recording events: each becomes one ledger entry, and what it shows is drawn into the lineage."""

from collections.abc import Sequence

from services.governance.domain.arrival import Arrival
from services.governance.domain.ledger import LedgerEntry, check_event
from services.governance.storage.record_store import RecordStore
from shared.clock import Clock


class RecordEvents:
    """Takes events of any type and version: a ledger has no use for the idea of a stale event."""

    def __init__(self, store: RecordStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def __call__(self, arrivals: Sequence[Arrival]) -> tuple[LedgerEntry, ...]:
        """Returns the new entries; events recorded before have none. Raises EventMalformed before anything is written."""
        for arrival in arrivals:
            check_event(arrival.event)
        return await self._store.append(arrivals, self._clock.now())
