"""The life of decisions across services: proposed in allocation, agreed to in governance, in force in allocation."""

import hashlib
import json
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from ballast.allocation.v1 import allocation_messages_pb2 as pb
from ballast.allocation.v1 import allocation_policy_pb2, decision_pb2
from ballast.allocation.v1 import decision_service_pb2 as ds
from ballast.events.v1 import event_sink_service_pb2 as sink
from ballast.events.v1.cloudevents_pb2 import CloudEventBatch
from ballast.events.v1.event_sink_service_pb2_grpc import EventSinkServiceStub
from ballast.governance.v1 import approval_messages_pb2, approval_pb2
from sqlalchemy import select

from services.allocation import app as allocation
from services.allocation.settings import AllocationSettings
from services.allocation.storage.documents import decision_from_row
from services.allocation.storage.tables import decision as table
from services.allocation.transport.petitions import petition_of
from shared.app import App
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import PermissionDenied, PreconditionFailed
from shared.ids import uuid_of
from shared.rpc.client import connect
from tests.support.allocating import assessment, item, made, team
from tests.support.amending import Chamber, amending
from tests.support.waiting import until

D = decision_pb2
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
async def chamber(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Chamber]:
    async with amending(urls, engines, clock, approved=()) as running:
        yield running


async def store_team(chamber: Chamber, name: str, days: int = 1, **guards: Any) -> None:
    """Stores a team so many days into its first sprint, decided for at the baseline, whose policy has these guards."""
    stub = chamber.allocation()
    policy = (await stub.GetAllocationPolicy(pb.GetAllocationPolicyRequest(name="allocationPolicies/default"))).policy
    policy.MergeFrom(allocation_policy_pb2.AllocationPolicy(name=f"allocationPolicies/{name}", reason="Tried.", **guards))
    policy.etag = ""
    await stub.UpdateAllocationPolicy(pb.UpdateAllocationPolicyRequest(policy=policy))
    stored = team(name, chamber.clock.now() - days * DAY, policy=policy.name)
    await stub.UpsertTeams(pb.UpsertTeamsRequest(teams=[stored]))
    await chamber.apps["allocation"].tick()


def from_five_percent() -> dict[str, Any]:
    return {"approval_thresholds": allocation_policy_pb2.ApprovalThresholds(share_change=0.05)}


async def hear(chamber: Chamber, *names: str, **fields: Any) -> None:
    """Triage tells of an incident, grave unless said otherwise."""
    event = made(assessment(*names, at=chamber.clock.now(), **fields))
    await chamber.sink("allocation").Deliver(sink.DeliverRequest(batch=CloudEventBatch(events=[event])))


async def newest(chamber: Chamber, name: str, **conditions: Any) -> decision_pb2.Decision:
    request = pb.ListDecisionsRequest(filter=pb.DecisionFilter(team=f"teams/{name}", **conditions))
    return (await chamber.allocation().ListDecisions(request)).decisions[0]  # type: ignore[no-any-return]


async def get(chamber: Chamber, decision: decision_pb2.Decision) -> decision_pb2.Decision:
    return (await chamber.allocation().GetDecision(pb.GetDecisionRequest(name=decision.name))).decision  # type: ignore[no-any-return]


async def share(chamber: Chamber, name: str) -> float:
    return (await chamber.allocation().GetSplit(pb.GetSplitRequest(team=f"teams/{name}"))).split.remediation_share  # type: ignore[no-any-return]


async def approval_of(chamber: Chamber, decision: decision_pb2.Decision) -> approval_pb2.Approval:
    return (await chamber.approvals().GetApproval(approval_messages_pb2.GetApprovalRequest(name=decision.approval))).approval


async def reaches(chamber: Chamber, decision: decision_pb2.Decision, state: int) -> decision_pb2.Decision:
    found: list[decision_pb2.Decision] = []

    async def is_there() -> bool:
        found[:] = [await get(chamber, decision)]
        return found[0].state == state

    await until(is_there)
    return found[0]


