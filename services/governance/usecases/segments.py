"""Sealing segments: old entries are given away, and what proves them stays."""

from collections.abc import Callable

from services.governance.domain.arrival import Arrival
from services.governance.domain.errors import SegmentFaulty
from services.governance.domain.own_record import LEDGER_SOURCE, OwnRecord
from services.governance.domain.segment import SEGMENT_TYPE, Segment, check_segment
from services.governance.storage.ledger_store import LedgerStore
from services.governance.storage.segment_store import SegmentStore
from services.governance.usecases.ledger import Ledger
from services.governance.usecases.own_records import event_of
from services.governance.usecases.proofs import Proofs
from shared.clock import Clock
from shared.errors import check_reason
from shared.paging import Page, PageQuery
from shared.principal import current_principal_name

Encode = Callable[[Segment], bytes]
"""Gives the data of the record that a segment was sealed."""


class Segments:
    """Seals from the last sealed entry on, always whole tiles, so that every proof is still made of what is kept."""

    def __init__(self, stores: tuple[SegmentStore, LedgerStore], ledger: Ledger, proofs: Proofs, encode: Encode, clock: Clock) -> None:
        self._store, self._ledger_store = stores
        self._ledger = ledger
        self._proofs = proofs
        self._encode = encode
        self._clock = clock

    async def seal(self, last: int, reason: str, *, validate_only: bool) -> Segment:
        """Raises SegmentRefused, and SegmentFaulty or LedgerForked: a ledger that does not fit, or is not what was signed, is evidence, and
        nothing of it is given away.
        """
        check_reason("reason", reason)
        sealed_through = await self._ledger_store.sealed_through()
        check_segment(last, sealed_through, await self._proofs.size())
        signed = await self._proofs.checkpoint(last)
        await self._check_whole()
        now = self._clock.now()
        segment = Segment(sealed_through + 1, last, signed.issued.root, current_principal_name(), reason, now)
        if not validate_only:
            await self._store.seal(segment, self._record(segment))
            self._ledger.grew()
        return segment

    async def _check_whole(self) -> None:
        """All of it: what a content was erased by may stand anywhere after it, and must itself fit. Raises SegmentFaulty."""
        async for progress in self._ledger.verify():
            if progress.fault is not None:
                raise SegmentFaulty(progress.fault.sequence, progress.fault.reason.value, progress.fault.detail)

    async def page(self, paging: PageQuery) -> Page[Segment]:
        return await self._store.page(paging)

    def _record(self, segment: Segment) -> Arrival:
        record = OwnRecord(LEDGER_SOURCE, SEGMENT_TYPE, segment.name, self._encode(segment))
        return Arrival(event_of(record, segment.reason, segment.sealed_at), version=1)
