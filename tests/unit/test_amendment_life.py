"""The life of an amendment: what may be done in which state, by whom, and what its digest is of."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.amendments.amendment import WAITING, Agreement, Amendment, Cause, Comparison, State
from shared.amendments.difference import difference
from shared.amendments.errors import AmendmentClosed, EffectiveTimeRefused, NotTheAuthor
from shared.errors import BallastError

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
BODY = Comparison('{"limit":2}', 1, "")
DRAFT = Amendment(UUID(int=7), "severityMatrix", "severity-matrix", State.DRAFT, BODY, "ada", "Why.", NOON, NOON)
ACTIONS: dict[str, Callable[[Amendment], Amendment]] = {
    "revise": lambda held: held.revised(BODY, "", "ada", NOON),
    "propose": lambda held: held.proposed(BODY, None, "ada", NOON),
    "withdraw": lambda held: held.withdrawn("ada", "", NOON, is_admin=False),
}
ALLOWED = {
    "revise": {State.DRAFT},
    "propose": {State.DRAFT},
    "withdraw": {State.DRAFT, *WAITING},
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("action", ACTIONS)
def test_only_what_is_open_can_be_acted_on(action: str, state: State) -> None:
    held = replace(DRAFT, state=state)
    if state in ALLOWED[action]:
        assert ACTIONS[action](held).version == held.version + 1
    else:
        with pytest.raises(AmendmentClosed) as refused:
            ACTIONS[action](held)
        assert refused.value.metadata == {"name": held.name, "state": state.name}


@pytest.mark.parametrize("is_admin", [False, True])
@pytest.mark.parametrize("action", ["revise", "propose", "withdraw"])
def test_a_stranger_does_nothing_and_an_admin_withdraws(action: str, is_admin: bool) -> None:
    def act() -> Amendment:
        if action == "withdraw":
            return DRAFT.withdrawn("bo", "", NOON, is_admin=is_admin)
        return DRAFT.revised(BODY, "", "bo", NOON) if action == "revise" else DRAFT.proposed(BODY, None, "bo", NOON)

    if action == "withdraw" and is_admin:
        assert act().state is State.WITHDRAWN
    else:
        with pytest.raises(NotTheAuthor):
            act()


def test_a_time_must_lie_ahead() -> None:
    for at in (NOON, NOON - timedelta(days=1)):
        with pytest.raises(EffectiveTimeRefused):
            DRAFT.proposed(BODY, at, "ada", NOON)
    at = NOON + timedelta(seconds=1)
    proposed = DRAFT.proposed(BODY, at, "ada", NOON)
    assert (proposed.is_due(NOON), proposed.is_due(at)) == (False, True)


def test_the_digest_is_of_everything_that_approvers_see_and_of_nothing_else() -> None:
    proposed = DRAFT.proposed(BODY, None, "ada", NOON)
    assert DRAFT.digest == ""
    others = [
        replace(proposed, id=UUID(int=8)),
        replace(proposed, document="gatingRules"),
        replace(proposed, kind="gating-rules"),
        replace(proposed, comparison=Comparison('{"limit":3}', 1, "")),
        replace(proposed, comparison=Comparison('{"limit":2}', 2, "")),
        replace(proposed, author="bo"),
        replace(proposed, reason="Why not."),
        replace(proposed, effective_at=NOON + timedelta(days=1)),
    ]
    assert len({proposed.digest, *(each.digest for each in others)}) == 1 + len(others)
    moved = proposed.asked(Agreement(True, "approvals/1", "triage")).agreed(NOON).in_force(2, NOON)
    assert moved.digest == proposed.digest


def test_the_same_news_twice_is_no_news() -> None:
    waiting = DRAFT.proposed(BODY, None, "ada", NOON)
    suspended = waiting.suspended(Cause.REVIEW_OVERDUE, "late", NOON)
    assert suspended.suspended(Cause.REVIEW_OVERDUE, "late", NOON) is suspended
    agreed = suspended.agreed(NOON)
    assert (agreed.cause, agreed.detail, agreed.agreed(NOON) is agreed) == (Cause.AGREED, "", True)


def test_every_refusal_names_what_to_do() -> None:
    errors: list[BallastError] = [AmendmentClosed("amendments/1", "LAPSED"), NotTheAuthor("amendments/1", "ada")]
    assert all("draft" in each.message for each in errors)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(2, 9) | st.text("ab\n'\"#: -", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3),
    max_leaves=8,
)
documents = st.dictionaries(st.text("abc", min_size=1, max_size=3), json_values, max_size=4)


@given(documents, documents)
def test_a_difference_is_empty_only_between_equals_and_reads_the_same_twice(before: dict[str, object], after: dict[str, object]) -> None:
    found = difference(before, after, names=("a", "b"))
    assert (found == "") == (before == after)
    assert found == difference(before, after, names=("a", "b"))


def test_text_of_several_lines_is_compared_line_by_line() -> None:
    found = difference({"yaml": "one\ntwo\n"}, {"yaml": "one\nthree\n"}, names=("rules@1", "rules@2"))
    assert found.splitlines() == ["--- rules@1", "+++ rules@2", "@@ -1,3 +1,3 @@", " yaml: |", "   one", "-  two", "+  three"]