async def test_a_change_from_the_threshold_on_waits_for_approvers_and_then_is_the_split(chamber: Chamber) -> None:
    await store_team(chamber, "waits", **from_five_percent())
    await chamber.allocation().UpsertRoadmapItems(pb.UpsertRoadmapItemsRequest(items=[item("big", "waits", 150, 2000)]))
    await hear(chamber, "waits")
    proposed = await newest(chamber, "waits", states=[D.DECISION_STATE_PROPOSED])
    assert [each.ground for each in proposed.grounds] == ["share_change"]
    assert (proposed.author, proposed.outcome, proposed.HasField("in_force_time")) == ("system", D.DECISION_OUTCOME_RAISED, False)
    assert "is to rise from 33.3 % to 38.3 %" in proposed.explanation
    assert await share(chamber, "waits") == 0.333333
    asked = await approval_of(chamber, proposed)
    assert (asked.kind, asked.subject, asked.team, asked.author, asked.requester) == (
        "decision",
        proposed.name,
        "teams/waits",
        "system",
        "allocation",
    )
    impact = asked.impact
    assert (impact.displaced_items, impact.delay_days, impact.value_at_risk.units, impact.severity) == (1, 14.0, 4000, 1)
    assert round(impact.remediation_share_change, 6) == 0.05
    for name in ("bo", "cy"):  # two, for it delays an item by more than ten days
        assert await share(chamber, "waits") == 0.333333
        await chamber.approvals(name).Approve(approval_messages_pb2.ApproveRequest(name=proposed.approval))
    forced = await reaches(chamber, proposed, D.DECISION_STATE_IN_FORCE)
    assert await share(chamber, "waits") == 0.383333
    assert (forced.after.decision, forced.HasField("in_force_time")) == (proposed.name, True)
    before = (await chamber.allocation().ListDecisions(pb.ListDecisionsRequest(filter=pb.DecisionFilter(team="teams/waits")))).decisions[1]
    assert before.state == D.DECISION_STATE_SUPERSEDED


async def test_the_digest_is_of_what_the_contract_says(chamber: Chamber) -> None:
    await store_team(chamber, "digest", **from_five_percent())
    await hear(chamber, "digest")
    proposed = await newest(chamber, "digest")
    told = {
        "after": 383333,
        "before": 333333,
        "decision": proposed.name,
        "formula": proposed.formula_version,
        "policy": "allocationPolicies/digest",
        "policy_revision": proposed.policy_revision,
        "rolls_back": "",
        "sprint": 1,
        "team": "teams/digest",
        "trigger": "ASSESSMENT",
    }
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest() == proposed.digest == (await approval_of(chamber, proposed)).digest


async def test_without_thresholds_nobody_is_asked(chamber: Chamber) -> None:
    await store_team(chamber, "free")
    await hear(chamber, "free")
    found = await newest(chamber, "free")
    assert (found.state, found.approval, found.digest, list(found.grounds)) == (D.DECISION_STATE_IN_FORCE, "", "", [])
    assert await share(chamber, "free") == 0.383333


async def test_refused_it_is_over_and_the_split_stays(chamber: Chamber) -> None:
    await store_team(chamber, "refused", **from_five_percent())
    await hear(chamber, "refused")
    proposed = await newest(chamber, "refused")
    await chamber.approvals("bo").Reject(approval_messages_pb2.RejectRequest(name=proposed.approval, reason="Not now."))
    await reaches(chamber, proposed, D.DECISION_STATE_REJECTED)
    assert await share(chamber, "refused") == 0.333333


async def test_a_newer_decision_for_the_same_share_is_held_and_one_for_another_ends_the_proposal(chamber: Chamber) -> None:
    await store_team(chamber, "newer", **from_five_percent())
    await hear(chamber, "newer")
    first = await newest(chamber, "newer")
    again = (await chamber.allocation().DecideSplit(pb.DecideSplitRequest(team="teams/newer"))).decision
    assert (again.outcome, again.state, again.bounds[-1].bound) == (D.DECISION_OUTCOME_HELD, D.DECISION_STATE_IN_FORCE, "proposal")
    assert first.name in again.bounds[-1].reason
    assert (await get(chamber, first)).state == D.DECISION_STATE_PROPOSED
    await hear(chamber, "newer")  # a second grave incident asks for more
    second = await newest(chamber, "newer")
    assert (second.state, round(second.after.remediation_share, 6)) == (D.DECISION_STATE_PROPOSED, 0.433333)
    lapsed = await get(chamber, first)
    assert lapsed.state == D.DECISION_STATE_LAPSED
    assert second.name in lapsed.state_reason
    assert (await approval_of(chamber, first)).state == approval_pb2.APPROVAL_STATE_WITHDRAWN
    assert await share(chamber, "newer") == 0.333333


