"""Receipts kept for calls that are repeated."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.alert import ReportOutcome
from services.intake.usecases.receipts import Receipts, blank_receipts, packed, unpacked

ids = st.one_of(st.none(), st.integers(1, 3).map(lambda number: UUID(int=number)), st.uuids().filter(lambda each: each.int))
rows = st.lists(st.tuples(ids, ids, st.sampled_from(ReportOutcome)))


@given(rows)
def test_receipts_come_back_as_they_were_kept(told: list[tuple[UUID | None, UUID | None, ReportOutcome]]) -> None:
    receipts = Receipts([each[0] for each in told], [each[1] for each in told], [each[2] for each in told])
    assert unpacked(packed(receipts)) == receipts


def test_an_incident_of_many_alerts_is_kept_once() -> None:
    one = Receipts([UUID(int=number) for number in range(1, 501)], [UUID(int=1)] * 500, [ReportOutcome.OPENED] * 500)
    assert len(packed(one)) == 4 + 500 * 21 + 16
    assert len(packed(blank_receipts(0))) == 4
