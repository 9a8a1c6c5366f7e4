"""Recording events: each becomes one ledger entry, and what it shows is drawn into the lineage."""

import asyncio
from collections.abc import Sequence

from services.governance.domain.arrival import Arrival
from services.governance.domain.errors import EventMalformed
from services.governance.domain.ledger import LedgerEntry, check_event
from services.governance.domain.reconciliation import OWN_SOURCES
from services.governance.storage.record_store import RecordStore, prepared
from services.governance.usecases.ledger import Ledger
from shared.clock import Clock
from shared.storage.group_commit import GroupCommit

_MOST_AT_ONCE = 1000


class RecordEvents:
    """Takes events of any type and version: a ledger has no use for the idea of a stale event.

    Calls that come together share one transaction: each waits for the head, and for the disk, once.
    """

    def __init__(self, store: RecordStore, ledger: Ledger, clock: Clock) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        # Two, of which one prepares what the other's head will be needed for, and then waits for it here and not in the database.
        self._group = GroupCommit(self._append, len, most_weight=_MOST_AT_ONCE, workers=2)
        self._turn = asyncio.Lock()

    async def __call__(self, arrivals: Sequence[Arrival]) -> int:
        """Returns how many entries are new, durable by then, or with the transaction that the caller is in.

        Raises EventMalformed before anything is written, and Overloaded.
        """
        for arrival in arrivals:
            check_event(arrival.event)
            if arrival.event.source in OWN_SOURCES:  # an erasure or a seal that nobody did would cover up a theft
                raise EventMalformed("source", f"{arrival.event.source} is what governance writes itself, which nobody can deliver")
        if self._store.is_joined:
            # Without waiting for a turn: whoever has it may wait for the head, which the caller's transaction may hold already.
            return self._told([arrivals], await self._store.append(prepared(arrivals), self._clock.now()))[0]
        return await self._group.submit(arrivals)

    async def _append(self, calls: Sequence[Sequence[Arrival]]) -> Sequence[int]:
        work = prepared([arrival for arrivals in calls for arrival in arrivals])
        async with self._turn:
            entries = await self._store.append(work, self._clock.now())
        return self._told(calls, entries)

    def _told(self, calls: Sequence[Sequence[Arrival]], entries: Sequence[LedgerEntry]) -> list[int]:
        """Wakes those who watch, and returns how many of the entries are of each call."""
        self._ledger.grew()
        fresh = {(entry.source, entry.event_id) for entry in entries}
        return [len(fresh & {arrival.key for arrival in arrivals}) for arrivals in calls]
