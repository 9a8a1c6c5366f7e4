"""Reading the ledger, and verifying it."""

from collections.abc import AsyncIterator

from services.governance.domain.ledger import LedgerEntry, LedgerHead
from services.governance.domain.verification import VerificationProgress, verify_entries, verify_head
from services.governance.storage.ledger_store import LedgerQuery, LedgerStore
from shared.paging import Page, PageQuery

_LOWEST_SEQUENCE = -(2**63)  # an entry forged below the first must be read to be found


class Ledger:
    """What people ask of the ledger."""

    def __init__(self, store: LedgerStore, batch: int) -> None:
        self._store = store
        self._batch = batch

    async def page(self, query: LedgerQuery, paging: PageQuery) -> Page[LedgerEntry]:
        return await self._store.page(query, paging)

    async def verify(self) -> AsyncIterator[VerificationProgress]:
        """Yields after every batch, and ends with the first fault or with none.

        Verifies the ledger as it stood at the call: entries never change, so the batches need no common transaction, and what is
        appended meanwhile is left for the next time.
        """
        tip = await self._store.tip()
        total = tip.head.count if tip.head else 0
        position, fault, first = LedgerHead(), None, _LOWEST_SEQUENCE
        while fault is None:
            stored = await self._store.stored_entries(first, tip.last_sequence, self._batch)
            if not stored:
                fault = verify_head(position, tip)
                break
            position, fault = verify_entries(position, stored)
            first = stored[-1].entry.sequence + 1
            if fault is None:
                yield VerificationProgress(position, total)
        yield VerificationProgress(position, total, done=True, fault=fault)
