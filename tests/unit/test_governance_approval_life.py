"""The life of an approval: votes and time, emergencies and their reviews, and what holds whatever anybody does."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.governance.domain.approval import Approval, ApprovalState, ReviewOutcome
from services.governance.domain.approval_life import TABLE, Act, Action, ChangeKind, acted, passed, standing
from services.governance.domain.approval_rule import BreakGlass, Escalation
from services.governance.domain.approval_verdict import Claim, VerdictReason, verdict_on
from services.governance.domain.approver import Approvers
from services.governance.domain.attestation import Attested
from services.governance.domain.errors import ApprovalClosed, ApproverRefused, AuthorMayNotApprove, BreakGlassRefused
from shared.business_hours_text import hours_from_text
from shared.errors import BallastError
from tests.conftest import START
from tests.support.approvals import DAY, HOUR, after, approval, approves, closes, request, rule, somebody

ADA, BO, CY = somebody("ada", "admin"), somebody("bo", "approver@teams/core"), somebody("cy", "approver")
GLASS = BreakGlass(Approvers(roles=("responder",)), 5 * HOUR)
NOW = Act(Action.BREAK_GLASS, somebody("eve", "responder"), "The shop is down.")


def test_it_takes_as_many_different_people_as_the_rule_says() -> None:
    found = approval(rule(quorum=2))
    assert after(found, *approves(BO, BO, BO)).state is ApprovalState.PENDING
    agreed = after(found, *approves(BO, BO, CY))
    assert (agreed.state, agreed.approvers, len(agreed.votes), agreed.version) == (ApprovalState.APPROVED, frozenset({"bo", "cy"}), 2, 3)
    assert agreed.expires_at == START + 3 * timedelta(minutes=1) + 2 * DAY


def test_one_refusal_ends_it_and_also_stops_what_was_approved() -> None:
    found = approval(rule(quorum=2))
    assert after(found, *approves(BO), Act(Action.REJECT, CY)).state is ApprovalState.REJECTED
    stopped = after(found, *approves(BO, CY), Act(Action.REJECT, CY))
    assert (stopped.state, stopped.is_in_force(START), stopped.expires_at) == (ApprovalState.REJECTED, False, None)


def test_time_expires_what_waits_and_what_holds_at_the_very_moment() -> None:
    found = approval(rule())
    assert standing(found, START + 10 * HOUR - timedelta(microseconds=1)).state is ApprovalState.PENDING
    over = standing(found, START + 10 * HOUR)
    assert (over.state, over.decided_at, over.version) == (ApprovalState.EXPIRED, START + 10 * HOUR, 1)
    with pytest.raises(ApprovalClosed, match="is EXPIRED, in which APPROVE does nothing"):
        acted(found, Act(Action.APPROVE, BO), START + 10 * HOUR)
    agreed = after(found, *approves(BO))
    assert agreed.expires_at is not None
    assert agreed.is_in_force(agreed.expires_at - timedelta(microseconds=1))
    assert standing(agreed, agreed.expires_at).state is ApprovalState.EXPIRED


def test_escalation_lets_others_decide_is_told_once_and_not_of_what_expired_meanwhile() -> None:
    found = approval(rule(escalation=Escalation(2 * HOUR, Approvers(principals=("dan",)))))
    dan = Act(Action.APPROVE, somebody("dan"))
    with pytest.raises(ApproverRefused, match="the rule 'one' wants the role approver"):
        acted(found, dan, START + HOUR)
    told, agreed = acted(found, dan, START + 2 * HOUR)
    assert (told.kind, told.actor, agreed.kind) == (ChangeKind.ESCALATED, "system", ChangeKind.APPROVED)
    (once,) = passed(found, START + 3 * HOUR)
    assert (once.kind, once.approval.escalated_at) == (ChangeKind.ESCALATED, START + 3 * HOUR)
    assert passed(once.approval, START + 4 * HOUR) == ()
    assert [each.kind for each in passed(found, START + 10 * HOUR)] == [ChangeKind.EXPIRED]


def test_waits_count_only_the_rules_hours() -> None:
    escalation = Escalation(4 * HOUR, Approvers(roles=("admin",)))
    found = approval(
        rule(hours=hours_from_text("Mon-Fri 10:00-14:00 UTC"), escalation=escalation, break_glass=GLASS)
    )  # START: Monday 09:00
    assert found.escalates_at == START + 5 * HOUR
    assert found.expires_at == START + 2 * DAY + 3 * HOUR
    glass = after(found, NOW).glass
    assert glass is not None
    assert glass.review_due_at == START + DAY + 2 * HOUR


def test_the_author_does_not_count_and_neither_does_who_asked_for_them() -> None:
    found = approval(rule(), request(requester="planning-service"))
    for by in (ADA, somebody("planning-service", "approver")):
        with pytest.raises(AuthorMayNotApprove, match="the rule 'one' wants the word of somebody else"):
            acted(found, Act(Action.APPROVE, by), START)


def test_an_emergency_is_in_force_at_once_and_leaves_its_trail() -> None:
    acting = after(approval(rule(break_glass=GLASS, quorum=2)), NOW)
    glass = acting.glass
    assert glass is not None
    assert (acting.state, acting.is_in_force(START + HOUR), acting.votes) == (ApprovalState.EMERGENCY, True, ())
    assert (glass.principal, glass.reason, glass.review) == ("eve", "The shop is down.", None)
    closed = after(acting, closes(BO)).glass
    assert closed is not None
    assert closed.review is not None
    assert (closed.principal, closed.reason, closed.review.reviewer, closed.review.note) == (
        "eve",
        "The shop is down.",
        "bo",
        "It was right.",
    )


def test_a_review_that_is_overdue_suspends_and_closing_it_puts_in_force_again() -> None:
    acting = after(approval(rule(break_glass=GLASS)), NOW)
    assert acting.glass is not None
    due = acting.glass.review_due_at
    assert acting.is_in_force(due - timedelta(microseconds=1))
    assert (acting.is_in_force(due), acting.is_review_overdue(due)) == (False, True)
    (told,) = passed(acting, due)
    assert (told.kind, told.approval.state) == (ChangeKind.REVIEW_OVERDUE, ApprovalState.EMERGENCY)
    assert passed(told.approval, due + DAY) == ()
    (closed,) = acted(told.approval, closes(BO), due + HOUR)
    assert (closed.approval.state, closed.approval.is_in_force(due + HOUR)) == (ApprovalState.REVIEWED, True)
    assert not closed.approval.is_in_force(START + 3 * DAY)


def test_a_review_that_finds_fault_ends_it() -> None:
    faulted = after(approval(rule(break_glass=GLASS)), NOW, closes(BO, ReviewOutcome.FAULTED))
    assert (faulted.state, faulted.is_in_force(START + HOUR)) == (ApprovalState.REJECTED, False)


def test_nobody_closes_the_review_of_their_own_emergency_whatever_the_rule_says() -> None:
    breaker = somebody("eve", "responder", "approver")
    found = approval(rule(break_glass=GLASS, author_may_approve=True))
    acting = after(found, Act(Action.BREAK_GLASS, breaker, "Now."))
    for by in (breaker, ADA):
        with pytest.raises(AuthorMayNotApprove):
            acted(acting, closes(by), START + HOUR)


def test_where_no_rule_lets_anybody_break_the_glass_that_is_said() -> None:
    with pytest.raises(BreakGlassRefused, match="the rule 'one' lets nobody do that"):
        acted(approval(rule()), NOW, START)
    with pytest.raises(BreakGlassRefused, match="lets the role responder do that"):
        acted(approval(rule(break_glass=GLASS)), Act(Action.BREAK_GLASS, somebody("bo", "viewer"), "Now."), START)


# What a claim may differ in.


def claim_of(found: Approval, **changes: str | None) -> Claim:
    asked = found.request
    return Claim(**({"kind": asked.kind, "subject": asked.subject, "digest": asked.digest} | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"team": "teams/core"}, None),
        ({"subject": "flags/other"}, VerdictReason.SUBJECT_DIFFERS),
        ({"kind": "decision"}, VerdictReason.KIND_DIFFERS),
        ({"team": "teams/web"}, VerdictReason.TEAM_DIFFERS),
        ({"team": ""}, VerdictReason.TEAM_DIFFERS),
        ({"requester": "ada"}, None),
        ({"requester": "planning-service"}, VerdictReason.REQUESTER_DIFFERS),
        ({"digest": "b" * 64}, VerdictReason.DIGEST_CHANGED),
    ],
)
def test_an_approval_covers_nothing_but_what_it_was_given_for(change: dict[str, str], reason: VerdictReason | None) -> None:
    agreed = after(approval(rule()), *approves(BO))
    verdict = verdict_on(claim_of(agreed, **change), Attested(agreed.name, agreed), START + HOUR)
    assert (verdict.reason, verdict.approval) == (reason, agreed)
    assert verdict.detail


@pytest.mark.parametrize(
    ("acts", "later", "reason", "why"),
    [
        (list(approves(BO)), HOUR, VerdictReason.PENDING, "lacks 1 of 2 approvers"),
        ([], 10 * HOUR, VerdictReason.EXPIRED, "expired; ask anew"),
        ([*approves(BO, CY)], 3 * DAY, VerdictReason.EXPIRED, "expired; ask anew"),
        ([Act(Action.REJECT, BO)], HOUR, VerdictReason.REJECTED, "change it"),
        ([Act(Action.WITHDRAW, ADA)], HOUR, VerdictReason.WITHDRAWN, "ask anew"),
        ([NOW], HOUR, None, "covers it until"),
        ([NOW], 6 * HOUR, VerdictReason.REVIEW_OVERDUE, "close the review"),
        ([NOW, closes(BO)], 6 * HOUR, None, "covers it until"),
        ([NOW, closes(BO, ReviewOutcome.FAULTED)], HOUR, VerdictReason.REJECTED, "change it"),
        ([NOW, closes(BO)], 3 * DAY, VerdictReason.EXPIRED, "expired; ask anew"),
    ],
)
def test_a_verdict_says_why_not(acts: list[Act], later: timedelta, reason: VerdictReason | None, why: str) -> None:
    found = after(approval(rule(quorum=2, break_glass=GLASS)), *acts)
    verdict = verdict_on(claim_of(found), Attested(found.name, found), START + later)
    assert verdict.reason == reason
    assert why in verdict.detail
    assert verdict_on(claim_of(found), None, START).reason is VerdictReason.MISSING


# Whatever anybody does, in whatever order, at whatever time.

CROWD = (ADA, BO, CY, somebody("dan", "admin"), somebody("eve", "responder"), somebody("fay", "viewer"), somebody("gil"))
MAY_APPROVE = {"ada", "bo", "cy", "dan"}
MAY_LATER = MAY_APPROVE | {"gil"}
# Approving is tried more often than the rest, as else hardly anything would ever be approved.
DOINGS = [*[Action.APPROVE] * 12, Action.REJECT, Action.WITHDRAW, Action.BREAK_GLASS, *[Action.CLOSE_REVIEW] * 3]
ACTS = st.tuples(st.sampled_from(CROWD), st.sampled_from(DOINGS), st.sampled_from(ReviewOutcome), st.integers(0, 90))


@settings(max_examples=400)
@given(st.integers(1, 3), st.booleans(), st.booleans(), st.lists(ACTS, min_size=3, max_size=25))
def test_nothing_is_approved_without_a_quorum_of_distinct_eligible_people_who_did_not_ask(
    quorum: int, author_too: bool, glass: bool, acts: list[tuple[object, Action, ReviewOutcome, int]]
) -> None:
    found = approval(
        rule(
            quorum=quorum,
            author_may_approve=author_too,
            break_glass=GLASS if glass else None,
            escalation=Escalation(5 * HOUR, Approvers(principals=("gil",))),
        )
    )
    now, yes = START, dict[str, datetime]()
    for by, action, outcome, minutes in acts:
        now += timedelta(minutes=minutes)
        was = standing(found, now).state
        try:
            changes = acted(found, Act(action, by, "x", outcome), now)  # type: ignore[arg-type]
        except BallastError:
            continue
        if action is Action.APPROVE and was is ApprovalState.PENDING:
            yes.setdefault(by.name, now)  # type: ignore[attr-defined]
        assert [each.approval.version for each in changes] == [found.version + 1 + index for index in range(len(changes))]
        found = changes[-1].approval if changes else found
        if found.state is ApprovalState.APPROVED:
            eligible = {name for name, at in yes.items() if name in (MAY_LATER if at >= START + 5 * HOUR else MAY_APPROVE)}
            assert len(eligible - (set() if author_too else {"ada"})) >= quorum
        if found.is_in_force(now) and found.state is not ApprovalState.APPROVED:
            assert glass
            assert found.glass is not None
        if found.state is ApprovalState.REVIEWED:
            assert found.glass is not None
            assert found.glass.review is not None
            assert found.glass.review.reviewer not in {"ada", found.glass.principal}


def test_the_table_has_no_way_out_of_an_end() -> None:
    ends = set(ApprovalState) - {state for state, _ in TABLE}
    assert ends == {ApprovalState.REJECTED, ApprovalState.WITHDRAWN, ApprovalState.EXPIRED, ApprovalState.REVIEWED}
