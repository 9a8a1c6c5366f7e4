"""What each document's amendments would do, and what they do once in force: matrix, gates, budget policy, policies, grouping rules."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from ballast.allocation.v1 import allocation_messages_pb2
from ballast.amendments.v1 import amendment_messages_pb2 as pb
from ballast.amendments.v1 import amendment_pb2
from ballast.events.v1.cloudevents_pb2 import CloudEventBatch
from ballast.events.v1.event_sink_service_pb2 import DeliverRequest
from ballast.events.v1.event_sink_service_pb2_grpc import EventSinkServiceStub
from ballast.governance.v1 import approval_messages_pb2
from ballast.intake.v1 import grouping_rules_pb2, grouping_service_pb2, intake_service_pb2
from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceStub
from ballast.triage.v1 import budget_policy_service_pb2, gate_pb2, gate_service_pb2, triage_service_pb2
from ballast.triage.v1.budget_policy_service_pb2_grpc import BudgetPolicyServiceStub
from ballast.triage.v1.gate_service_pb2_grpc import GateServiceStub

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput, NotFound
from tests.support.allocating import assessment, item, made, team
from tests.support.amending import MATRIX, Chamber, State, amending, packed
from tests.support.intake import report
from tests.support.waiting import until

POLICY = "allocationPolicies/default"


@pytest.fixture(scope="module")
async def chamber(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Chamber]:
    async with amending(urls, engines, clock) as running:
        yield running


@pytest.fixture
async def free(own_urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Chamber]:
    """Services in which nobody else must agree to anything."""
    async with amending(own_urls, engines, clock, approved=()) as running:
        yield running


async def agreed(chamber: Chamber, draft: amendment_pb2.Amendment, service: str) -> amendment_pb2.Amendment:
    """Proposes, approves by as many as it takes, and returns it once it is in force."""
    proposed = await chamber.propose(draft, service)
    for name in ("bo", "cy")[: (await chamber.approval(proposed)).rule.quorum]:
        await chamber.approve(proposed, name)

    async def is_in_force() -> bool:
        return (await chamber.get(proposed, service)).state == State.AMENDMENT_STATE_IN_FORCE

    await until(is_in_force)
    return await chamber.get(proposed, service)


async def test_a_matrix_is_tried_on_the_incidents_that_happened(chamber: Chamber) -> None:
    intake = IntakeServiceStub(chamber._channel("intake", "ada"))
    await intake.ReportAlerts(
        intake_service_pb2.ReportAlertsRequest(source="prometheus", reports=[report("checkout", 0, alertname="CheckoutDown")])
    )

    async def is_assessed() -> bool:
        return bool((await chamber.triage().ListAssessments(triage_service_pb2.ListAssessmentsRequest())).assessments)

    await until(is_assessed)
    worst = await chamber.matrix()
    for cell in worst.cells:
        cell.severity = 1  # type: ignore[assignment]
    found = (await chamber.amendments().DryRunAmendment(pb.DryRunAmendmentRequest(document=MATRIX, body=packed(worst)))).amendment
    assert (found.name, found.etag, found.digest, found.state) == ("", "", "", State.AMENDMENT_STATE_DRAFT)
    assert found.impact.measures == {"incidents_tried": 1, "incidents_changed": 1, "incidents_raised": 1}
    assert found.impact.severity == 1
    assert found.impact.summary == "1 of the latest 1 incidents would have another severity: 1 a worse one."
    assert "→ SEV1" in found.impact.facts[0]
    assert not (await chamber.amendments().ListAmendments(pb.ListAmendmentsRequest())).amendments


async def test_gates_are_tried_and_come_in_force(chamber: Chamber) -> None:
    gates = GateServiceStub(chamber._channel("triage", "ada"))
    wanted = gate_pb2.GatingRules(rules=[gate_pb2.GatingRule(name="all", condition="true", reason="Because.", elevate_to=1, page=True)])  # type: ignore[arg-type]
    draft = await chamber.draft(wanted, "gatingRules")
    made = await agreed(chamber, draft, "triage")
    in_force = (await gates.GetGatingRules(gate_service_pb2.GetGatingRulesRequest())).gates
    assert ([each.name for each in in_force.rules], in_force.revision, in_force.author) == (["all"], made.revision, "ada")
    assert (made.impact.severity, made.impact.measures["gates_fired"]) == (1, 1)
    broken = gate_pb2.GatingRules(rules=[gate_pb2.GatingRule(name="all", condition="incident.nothing", reason="Because.", page=True)])
    with pytest.raises(InvalidInput) as refused:
        await chamber.draft(broken, "gatingRules")
    assert refused.value.reason == "GATES_REFUSED"


async def test_a_budget_policy_is_tried_and_comes_in_force(chamber: Chamber) -> None:
    policies = BudgetPolicyServiceStub(chamber._channel("triage", "ada"))
    wanted = (await policies.GetBudgetPolicy(budget_policy_service_pb2.GetBudgetPolicyRequest())).policy
    wanted.post_mortem_share = 0.25
    made = await agreed(chamber, await chamber.draft(wanted, "budgetPolicy"), "triage")
    in_force = (await policies.GetBudgetPolicy(budget_policy_service_pb2.GetBudgetPolicyRequest())).policy
    assert (in_force.post_mortem_share, in_force.revision) == (0.25, made.revision)
    assert made.impact.summary == "0 of 0 error budgets would be in another step now."


async def test_a_policy_names_the_teams_and_the_items_it_would_displace(chamber: Chamber) -> None:
    allocation, now = chamber.allocation(), chamber.clock.now()
    teams = [team("pay", now - timedelta(days=1)), team("idle", now + timedelta(days=9))]
    await allocation.UpsertTeams(allocation_messages_pb2.UpsertTeamsRequest(teams=teams))
    items = [item("one", "pay", 150, 1000), item("two", "pay", 150, 3000)]
    await allocation.UpsertRoadmapItems(allocation_messages_pb2.UpsertRoadmapItemsRequest(items=items))
    sink = EventSinkServiceStub(chamber._channel("allocation", "ada"))
    await sink.Deliver(DeliverRequest(batch=CloudEventBatch(events=[made(assessment("pay", at=now))])))
    wanted = (await allocation.GetAllocationPolicy(allocation_messages_pb2.GetAllocationPolicyRequest(name=POLICY))).policy
    wanted.baseline_share, wanted.floor_share, wanted.cap_share, wanted.largest_step = 0.9, 0.5, 1.0, 1.0
    draft = await chamber.draft(wanted, POLICY, service="allocation")
    assert (draft.kind, draft.document) == ("allocation-policy", POLICY)
    made_of_it = await agreed(chamber, draft, "allocation")
    impact = made_of_it.impact
    assert impact.summary == "Of 1 teams that decide by it, 1 would have another split now."
    assert impact.measures == {"teams_tried": 1, "teams_changed": 1}
    assert (impact.displaced_items, impact.delay_days > 0, impact.value_at_risk.currency_code) == (2, True, "USD")
    assert impact.value_at_risk.units > 0
    assert impact.remediation_share_change > 0.2
    assert impact.facts[0].startswith("teams/pay: remediation ")
    # It moves more than a fifth of capacity, so the rule for that asked two others.
    assert (await chamber.approval(made_of_it)).rule.name == "high-impact"
    in_force = (await allocation.GetAllocationPolicy(allocation_messages_pb2.GetAllocationPolicyRequest(name=POLICY))).policy
    assert (in_force.baseline_share, in_force.author, in_force.reason) == (0.9, "ada", draft.reason)


async def test_a_policy_that_there_was_not_is_drafted_on_version_nought(chamber: Chamber) -> None:
    allocation = chamber.allocation()
    wanted = (await allocation.GetAllocationPolicy(allocation_messages_pb2.GetAllocationPolicyRequest(name=POLICY))).policy
    name = "allocationPolicies/new"
    with pytest.raises(InvalidInput) as refused:
        await chamber.draft(wanted, name, service="allocation")
    assert [each.field for each in refused.value.violations] == ["body.name"]
    wanted.name = name
    draft = await chamber.draft(wanted, name, service="allocation")
    assert (draft.base_revision, "+baseline_share" in draft.diff) == (0, True)
    made = await agreed(chamber, draft, "allocation")
    assert made.revision == 1
    listed = await chamber.amendments(service="allocation").ListDocuments(pb.ListDocumentsRequest())
    assert {each.name: each.revision for each in listed.documents}[name] == 1
    with pytest.raises(NotFound) as unknown:
        await chamber.amendments(service="allocation").RollBackDocument(
            pb.RollBackDocumentRequest(document=name, revision=9, reason="Back.")
        )
    assert unknown.value.reason == "POLICY_REVISION_NOT_FOUND"


async def test_a_rule_of_a_policy_is_tried_for_its_approvers_and_an_old_revision_brings_it_back(chamber: Chamber) -> None:
    allocation, now, name = chamber.allocation(), chamber.clock.now(), "allocationPolicies/ruled"
    wanted = (await allocation.GetAllocationPolicy(allocation_messages_pb2.GetAllocationPolicyRequest(name=POLICY, revision=1))).policy
    wanted.name = name
    wanted.rules.add(id="storm", when="incidents.count > 0", raise_by=0.1, reason="It storms.")
    with_rule = await agreed(chamber, await chamber.draft(wanted, name, service="allocation"), "allocation")
    stored = team("ruled", now - timedelta(days=1), policy=name)
    await allocation.UpsertTeams(allocation_messages_pb2.UpsertTeamsRequest(teams=[stored]))
    sink = EventSinkServiceStub(chamber._channel("allocation", "ada"))
    await sink.Deliver(DeliverRequest(batch=CloudEventBatch(events=[made(assessment("ruled", at=now, severity=4))])))
    del wanted.rules[:]
    wanted.rules.add(id="storm", when="incidents.count > 0", freeze={}, reason="It storms.")
    frozen = await agreed(chamber, await chamber.draft(wanted, name, service="allocation"), "allocation")
    assert frozen.impact.measures == {"teams_tried": 1, "teams_changed": 1}
    assert frozen.impact.facts[0] == "teams/ruled: remediation 43.3 % → 60.0 %"
    back = pb.RollBackDocumentRequest(document=name, revision=with_rule.revision, reason="Too hard.")
    proposed = (await chamber.amendments("cy", service="allocation").RollBackDocument(back)).amendment
    for approver in ("ada", "bo")[: (await chamber.approval(proposed)).rule.quorum]:
        await chamber.approve(proposed, approver)

    async def is_back() -> bool:
        return (await chamber.get(proposed, "allocation")).state == State.AMENDMENT_STATE_IN_FORCE

    await until(is_back)
    in_force = (await allocation.GetAllocationPolicy(allocation_messages_pb2.GetAllocationPolicyRequest(name=name))).policy
    assert (in_force.revision, round(in_force.rules[0].raise_by, 6)) == (3, 0.1)


async def test_grouping_rules_are_tried_on_the_last_alerts_and_come_in_force(chamber: Chamber) -> None:
    intake = IntakeServiceStub(chamber._channel("intake", "ada"))
    reports = [report("search", 1, alertname="A"), report("search", 2, alertname="B")]
    await intake.ReportAlerts(intake_service_pb2.ReportAlertsRequest(source="prometheus", reports=reports))
    text = "rules:\n  - name: each-alone\n    when: 'true'\n    group_by: [alertname]\n"
    draft = await chamber.draft(grouping_rules_pb2.GroupingRules(yaml=text), "groupingRules", service="intake")
    assert "+    - name: each-alone" in draft.diff
    made = await agreed(chamber, draft, "intake")
    assert made.impact.measures["incidents_split"] == 1
    in_force = (await chamber.grouping().GetGroupingRules(grouping_service_pb2.GetGroupingRulesRequest())).rules
    assert (in_force.yaml, in_force.author, in_force.revision) == (text, "ada", made.revision)
    with pytest.raises(InvalidInput):
        await chamber.draft(grouping_rules_pb2.GroupingRules(yaml="rules: 7"), "groupingRules", service="intake")


async def test_documents_are_listed_with_their_owners_and_owners_decide(chamber: Chamber) -> None:
    stub = chamber.amendments()
    page = await stub.ListDocuments(pb.ListDocumentsRequest(page_size=2))
    rest = await stub.ListDocuments(pb.ListDocumentsRequest(page_size=2, page_token=page.next_page_token))
    assert [each.name for each in (*page.documents, *rest.documents)] == ["budgetPolicy", "gatingRules", MATRIX]
    assert all(each.needs_approval for each in page.documents)
    request = pb.SetDocumentOwnerRequest(document=MATRIX, owner="teams/reliability", reason="They keep it.")
    owned = (await stub.SetDocumentOwner(request)).document
    assert (owned.owner, owned.etag) == ("teams/reliability", "v1")
    proposed = await chamber.propose(await chamber.draft(await chamber.stricter()))
    assert (proposed.owner, (await chamber.approval(proposed)).team) == ("teams/reliability", "teams/reliability")
    listed = (await stub.ListDocuments(pb.ListDocumentsRequest())).documents
    assert {each.name: each.open_amendments for each in listed}[MATRIX] == 1
    await stub.WithdrawAmendment(pb.WithdrawAmendmentRequest(name=proposed.name))


async def test_where_nobody_else_must_agree_it_comes_in_force_at_once(free: Chamber) -> None:
    before = await free.matrix()
    made = await free.propose(await free.draft(await free.stricter()))
    assert (made.state, made.revision, made.approval, made.needs_approval) == (
        State.AMENDMENT_STATE_IN_FORCE,
        before.revision + 1,
        "",
        False,
    )
    direct = await free.stricter()
    direct.reason = "Quickly."
    await free.triage().UpdateSeverityMatrix(triage_service_pb2.UpdateSeverityMatrixRequest(matrix=direct))
    assert (await free.get(made)).state == State.AMENDMENT_STATE_SUPERSEDED
    asked = await free.approvals().ListApprovals(approval_messages_pb2.ListApprovalsRequest(subject=MATRIX))
    assert not asked.approvals


async def test_every_change_of_an_amendment_is_watched_in_order(free: Chamber) -> None:
    stub = free.amendments()
    stream = aiter(stub.WatchAmendments(pb.WatchAmendmentsRequest()))
    seen = [await anext(stream)]
    made = await free.propose(await free.draft(await free.stricter()))
    states = []
    async for each in stream:
        states.append((each.from_state, each.amendment.state))
        if each.amendment.state == State.AMENDMENT_STATE_IN_FORCE:
            break
    assert states == [(0, 1), (1, 2), (2, 3), (3, 4)]
    again = aiter(stub.WatchAmendments(pb.WatchAmendmentsRequest(resume_token=seen[0].resume_token)))
    first = await anext(again)
    while not first.HasField("amendment"):
        first = await anext(again)
    assert (first.amendment.name, first.amendment.state) == (made.name, State.AMENDMENT_STATE_DRAFT)


async def test_amendments_are_listed_by_page_newest_first_without_their_bodies(free: Chamber) -> None:
    drafts = [await free.draft(await free.stricter(by=number + 1)) for number in range(3)]
    stub = free.amendments()
    page = await stub.ListAmendments(pb.ListAmendmentsRequest(document=MATRIX, page_size=2))
    rest = await stub.ListAmendments(pb.ListAmendmentsRequest(document=MATRIX, page_size=2, page_token=page.next_page_token))
    listed = [*page.amendments, *rest.amendments]
    assert [each.name for each in listed] == [each.name for each in reversed(drafts)]
    assert not any(each.HasField("body") or each.diff for each in listed)
    assert not (await stub.ListAmendments(pb.ListAmendmentsRequest(author="bo"))).amendments
    only = await stub.ListAmendments(pb.ListAmendmentsRequest(states=[State.AMENDMENT_STATE_IN_FORCE]))
    assert not only.amendments
