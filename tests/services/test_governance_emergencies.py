"""Emergencies and waits of a running governance: acting at once and answering for it, what time does, and what the ledger keeps of it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from ballast.governance.v1 import approval_messages_pb2 as pb
from ballast.governance.v1 import approval_pb2, approval_rule_pb2
from ballast.governance.v1 import approval_rule_service_pb2 as rule_pb
from ballast.governance.v1 import governance_service_pb2 as ledger_pb
from google.protobuf.duration_pb2 import Duration

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import AlreadyExists, PermissionDenied
from tests.conftest import START
from tests.support.approving import Office, approving, rule
from tests.support.waiting import until

State = approval_pb2.ApprovalState
UPHELD, FAULTED = approval_pb2.REVIEW_OUTCOME_UPHELD, approval_pb2.REVIEW_OUTCOME_FAULTED
HOUR = timedelta(hours=1)


@pytest.fixture
async def office(own_urls: dict[str, str], engines: Engines) -> AsyncIterator[Office]:
    """With its own clock: that of one test would move the waits of another."""
    async with approving(own_urls, engines, SimulatedClock(START)) as running:
        yield running


async def pass_time(office: Office, span: timedelta) -> None:
    office.clock.advance(office.clock.now() + span)
    await office.app.tick()


async def story(office: Office, name: str) -> list[tuple[str, str]]:
    """Returns the type and principal of each ledger entry about an approval, sorted: events may arrive in any order."""
    await until(lambda: office.app.deliverer.is_quiet)
    found = await office.governance.rpc.ListLedgerEntries(ledger_pb.ListLedgerEntriesRequest(subject=name))
    return sorted((each.type.rpartition(".")[2], each.principal) for each in found.entries)


async def close(office: Office, by: str, approval: approval_pb2.Approval, outcome: Any = UPHELD) -> approval_pb2.Approval:
    request = pb.CloseReviewRequest(name=approval.name, outcome=outcome, note="The shop was down.")
    return (await office.by(by).CloseReview(request)).approval


async def test_breaking_the_glass_acts_at_once_and_leaves_its_trail(office: Office) -> None:
    acting = await office.ask("ada", break_glass_reason="The shop is down.")
    glass = acting.broken_glass
    assert (acting.state, acting.in_force, acting.emergency) == (State.APPROVAL_STATE_EMERGENCY, True, True)
    assert (glass.principal, glass.reason, glass.overdue) == ("ada", "The shop is down.", False)
    assert glass.review_due_time.ToDatetime(tzinfo=START.tzinfo) == START + 48 * HOUR  # two business days from a Monday
    assert (await office.verify(acting)).in_force
    closed = await close(office, "bo", acting)
    assert (closed.state, closed.in_force) == (State.APPROVAL_STATE_REVIEWED, True)
    assert (closed.broken_glass.reviewer, closed.broken_glass.outcome) == ("bo", UPHELD)
    assert (closed.broken_glass.principal, closed.broken_glass.reason, closed.reason) == ("ada", "The shop is down.", "It is time.")
    assert await story(office, acting.name) == [("ApprovalChanged", "ada"), ("ApprovalChanged", "bo"), ("ApprovalRequested", "ada")]


async def test_the_glass_is_broken_on_what_waits_by_another_than_who_asked(office: Office) -> None:
    asked = await office.ask("ada")
    with pytest.raises(AlreadyExists, match="or break the glass on it"):
        await office.ask("Ada", subject=asked.subject, break_glass_reason="Now.")
    acting = (await office.by("cy").BreakGlass(pb.BreakGlassRequest(name=asked.name, reason="It cannot wait."))).approval
    assert (acting.state, acting.in_force, acting.emergency) == (State.APPROVAL_STATE_EMERGENCY, True, False)
    for by in ("ada", "cy"):
        with pytest.raises(PermissionDenied) as refused:
            await close(office, by, acting)
        assert refused.value.reason == "AUTHOR_MAY_NOT_APPROVE"
    assert await office.listed("bo", mine_to_decide=True) == [asked.name]
    assert await office.listed("cy", mine_to_decide=True) == []


async def test_a_review_that_finds_fault_takes_it_out_of_force(office: Office) -> None:
    acting = await office.ask("ada", break_glass_reason="I thought so.")
    assert (await close(office, "bo", acting, FAULTED)).state == State.APPROVAL_STATE_REJECTED
    assert (await office.verify(acting)).reason == "APPROVAL_REJECTED"


async def test_a_review_that_is_overdue_suspends_it_is_told_once_and_listed(office: Office) -> None:
    acting = await office.ask("ada", break_glass_reason="Now.")
    assert await office.listed(review_overdue=True) == []
    office.clock.advance(START + 48 * HOUR)  # from the moment on, told or not
    verdict = await office.verify(acting)
    assert (verdict.in_force, verdict.reason, verdict.approval.broken_glass.overdue) == (False, "REVIEW_OVERDUE", True)
    assert await office.listed(review_overdue=True) == [acting.name]
    for _ in range(3):
        await pass_time(office, HOUR)
    assert (await story(office, acting.name)).count(("ApprovalChanged", "system")) == 1
    assert (await close(office, "bo", acting)).in_force
    assert await office.listed(review_overdue=True) == []


async def test_what_nobody_decides_is_escalated_and_then_expires_each_told_once(office: Office) -> None:
    asked = await office.ask("ada")
    await pass_time(office, 23 * HOUR)
    assert not (await office.get(asked)).escalated
    for _ in range(2):
        await pass_time(office, HOUR)
    escalated = await office.get(asked)
    assert (escalated.escalated, escalated.state, escalated.etag) == (True, State.APPROVAL_STATE_PENDING, "v2")
    await pass_time(office, timedelta(days=8))
    await pass_time(office, HOUR)
    assert (await office.get(asked)).state == State.APPROVAL_STATE_EXPIRED
    assert await office.listed(states=[State.APPROVAL_STATE_EXPIRED]) == [asked.name]
    assert (await story(office, asked.name)).count(("ApprovalChanged", "system")) == 2


async def test_what_is_over_is_over_before_anybody_told_it(office: Office) -> None:
    asked, agreed = await office.ask("ada"), await office.ask("ada")
    await office.approve("bo", agreed)
    office.clock.advance(START + timedelta(days=7))
    assert [(await office.get(each)).state for each in (asked, agreed)] == [State.APPROVAL_STATE_EXPIRED] * 2
    assert sorted(await office.listed(states=[State.APPROVAL_STATE_EXPIRED])) == sorted([asked.name, agreed.name])
    assert await office.listed("bo", mine_to_decide=True) == []
    assert (await office.verify(agreed)).reason == "APPROVAL_EXPIRED"


async def test_replicas_that_look_at_once_tell_it_once(office: Office) -> None:
    asked = [await office.ask("ada") for _ in range(5)]
    office.clock.advance(START + 24 * HOUR)
    await asyncio.gather(*(office.app.tick() for _ in range(6)))
    assert [await story(office, each.name) for each in asked] == [[("ApprovalChanged", "system"), ("ApprovalRequested", "ada")]] * 5


async def test_who_an_approval_escalates_to_may_decide_only_then(office: Office) -> None:
    escalation = approval_rule_pb2.ApprovalEscalation(
        after=Duration(seconds=1800), approvers=approval_rule_pb2.Approvers(principals=["dan"])
    )
    await put(office, rule(approvers=approval_rule_pb2.Approvers(principals=["bo"]), escalation=escalation))
    asked = await office.ask("ada")
    assert await office.listed("dan", mine_to_decide=True) == []
    with pytest.raises(PermissionDenied, match="the rule 'one' wants bo"):
        await office.approve("dan", asked)
    office.clock.advance(START + HOUR / 2)
    assert await office.listed("dan", mine_to_decide=True) == [asked.name]
    assert (await office.approve("dan", asked)).in_force


async def test_where_the_rule_has_no_glass_to_break_nothing_is_stored(office: Office) -> None:
    await put(office, rule())
    with pytest.raises(PermissionDenied, match="the rule 'one' lets nobody do that") as refused:
        await office.ask("ada", break_glass_reason="Now.")
    assert refused.value.reason == "BREAK_GLASS_REFUSED"
    assert await office.listed(kind="severity-matrix") == []


async def test_an_approval_stands_under_the_rules_of_its_time(office: Office) -> None:
    asked = await office.ask("ada")
    await put(office, rule(approvers=approval_rule_pb2.Approvers(principals=["dan"]), quorum=1))
    assert (await office.approve("bo", asked)).in_force
    later = await office.ask("ada")
    assert (later.rule.name, later.rules_revision) == ("one", 2)
    with pytest.raises(PermissionDenied):
        await office.approve("bo", later)


async def test_own_events_enter_the_ledger_once_and_cause_no_more(office: Office) -> None:
    await asyncio.gather(*(office.ask(f"p{number}") for number in range(5)))
    await until(lambda: office.app.deliverer.is_quiet)
    *_, verified = await office.governance.verify()
    assert (verified.total_count, verified.HasField("fault")) == (6, False)  # five, and the first version of the rules
    await pass_time(office, HOUR)
    await until(lambda: office.app.deliverer.is_quiet)
    assert (await office.governance.verify())[-1].total_count == 6


async def put(office: Office, *rules: approval_rule_pb2.ApprovalRule) -> None:
    newest = (await office.rules.GetApprovalRules(rule_pb.GetApprovalRulesRequest())).rules
    made = approval_rule_pb2.ApprovalRules(rules=rules, etag=newest.etag, reason="tried")
    await office.change_rules(made)
