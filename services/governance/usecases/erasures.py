"""Erasing contents: what must be forgotten goes, that it went is recorded, and every proof still holds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.governance.domain.arrival import Arrival
from services.governance.domain.erasure import ERASURE_SOURCE, ERASURE_TYPE, MOST_AT_ONCE, Erasure, Whole, record_name
from services.governance.domain.errors import ErasureAimless
from services.governance.domain.ledger import RecordedEvent
from services.governance.storage.erasure_store import ErasureStore
from services.governance.storage.ledger_store import EntryFilter
from services.governance.usecases.ledger import Ledger
from shared.clock import Clock
from shared.errors import check_reason
from shared.ids import new_id
from shared.principal import current_cause, current_principal_name
from shared.telemetry import trace_ids

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

    async def __call__(self, target: Target, reason: str, *, validate_only: bool) -> tuple[list[int], bool]:
        """Returns the positions of what is erased now and was not before, and whether more is left. Raises ErasureAimless."""
        check_reason("reason", reason)
        if bool(target.sequences) == (not target.wanted.is_empty):
            raise ErasureAimless
        found = await self._store.whole(target.sequences, target.wanted, MOST_AT_ONCE + 1)
        chosen, more = found[:MOST_AT_ONCE], len(found) > MOST_AT_ONCE
        if chosen and not validate_only:
            method, trace_id = current_cause().method, trace_ids()[0]
            erasure = Erasure(current_principal_name(), method, reason, trace_id, self._clock.now())
            await self._store.erase(chosen, self._records(chosen, erasure), erasure.time)
            self._ledger.grew()
        return [each.sequence for each in chosen], more

    def _records(self, chosen: Sequence[Whole], erasure: Erasure) -> list[Arrival]:
        return [
            Arrival(
                RecordedEvent(
                    event_id=str(new_id(erasure.time)),
                    source=ERASURE_SOURCE,
                    type=ERASURE_TYPE,
                    subject=record_name(each.sequence),
                    principal=erasure.principal,
                    event_time=erasure.time,
                    trace_id=erasure.trace_id,
                    payload=self._encode(each),
                    method=erasure.method,
                    reason=erasure.reason,
                ),
                version=1,
            )
            for each in chosen
        ]
