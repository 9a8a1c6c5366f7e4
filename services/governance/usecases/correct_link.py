"""Correcting lineage: what a person says of an edge is an entry of the ledger, and the edge is what they hold of it from then on."""

from collections.abc import Callable

from services.governance.domain.arrival import Arrival
from services.governance.domain.correction import (
    CORRECTION_TYPE,
    Correction,
    Judged,
    Verdict,
    after,
    check_link,
    drawing_of_statement,
    judged,
)
from services.governance.domain.lineage import RecordedEdge
from services.governance.domain.own_record import LINEAGE_SOURCE, OwnRecord
from services.governance.storage.link_store import LinkStore
from services.governance.usecases.ledger import Ledger
from services.governance.usecases.own_records import event_of
from shared.clock import Clock
from shared.errors import check_reason
from shared.telemetry import trace_ids

EncodeCorrection = Callable[[Correction, Judged], bytes]
"""Gives the data of the record that an edge was corrected."""


class CorrectLink:
    """One correction at a time: each is judged by the edge as the one before left it."""

    def __init__(self, store: LinkStore, ledger: Ledger, encode: EncodeCorrection, clock: Clock) -> None:
        self._store = store
        self._ledger = ledger
        self._encode = encode
        self._clock = clock

    async def __call__(self, correction: Correction, reason: str, *, validate_only: bool) -> RecordedEdge:
        """Returns the edge after it. Raises LinkUnusable, LinkNotFound, LinkExists, LinkChanged, and for no reason given."""
        check_reason("reason", reason)
        check_link(correction.link)
        if validate_only:
            return await self._foreseen(correction)

        def judge(held: RecordedEdge | None) -> tuple[Arrival, Judged]:
            outcome = judged(held, correction)
            return self._record(correction, outcome, reason), outcome

        found = await self._store.judge(correction.link, judge, self._clock.now())
        self._ledger.grew()
        return found

    async def _foreseen(self, correction: Correction) -> RecordedEdge:
        held = await self._store.link(correction.link)
        outcome = judged(held, correction)
        if correction.verdict is not Verdict.DENIED:
            await self._store.check_circle(correction.link)
        if held is not None:
            return after(held, outcome)
        (edge,) = drawing_of_statement(correction, outcome.confidence).edges
        return RecordedEdge(edge, trace_ids()[0], 0, self._clock.now())

    def _record(self, correction: Correction, outcome: Judged, reason: str) -> Arrival:
        record = OwnRecord(LINEAGE_SOURCE, CORRECTION_TYPE, correction.link.name, self._encode(correction, outcome))
        shown = drawing_of_statement(correction, outcome.confidence) if correction.verdict is Verdict.STATED else None
        return Arrival(event_of(record, reason, self._clock.now()), outcome.version, shown)
