"""Reading the ledger, following it, and verifying it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from services.governance.domain.verification import Evidence, VerificationProgress, verify_entries, verify_head
from services.governance.storage.ledger_store import EntryFilter, KeptEntry, LedgerStore
from shared.errors import Unavailable
from shared.paging import Page, PageQuery
from shared.transparency.merkle import Peaks
from shared.transparency.tiles import WIDTH, Tile

_LOWEST_SEQUENCE = -(2**63)  # an entry forged below the first must be read to be found
_WATCHED_AT_ONCE = 200
_POLL_SECONDS = 0.5
_HEARTBEAT_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Watched:
    """An entry, or None as a sign of life, and the position up to which all was told."""

    kept: KeptEntry | None
    sequence: int


class Ledger:
    """What people ask of the ledger."""

    def __init__(self, store: LedgerStore, batch: int) -> None:
        self._store = store
        self._batch = batch
        self._grew = asyncio.Event()
        self._is_over = False

    async def page(self, wanted: EntryFilter, after: int, paging: PageQuery) -> Page[KeptEntry]:
        return await self._store.page(wanted, after, paging)

    def grew(self) -> None:
        """Wakes those who watch; entries that another replica writes are found by looking."""
        self._grew.set()
        self._grew = asyncio.Event()

    async def close(self) -> None:
        """Ends every watch, so that its reader finds another replica at once."""
        self._is_over = True
        self.grew()

    async def watch(self, wanted: EntryFilter, after: int) -> AsyncIterator[Watched]:
        """Yields entries after a position, from now on where that is -1, and a sign of life where none came for a while.

        Sequences commit in their order, so what lies below the last is all there. Raises Unavailable when the service stops.
        """
        position = (await self._store.tip()).last_sequence if after < 0 else after
        yield Watched(None, position)
        quiet = 0.0
        while not self._is_over:
            grew = self._grew
            last = (await self._store.tip()).last_sequence
            kept = await self._store.kept([wanted], (position + 1, last), _WATCHED_AT_ONCE) if last > position else []
            for each in kept:
                yield Watched(each, each.entry.sequence)
            position = kept[-1].entry.sequence if len(kept) == _WATCHED_AT_ONCE else max(position, last)
            quiet = 0.0 if kept else quiet + _POLL_SECONDS
            if quiet >= _HEARTBEAT_SECONDS:
                quiet = 0.0
                yield Watched(None, position)
            if len(kept) < _WATCHED_AT_ONCE:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_SECONDS):
                        await grew.wait()
        raise Unavailable("the service stops; go on with the last sequence as after_sequence", reason="STREAM_ENDED")

    async def verify(self) -> AsyncIterator[VerificationProgress]:
        """Yields after every batch, and ends with the first fault or with none.

        Verifies the ledger as it stood at the call: entries never change, so the batches need no common transaction, and what is
        appended meanwhile is left for the next time.
        """
        tip, sealed_through = await self._store.tip(), await self._store.sealed_through()
        total = tip.head.size if tip.head else 0
        position, fault, first = Peaks(), None, _LOWEST_SEQUENCE
        while fault is None:
            stored = await self._store.stored_entries(first, tip.last_sequence, self._batch)
            if not stored:
                fault = verify_head(position, tip)
                break
            end = position.size + len(stored)
            kept = await self._store.tiles(_tiles_over(position.size, end))
            issued = [each.issued for each in await self._store.checkpoints(position.size, end)]
            position, fault = verify_entries(position, stored, Evidence(kept, issued, sealed_through))
            first = stored[-1].sequence + 1
            if fault is None:
                yield VerificationProgress(position, total)
        yield VerificationProgress(position, total, done=True, fault=fault)


def _tiles_over(begin: int, end: int) -> Iterable[Tile]:
    """Yields the tiles that have a hash over any of these leaves."""
    level = 0
    while begin < end:
        yield from ((level, index) for index in range(begin // WIDTH, (end - 1) // WIDTH + 1))
        level, begin, end = level + 1, begin // WIDTH, end // WIDTH