async def test_the_broken_glass_puts_it_in_force_at_once(chamber: Chamber) -> None:
    await store_team(chamber, "glass", **from_five_percent())
    await hear(chamber, "glass")
    proposed = await newest(chamber, "glass")
    request = approval_messages_pb2.BreakGlassRequest(name=proposed.approval, reason="Customers cannot pay.")
    await chamber.approvals("bo").BreakGlass(request)
    await reaches(chamber, proposed, D.DECISION_STATE_IN_FORCE)
    assert await share(chamber, "glass") == 0.383333


async def test_a_rollback_puts_the_share_back_and_the_rule_leaves_it_alone_for_the_sprint(chamber: Chamber) -> None:
    await store_team(chamber, "back")
    await hear(chamber, "back")
    raised = await newest(chamber, "back")
    request = ds.RollbackDecisionRequest(name=raised.name, reason="One outage, told twice.", request_id=str(uuid.uuid4()))
    rolled = (await chamber.decisions().RollbackDecision(request)).decision
    assert (await chamber.decisions().RollbackDecision(request)).decision == rolled
    assert (rolled.trigger, rolled.rolls_back, rolled.author) == (D.DECISION_TRIGGER_ROLLBACK, raised.name, "ada")
    assert "One outage, told twice." in rolled.explanation
    assert (await get(chamber, raised)).state == D.DECISION_STATE_ROLLED_BACK
    assert await share(chamber, "back") == 0.333333
    await hear(chamber, "back")
    assert (await newest(chamber, "back")).bounds[-1].bound == "rollback"
    assert await share(chamber, "back") == 0.333333


async def test_only_the_last_change_is_taken_back_and_not_again_within_the_dwell_unless_forced(chamber: Chamber) -> None:
    await store_team(chamber, "again")
    await hear(chamber, "again")
    raised = await newest(chamber, "again")
    held = (await chamber.allocation().DecideSplit(pb.DecideSplitRequest(team="teams/again"))).decision
    with pytest.raises(PreconditionFailed) as refused:
        await chamber.decisions().RollbackDecision(ds.RollbackDecisionRequest(name=held.name, reason="No."))
    assert (refused.value.reason, refused.value.metadata["last"]) == ("DECISION_NOT_IN_FORCE", raised.name)
    rolled = (await chamber.decisions().RollbackDecision(ds.RollbackDecisionRequest(name=raised.name, reason="No."))).decision
    with pytest.raises(PreconditionFailed) as soon:
        await chamber.decisions().RollbackDecision(ds.RollbackDecisionRequest(name=rolled.name, reason="Yes."))
    assert soon.value.reason == "ROLLBACK_TOO_SOON"
    await chamber.decisions().RollbackDecision(ds.RollbackDecisionRequest(name=rolled.name, reason="Yes.", force=True))
    assert await share(chamber, "again") == 0.383333


async def test_an_explanation_has_steps_that_sum_and_says_what_would_have_changed_it(chamber: Chamber) -> None:
    await store_team(chamber, "why", **from_five_percent())
    await hear(chamber, "why")
    decision = await newest(chamber, "why")
    told = await chamber.decisions().ExplainDecision(ds.ExplainDecisionRequest(name=decision.name))
    assert told.decision == decision
    assert sum(round(step.change * 1e6) for step in told.steps) == round(decision.after.remediation_share * 1e6)
    assert [(each.input, each.value, each.needed, each.outcome) for each in told.smallest_changes] == [
        ("open_grave_incidents", 1.0, 0.0, D.DECISION_OUTCOME_HELD)
    ]
    assert told.sentences[0] == decision.explanation
    assert any(decision.approval in sentence for sentence in told.sentences)


