"""Approvals of a running governance: asked for, given, refused, listed, watched and asked about."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from ballast.governance.v1 import approval_messages_pb2 as pb
from ballast.governance.v1 import approval_pb2
from google.type.money_pb2 import Money

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import AlreadyExists, BallastError, Conflict, InvalidInput, NotFound, PermissionDenied, PreconditionFailed
from tests.support.approving import Office, approving, asking, digest_of
from tests.support.waiting import SECONDS

State = approval_pb2.ApprovalState
Change = approval_pb2.ApprovalChange
UPHELD = approval_pb2.REVIEW_OUTCOME_UPHELD
HIGH = approval_pb2.ImpactPreview(summary="Much of it.", displaced_items=5, value_at_risk=Money(currency_code="EUR", units=9))


@pytest.fixture(scope="module")
async def office(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Office]:
    async with approving(urls, engines, clock) as running:
        yield running


def at_risk(**money: Any) -> approval_pb2.ImpactPreview:
    return approval_pb2.ImpactPreview(value_at_risk=Money(**money))


def advance(office: Office, **span: int) -> None:
    office.clock.advance(office.clock.now() + timedelta(**span))


async def test_another_approves_and_it_is_in_force_for_its_time(office: Office) -> None:
    asked = await office.ask("ada", team="teams/core", impact=HIGH, kind="flag")
    assert (asked.state, asked.rule.name, asked.rule.quorum, asked.author, asked.impact) == (
        State.APPROVAL_STATE_PENDING,
        "high-impact",
        2,
        "ada",
        HIGH,
    )
    first = await office.approve("bo", asked, note="fine")
    assert (first.state, first.in_force) == (State.APPROVAL_STATE_PENDING, False)
    second = await office.approve("cy", asked)
    assert (second.state, second.in_force, [each.principal for each in second.votes]) == (State.APPROVAL_STATE_APPROVED, True, ["bo", "cy"])
    assert second.expire_time.ToDatetime() - second.decide_time.ToDatetime() == timedelta(days=7)
    assert (await office.verify(asked)).in_force


async def test_one_persons_word_counts_once(office: Office) -> None:
    asked = await office.ask(impact=HIGH)
    once, twice = await office.approve("bo", asked), await office.approve("bo", asked)
    assert (twice.state, len(twice.votes), twice.etag) == (State.APPROVAL_STATE_PENDING, 1, once.etag)


async def test_who_asked_may_not_approve_and_neither_who_they_asked_for(office: Office) -> None:
    asked = await office.ask("planning", author="ada")
    await refusal(PermissionDenied, office.approve("ADA", asked))
    assert await office.listed("Ada", subject=asked.subject, mine_to_decide=True) == []
    assert await office.listed("bo", subject=asked.subject, mine_to_decide=True) == [asked.name]
    assert (asked.author, asked.requester) == ("ada", "planning")
    for name in ("ada", "planning"):
        error = await refusal(PermissionDenied, office.approve(name, asked))
        assert (error.reason, error.metadata) == ("AUTHOR_MAY_NOT_APPROVE", {"principal": name, "rule": "policies"})
    assert (await office.get(asked)).state == State.APPROVAL_STATE_PENDING


async def test_one_refusal_is_enough_and_what_is_decided_stays_so(office: Office) -> None:
    asked = await office.ask()
    refused = (await office.by("bo").Reject(pb.RejectRequest(name=asked.name, reason="Too much."))).approval
    assert (refused.state, refused.votes[0].note, refused.HasField("expire_time")) == (State.APPROVAL_STATE_REJECTED, "Too much.", False)
    error = await refusal(PreconditionFailed, office.approve("cy", asked))
    assert (error.reason, error.metadata["state"], error.metadata["action"]) == ("APPROVAL_CLOSED", "REJECTED", "APPROVE")
    assert (await office.verify(asked)).reason == "APPROVAL_REJECTED"


async def test_only_who_asked_withdraws(office: Office) -> None:
    asked = await office.ask()
    assert (await refusal(PermissionDenied, office.by("bo").Withdraw(pb.WithdrawRequest(name=asked.name)))).reason == "WITHDRAWER_REFUSED"
    withdrawn = (await office.by("ada").Withdraw(pb.WithdrawRequest(name=asked.name, note="Not yet."))).approval
    assert (withdrawn.state, (await office.verify(asked)).reason) == (State.APPROVAL_STATE_WITHDRAWN, "APPROVAL_WITHDRAWN")


INVISIBLE = "\u200b \u2063"


async def test_a_reason_that_says_nothing_is_none_and_nothing_is_done(office: Office) -> None:
    asked = await office.ask()
    bo = office.by("bo")
    for call, field in (
        (office.ask(reason=INVISIBLE), "reason"),
        (office.ask(break_glass_reason=INVISIBLE), "break_glass_reason"),
        (bo.Reject(pb.RejectRequest(name=asked.name, reason=INVISIBLE)), "reason"),
        (bo.BreakGlass(pb.BreakGlassRequest(name=asked.name, reason=INVISIBLE)), "reason"),
        (bo.CloseReview(pb.CloseReviewRequest(name=asked.name, outcome=UPHELD, note=INVISIBLE)), "note"),
    ):
        error = await refusal(InvalidInput, call)
        assert isinstance(error, InvalidInput)
        assert (error.reason, [each.field for each in error.violations]) == ("REASON_EMPTY", [field])
    assert await office.get(asked) == asked


async def test_a_note_that_nobody_asks_for_may_be_left_out(office: Office) -> None:
    asked = await office.ask()
    assert (await office.approve("bo", asked)).state == State.APPROVAL_STATE_APPROVED
    assert (await office.by("ada").Withdraw(pb.WithdrawRequest(name=asked.name))).approval.state == State.APPROVAL_STATE_WITHDRAWN


# An approval is for exactly one thing.


async def test_an_approval_cannot_be_used_for_another_subject_kind_digest_or_team(office: Office) -> None:
    asked = await office.ask(team="teams/core")
    await office.approve("bo", asked)
    named = {"approval": asked.name}
    assert (await office.verify(asked, **named)).in_force
    assert (await office.verify(asked, team="teams/core")).in_force
    for change, reason in (
        ({"subject": "matrices/other"}, "SUBJECT_DIFFERS"),
        ({"kind": "decision"}, "KIND_DIFFERS"),
        ({"digest": digest_of("changed")}, "DIGEST_CHANGED"),
        ({"team": "teams/web"}, "TEAM_DIFFERS"),
        ({"team": ""}, "TEAM_DIFFERS"),
    ):
        answer = await office.verify(asked, **(named | change))
        assert (answer.in_force, answer.reason, answer.approval.name) == (False, reason, asked.name)
        assert answer.detail
    for change, reason in (
        ({"subject": "matrices/other"}, "APPROVAL_MISSING"),
        ({"kind": "decision"}, "APPROVAL_MISSING"),
        ({"digest": digest_of("changed")}, "DIGEST_CHANGED"),
        ({"team": "teams/web"}, "TEAM_DIFFERS"),
    ):
        answer = await office.verify(asked, **change)
        assert (answer.in_force, answer.reason) == (False, reason)
    missing = await office.verify(asked, approval=f"approvals/{uuid4()}")
    assert (missing.in_force, missing.reason, missing.HasField("approval")) == (False, "APPROVAL_MISSING", False)


async def test_of_several_approvals_the_one_in_force_counts_and_of_none_the_newest_says_why(office: Office) -> None:
    first = await office.ask()
    await office.approve("bo", first)
    again = await office.ask(subject=first.subject)
    await office.by("bo").Reject(pb.RejectRequest(name=again.name, reason="One is enough."))
    changed = await office.ask(subject=first.subject, digest=digest_of("newer"))
    await office.approve("bo", changed)
    assert [(await office.verify(each)).approval.name for each in (first, changed)] == [first.name, changed.name]
    await office.by("ada").Withdraw(pb.WithdrawRequest(name=first.name))
    assert (await office.verify(first)).reason == "APPROVAL_REJECTED"


async def test_an_approval_that_somebody_else_asked_for_does_not_do_where_the_impact_must_be_ones_own(office: Office) -> None:
    by_hand = await office.ask("mallory", kind="decision", impact=approval_pb2.ImpactPreview())
    await office.approve("bo", by_hand)
    assert (await office.verify(by_hand)).in_force
    answer = await office.verify(by_hand, requester="allocation")
    assert (answer.in_force, answer.reason, answer.approval.name) == (False, "REQUESTER_DIFFERS", by_hand.name)
    measured = await office.ask("allocation", kind="decision", subject=by_hand.subject, impact=HIGH)
    assert (await office.verify(by_hand, requester="allocation")).reason == "APPROVAL_PENDING"
    for name in ("bo", "cy"):
        await office.approve(name, measured)
    assert (await office.verify(by_hand, requester="allocation")).approval.name == measured.name


async def test_for_exactly_one_thing_one_approval_waits_and_one_that_expired_makes_room(office: Office) -> None:
    first = await office.ask()
    error = await refusal(AlreadyExists, office.ask("Ada", subject=first.subject))
    assert (error.reason, error.metadata) == ("APPROVAL_PENDING", {"name": first.name})
    await office.ask(subject=first.subject, digest=digest_of("other"))
    advance(office, days=8)
    assert (await office.ask(subject=first.subject)).name != first.name
    assert (await office.get(first)).state == State.APPROVAL_STATE_EXPIRED


async def test_nobody_blocks_what_another_asks_for_and_neither_does_a_request_for_another_team(office: Office) -> None:
    mischief = await office.ask("mallory")
    own = [await office.ask("ada", subject=mischief.subject, team=team) for team in ("", "teams/core", "teams/web")]
    by_service = await office.ask("planning", subject=mischief.subject, author="bo")
    for each, approver in ((own[1], "bo"), (by_service, "cy")):
        await office.approve(approver, each)
    assert (await office.verify(own[1], team="teams/core")).approval.name == own[1].name
    assert (await office.get(mischief)).state == State.APPROVAL_STATE_PENDING


async def test_of_the_same_asked_for_many_times_at_once_one_waits(office: Office) -> None:
    subject = f"matrices/{uuid4()}"
    outcomes = await asyncio.gather(*(office.ask(subject=subject) for _ in range(12)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in outcomes) == ["AlreadyExists"] * 11 + ["Approval"]
    assert len(await office.listed(subject=subject)) == 1


async def test_of_many_who_approve_at_once_the_last_one_needed_puts_it_in_force_once(office: Office) -> None:
    asked = await office.ask(impact=HIGH)
    outcomes = await asyncio.gather(*(office.approve(f"p{number}", asked) for number in range(12)), return_exceptions=True)
    states = [each.state for each in outcomes if isinstance(each, approval_pb2.Approval)]
    assert sorted(states) == [State.APPROVAL_STATE_PENDING, State.APPROVAL_STATE_APPROVED]
    refused = [each.reason for each in outcomes if isinstance(each, BallastError)]
    assert refused == ["APPROVAL_CLOSED"] * 10
    found = await office.get(asked)
    assert (len({each.principal for each in found.votes}), found.etag) == (2, "v3")


# Repeats, etags, and what is only tried.


async def test_a_repeated_request_returns_the_first_answer(office: Office) -> None:
    request = asking(request_id=str(uuid4()))
    first, second = [await office.by("ada").RequestApproval(request) for _ in range(2)]
    assert first == second
    vote = pb.ApproveRequest(name=first.approval.name, request_id=str(uuid4()))
    assert await office.by("bo").Approve(vote) == await office.by("bo").Approve(vote)
    vote.note = "another"
    assert (await refusal(InvalidInput, office.by("bo").Approve(vote))).reason == "REQUEST_ID_REUSED"


async def test_a_decision_on_what_changed_meanwhile_is_refused(office: Office) -> None:
    asked = await office.ask(impact=HIGH)
    await office.approve("bo", asked, etag=asked.etag)
    assert (await refusal(Conflict, office.approve("cy", asked, etag=asked.etag))).reason == "ETAG_MISMATCH"


async def test_what_is_only_validated_says_its_rule_and_is_not_stored(office: Office) -> None:
    tried = await office.ask(subject="matrices/tried", validate_only=True, impact=HIGH)
    assert (tried.name, tried.etag, tried.rule.name, tried.rule.quorum) == ("", "", "high-impact", 2)
    assert await office.listed(subject="matrices/tried") == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"digest": "A" * 64}, "digest"),
        ({"digest": "a" * 63}, "digest"),
        ({"kind": "Severity Matrix"}, "kind"),
        ({"subject": ""}, "subject"),
        ({"subject": " \u200b"}, "subject"),
        ({"subject": "matrices/a\nb"}, "subject"),
        ({"subject": "matrices/\u202ea"}, "subject"),
        ({"author": "\u200b"}, "author"),
        ({"impact": at_risk(currency_code="Eur", units=5)}, "impact.value_at_risk.currency_code"),
        ({"impact": at_risk(currency_code="EURO", units=5)}, "impact.value_at_risk.currency_code"),
        (
            {"impact": approval_pb2.ImpactPreview(value_at_risk=Money(currency_code="EUR", units=5, nanos=10**9))},
            "impact.value_at_risk.nanos",
        ),
        ({"impact": at_risk(currency_code="EUR", units=5, nanos=-5)}, "impact.value_at_risk.nanos"),
        ({"reason": ""}, "reason"),
        ({"reason": "a\0b"}, "reason"),
        ({"impact": approval_pb2.ImpactPreview(facts=["a\0b"])}, "impact.facts[0]"),
        ({"team": "core"}, "team"),
        ({"impact": approval_pb2.ImpactPreview(displaced_items=-1)}, "impact.displaced_items"),
        ({"impact": approval_pb2.ImpactPreview(delay_days=float("nan"))}, "impact.delay_days"),
        ({"impact": approval_pb2.ImpactPreview(value_at_risk=Money(units=5))}, "impact.value_at_risk.currency_code"),
        ({"impact": approval_pb2.ImpactPreview(value_at_risk=Money(units=-5, currency_code="EUR"))}, "impact.value_at_risk"),
        ({"impact": approval_pb2.ImpactPreview(measures={"Big Name": 1.0})}, 'impact.measures["Big Name"]'),
    ],
)
async def test_what_is_malformed_is_refused_by_field(office: Office, fields: dict[str, Any], field: str) -> None:
    error = await refusal(InvalidInput, office.ask(**fields))
    assert isinstance(error, InvalidInput)
    assert {each.field for each in error.violations} == {field}


async def test_what_is_not_there_is_not_found(office: Office) -> None:
    nothing = f"approvals/{uuid4()}"
    for call in (
        office.by("bo").GetApproval(pb.GetApprovalRequest(name=nothing)),
        office.by("bo").Approve(pb.ApproveRequest(name=nothing)),
        office.by("bo").CloseReview(pb.CloseReviewRequest(name=nothing, outcome=UPHELD, note="x")),
    ):
        assert (await refusal(NotFound, call)).reason == "APPROVAL_NOT_FOUND"


# Lists.


async def test_lists_are_filtered_and_paged_newest_first(office: Office) -> None:
    made = [await office.ask(team="teams/lists", kind="list", subject=f"things/{number}") for number in range(5)]
    await office.approve("bo", made[1])
    names = [each.name for each in reversed(made)]
    assert await office.listed(team="teams/lists") == names
    assert await office.listed(team="teams/lists", subject="things/3") == [made[3].name]
    assert await office.listed(team="teams/lists", kind="other") == []
    assert await office.listed(kind="list", states=[State.APPROVAL_STATE_APPROVED]) == [made[1].name]
    found, token = [], ""
    while True:
        page = await office.by("ada").ListApprovals(pb.ListApprovalsRequest(kind="list", page_size=2, page_token=token))
        found += [each.name for each in page.approvals]
        token = page.next_page_token
        if not token:
            break
    assert found == names
    page = await office.by("ada").ListApprovals(pb.ListApprovalsRequest(kind="list", page_size=2))
    foreign = office.by("ada").ListApprovals(pb.ListApprovalsRequest(kind="other", page_token=page.next_page_token))
    assert (await refusal(InvalidInput, foreign)).reason == "PAGE_TOKEN_INVALID"


async def test_the_list_of_what_one_can_decide_leaves_out_ones_own_and_what_one_approved(office: Office) -> None:
    asked = await office.ask("ada", kind="mine", impact=HIGH)
    assert await office.listed("ada", kind="mine", mine_to_decide=True) == []
    assert await office.listed("bo", kind="mine", mine_to_decide=True) == [asked.name]
    await office.approve("bo", asked)
    assert await office.listed("bo", kind="mine", mine_to_decide=True) == []
    assert await office.listed("cy", kind="mine", mine_to_decide=True) == [asked.name]
    await office.approve("cy", asked)
    assert await office.listed("dan", kind="mine", mine_to_decide=True) == []


async def test_changes_are_watched_and_the_stream_goes_on_from_its_token(office: Office) -> None:
    stream = office.by("ada").WatchApprovals(pb.WatchApprovalsRequest())
    start = await anext(aiter(stream))
    stream.cancel()
    asked = await office.ask(impact=HIGH)
    await office.approve("bo", asked)
    await office.approve("cy", asked)
    seen = await watched(office, start.resume_token, asked.name, 3)
    assert [(each.approval.name, Change.Name(each.change)) for each in seen] == [
        (asked.name, "APPROVAL_CHANGE_UNSPECIFIED"),
        (asked.name, "APPROVAL_CHANGE_VOTED"),
        (asked.name, "APPROVAL_CHANGE_APPROVED"),
    ]
    (again,) = await watched(office, seen[1].resume_token, asked.name, 1)
    assert again == seen[2]


async def watched(office: Office, token: str, name: str, count: int) -> list[pb.WatchApprovalsResponse]:
    """Of one approval: the present is where no transaction was under way, so what another one was just told of may come once more."""
    seen: list[pb.WatchApprovalsResponse] = []
    stream = office.by("ada").WatchApprovals(pb.WatchApprovalsRequest(resume_token=token))
    async with asyncio.timeout(SECONDS):
        async for each in stream:
            seen += [each] if each.approval.name == name else []
            if len(seen) == count:
                break
    stream.cancel()
    return seen


async def refusal(kind: type[BallastError], call: Awaitable[object]) -> BallastError:
    with pytest.raises(kind) as error:
        await call
    return error.value
