"""Where decisions stand: every state, and everything that happens to it."""

import pytest

from services.allocation.domain.standing import ApprovalGround, DecisionState, Occurrence, Standing, first_standing
from tests.support.allocation import moment

S, O = DecisionState, Occurrence  # noqa: E741 - short names keep the table a table
NOW = moment(2)
TABLE = {
    S.PROPOSED: {O.AGREED: S.IN_FORCE, O.REFUSED: S.REJECTED, O.EXPIRED: S.LAPSED, O.OVERTAKEN: S.LAPSED},
    S.IN_FORCE: {O.REPLACED: S.SUPERSEDED, O.TAKEN_BACK: S.ROLLED_BACK},
    S.SUPERSEDED: {O.TAKEN_BACK: S.ROLLED_BACK},
    S.REJECTED: {},
    S.LAPSED: {},
    S.ROLLED_BACK: {},
}


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("occurrence", O)
def test_what_happens_to_a_decision_leads_where_the_table_says(state: DecisionState, occurrence: Occurrence) -> None:
    before = Standing(state, "before")
    after = before.after(occurrence, "after", NOW)
    expected = TABLE[state].get(occurrence)
    if expected is None:
        assert after is before
        return
    assert (after.state, after.reason, after.version) == (expected, "after", 2)
    assert after.in_force_at == (NOW if occurrence is O.AGREED else None)


def test_without_grounds_it_is_in_force_as_it_is_made_and_with_them_it_waits() -> None:
    free = first_standing((), "ada", NOW)
    assert (free.state, free.in_force_at) == (S.IN_FORCE, NOW)
    waiting = first_standing((ApprovalGround("share_change", "Large."),), "ada", NOW)
    assert (waiting.state, waiting.in_force_at, waiting.waits) == (S.PROPOSED, None, True)


def test_news_that_are_none_make_no_new_version() -> None:
    waiting = first_standing((ApprovalGround("share_change", "Large."),), "ada", NOW)
    told = waiting.told("Waits.", "approvals/1", "allocation")
    assert (told.version, told.approval, told.told("Waits.")) == (2, "approvals/1", told)