async def test_one_change_more_than_the_breaker_lets_be_is_proposed_whatever_its_size(chamber: Chamber) -> None:
    await store_team(chamber, "often", circuit_breaker=allocation_policy_pb2.CircuitBreaker(changes_per_sprint=1))
    await hear(chamber, "often")
    await hear(chamber, "often")
    proposed = await newest(chamber, "often")
    assert (proposed.state, [each.ground for each in proposed.grounds]) == (D.DECISION_STATE_PROPOSED, ["too_many_changes"])
    assert await share(chamber, "often") == 0.383333


async def test_the_author_cannot_agree(chamber: Chamber) -> None:
    await store_team(chamber, "own", **from_five_percent())
    event = made(assessment("own", at=chamber.clock.now()))
    await chamber.sink("allocation").Deliver(sink.DeliverRequest(batch=CloudEventBatch(events=[event])))
    proposed = await newest(chamber, "own")
    with pytest.raises(PermissionDenied) as refused:
        await chamber.approvals("allocation").Approve(approval_messages_pb2.ApproveRequest(name=proposed.approval))
    assert refused.value.reason == "AUTHOR_MAY_NOT_APPROVE"


async def test_with_governance_away_nothing_is_lost_and_a_replica_that_is_killed_leaves_the_asking_to_the_next(
    urls: dict[str, str], engines: Engines, chamber: Chamber
) -> None:
    await store_team(chamber, "away", **from_five_percent())
    settings = AllocationSettings(port=0, database_url=urls["allocation"], cache_url=engines.cache_url, subscribers={})
    lonely = await allocation.build(settings, chamber.clock)  # a replica that reaches no governance
    await lonely.start()
    await lonely.open({"governance": "127.0.0.1:1"})
    try:
        channel = connect(lonely.server.address, deadline_seconds=15)
        event = made(assessment("away", at=chamber.clock.now()))
        await EventSinkServiceStub(channel.grpc).Deliver(sink.DeliverRequest(batch=CloudEventBatch(events=[event])))
        await channel.close()
        proposed = await newest(chamber, "away")
        assert (proposed.state, proposed.approval) == (D.DECISION_STATE_PROPOSED, "")
        assert "governance was not asked yet" in proposed.state_reason
        assert await share(chamber, "away") == 0.333333
        # It asked, and was killed before it could note the answer: whoever asks next gets the same approval.
        asked = await chamber.apps["allocation"].approvals.ask(petition_of(await _stored(lonely, proposed)))
        await chamber.tick(seconds=1)
        noted = await get(chamber, proposed)
        assert (noted.state, noted.approval) == (D.DECISION_STATE_PROPOSED, asked.approval)
        await chamber.approvals("bo").Approve(approval_messages_pb2.ApproveRequest(name=noted.approval))
        await reaches(chamber, proposed, D.DECISION_STATE_IN_FORCE)
        assert await share(chamber, "away") == 0.383333
    finally:
        await lonely.stop()


async def _stored(app: App, decision: decision_pb2.Decision) -> Any:
    statement = select(table).where(table.c.id == uuid_of(decision.name))
    async with app.database.transaction() as connection:
        return decision_from_row((await connection.execute(statement)).one())


async def test_while_a_proposal_waits_a_sprint_that_begins_keeps_the_split_in_force(chamber: Chamber) -> None:
    await store_team(chamber, "begins", 13, **from_five_percent())
    await hear(chamber, "begins")
    proposed = await newest(chamber, "begins")
    await chamber.tick(days=1)
    began = await newest(chamber, "begins")
    assert (began.trigger, began.outcome, began.state) == (
        D.DECISION_TRIGGER_SPRINT_BEGAN,
        D.DECISION_OUTCOME_HELD,
        D.DECISION_STATE_IN_FORCE,
    )
    assert proposed.name in began.bounds[-1].reason
    await chamber.approvals("bo").Approve(approval_messages_pb2.ApproveRequest(name=proposed.approval))
    await reaches(chamber, proposed, D.DECISION_STATE_IN_FORCE)
    split = (await chamber.allocation().GetSplit(pb.GetSplitRequest(team="teams/begins"))).split
    assert (split.sprint, split.remediation_share, split.decision) == ("teams/begins/sprints/2", 0.383333, proposed.name)
