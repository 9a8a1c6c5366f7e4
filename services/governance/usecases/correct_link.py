"""Correcting lineage: what a person says of an edge is an entry of the ledger, and the edge is what they hold of it from then on."""

from collections.abc import Callable

from services.governance.domain.arrival import Arrival
from services.governance.domain.correction import (
    CORRECTION_SOURCE,
    CORRECTION_TYPE,
    Correction,
    Judged,
    Verdict,
    after,
    check_link,
    drawing_of_statement,
    judged,
)
from services.governance.domain.ledger import RecordedEvent
from services.governance.domain.lineage import RecordedEdge
from services.governance.storage.link_store import LinkStore
from services.governance.usecases.ledger import Ledger
from shared.clock import Clock
from shared.ids import new_id
from shared.principal import current_cause, current_principal_name
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
        """Returns the edge after it. Raises LinkUnusable, LinkNotFound, LinkExists, LinkChanged."""
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
        now = self._clock.now()
        event = RecordedEvent(
            event_id=str(new_id(now)),
            source=CORRECTION_SOURCE,
            type=CORRECTION_TYPE,
            subject=correction.link.name,
            principal=current_principal_name(),
            event_time=now,
            trace_id=trace_ids()[0],
            payload=self._encode(correction, outcome),
            method=current_cause().method,
            reason=reason,
        )
        shown = drawing_of_statement(correction, outcome.confidence) if correction.verdict is Verdict.STATED else None
        return Arrival(event, outcome.version, shown)
