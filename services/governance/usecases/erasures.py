"""Erasing contents: what must be forgotten goes, that it went is recorded, and every proof still holds."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from services.governance.domain.arrival import Arrival
from services.governance.domain.erasure import ERASURE_TYPE, MOST_AT_ONCE, Erased, Whole, parted, record_name
from services.governance.domain.errors import EntryNotFound, ErasureAimless
from services.governance.domain.own_record import LEDGER_SOURCE, OwnRecord
from services.governance.storage.erasure_store import ErasureStore
from services.governance.storage.ledger_store import EntryFilter
from services.governance.usecases.ledger import Ledger
from services.governance.usecases.own_records import event_of
from shared.clock import Clock
from shared.errors import check_reason

Encode = Callable[[Whole], bytes]
"""Gives the data of the record that an entry's content was erased."""


@dataclass(frozen=True, slots=True)
class Target:
    """Entries by their positions, or all that fit a filter."""

    sequences: tuple[int, ...]
    wanted: EntryFilter


class Erasures:
    """Erases at most MOST_AT_ONCE contents a call, so that appending waits no longer than for a large batch."""

    def __init__(self, store: ErasureStore, ledger: Ledger, encode: Encode, clock: Clock) -> None:
        self._store = store
        self._ledger = ledger
        self._encode = encode
        self._clock = clock

    async def __call__(self, target: Target, reason: str, *, validate_only: bool) -> Erased:
        """Erases what is there to erase, and says of everything else that was meant why it is not. Raises ErasureAimless, EntryNotFound."""
        check_reason("reason", reason)
        if bool(target.sequences) == (not target.wanted.is_empty):
            raise ErasureAimless
        unknown = await self._store.unknown(target.sequences)
        if unknown is not None:
            raise EntryNotFound(*unknown, field="sequences")
        left = await self._store.left(target.sequences, target.wanted, MOST_AT_ONCE)
        found = await self._store.kept(target.sequences, target.wanted, MOST_AT_ONCE + 1)
        chosen, altered = parted(found[:MOST_AT_ONCE])
        if chosen and not validate_only:
            now = self._clock.now()
            await self._store.erase([each.sequence for each in chosen], [self._record(each, reason, now) for each in chosen], now)
            self._ledger.grew()
        # Where nothing could be erased, calling again would not help.
        more = len(found) > MOST_AT_ONCE and bool(chosen)
        unerased = sorted((*left, *altered), key=lambda each: each.sequence)[:MOST_AT_ONCE]
        return Erased(tuple(each.sequence for each in chosen), more, tuple(unerased))

    def _record(self, erased: Whole, reason: str, now: datetime) -> Arrival:
        record = OwnRecord(LEDGER_SOURCE, ERASURE_TYPE, record_name(erased.sequence), self._encode(erased))
        return Arrival(event_of(record, reason, now), version=1)
