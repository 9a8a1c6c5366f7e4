"""Tracing lineage through a running governance."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from ballast.allocation.v1 import allocation_events_pb2, allocation_policy_pb2
from ballast.governance.v1 import approval_pb2, governance_events_pb2, lineage_events_pb2, lineage_pb2, lineage_service_pb2
from ballast.governance.v1 import governance_service_pb2 as pb
from ballast.intake.v1 import incident_pb2, intake_events_pb2
from ballast.triage.v1 import component_pb2, triage_events_pb2

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput, NotFound
from tests.support.governance import (
    TRACE_ID,
    Governance,
    assessment_made,
    change_reported,
    decision_made,
    event,
    governing,
    incident_opened,
    story,
)

DOWNSTREAM = pb.LINEAGE_DIRECTION_DOWNSTREAM
UPSTREAM = pb.LINEAGE_DIRECTION_UPSTREAM
INFERRED = lineage_pb2.LINEAGE_SOURCE_INFERRED


@pytest.fixture(scope="module")
async def governance(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Governance]:
    async with governing(urls, engines, clock, lineage_walk_limit=100) as running:
        yield running


async def trace(governance: Governance, name: str, **fields: Any) -> pb.TraceLineageResponse:
    return await governance.rpc.TraceLineage(pb.TraceLineageRequest(name=name, **fields))


def depths(response: pb.TraceLineageResponse) -> dict[str, int]:
    return {node.name: node.depth for node in response.nodes}


def pairs(response: pb.TraceLineageResponse) -> list[tuple[str, str]]:
    return [(edge.from_name, edge.to_name) for edge in response.edges]


async def test_lineage_leads_downstream_from_alert_to_bundle(governance: Governance) -> None:
    await governance.deliver(*story("down"))
    found = await trace(governance, "alerts/down", direction=DOWNSTREAM)
    assert depths(found) == {
        "alerts/down": 0,
        "incidents/down": 1,
        "assessments/down": 2,
        "components/down-shop": 2,
        "bundles/down": 3,
        "decisions/down": 3,
        "roadmapItems/down": 4,
    }
    assert [node.name for node in found.nodes] == list(depths(found))
    assert set(pairs(found)) == {
        ("alerts/down", "incidents/down"),
        ("incidents/down", "assessments/down"),
        ("incidents/down", "components/down-shop"),
        ("assessments/down", "bundles/down"),
        ("assessments/down", "decisions/down"),
        ("decisions/down", "bundles/down"),
        ("decisions/down", "roadmapItems/down"),
    }


async def test_lineage_leads_upstream_from_a_displaced_item_to_alert_and_policy(governance: Governance) -> None:
    await governance.deliver(*story("up"))
    found = depths(await trace(governance, "roadmapItems/up", direction=UPSTREAM))
    assert found == {
        "roadmapItems/up": 0,
        "decisions/up": 1,
        "allocationPolicies/default@3": 2,
        "assessments/up": 2,
        "incidents/up": 3,
        "alerts/up": 4,
    }


async def test_lineage_goes_both_ways_unless_told_and_ends_on_cycles(governance: Governance) -> None:
    await governance.deliver(*story("both"))
    found = depths(await trace(governance, "bundles/both", max_depth=2))
    assert found["templates/incident-response@1.0.0"] == 1
    assert found["incidents/both"] == 2
    assert found["roadmapItems/both"] == 2


async def test_an_edge_tells_relation_facts_and_the_entry_that_showed_it(governance: Governance) -> None:
    events = story("edge")
    await governance.deliver(*events)
    found = await trace(governance, "decisions/edge", direction=DOWNSTREAM, kinds=["roadmap_item"])
    (edge,) = found.edges
    assert edge.relation == lineage_pb2.LINEAGE_RELATION_DISPLACES
    assert dict(edge.attributes) == {"delay_days": "14", "value_at_risk": "1250.5", "currency": "EUR"}
    assert edge.trace_id == TRACE_ID
    (entry,) = (await governance.rpc.ListLedgerEntries(pb.ListLedgerEntriesRequest(subject="decisions/edge"))).entries
    assert edge.ledger_sequence == entry.sequence
    assert edge.create_time == entry.record_time


async def test_a_walk_stops_at_kinds_not_asked_for(governance: Governance) -> None:
    await governance.deliver(*story("kinds"))
    found = depths(await trace(governance, "alerts/kinds", direction=DOWNSTREAM, kinds=["incident", "decision"]))
    assert found == {"alerts/kinds": 0, "incidents/kinds": 1}


async def test_a_walk_goes_no_deeper_than_asked(governance: Governance) -> None:
    await governance.deliver(*story("depth"))
    assert depths(await trace(governance, "alerts/depth", direction=DOWNSTREAM, max_depth=1)) == {"alerts/depth": 0, "incidents/depth": 1}


async def test_the_pages_of_a_walk_make_up_the_whole(governance: Governance) -> None:
    await governance.deliver(*story("pages"))
    whole = await trace(governance, "alerts/pages", direction=DOWNSTREAM)
    nodes, edges, token = [], [], ""
    for _ in range(len(whole.nodes)):
        page = await trace(governance, "alerts/pages", direction=DOWNSTREAM, page_size=2, page_token=token)
        assert len(page.nodes) <= 2
        nodes += [node.name for node in page.nodes]
        edges += pairs(page)
        token = page.next_page_token
        if not token:
            break
    assert nodes == [node.name for node in whole.nodes]
    assert sorted(edges) == sorted(pairs(whole))


async def test_events_in_reverse_order_draw_the_same_lineage(governance: Governance) -> None:
    await governance.deliver(*story("ahead"))
    for each in reversed(story("behind")):
        await governance.deliver(each)
    ahead, behind = [await trace(governance, f"alerts/{key}", direction=DOWNSTREAM) for key in ("ahead", "behind")]
    assert [(node.name.replace("ahead", "behind"), node.title, node.depth) for node in ahead.nodes] == [
        (node.name, node.title, node.depth) for node in behind.nodes
    ]


async def test_an_edge_shown_again_stays_one_and_belongs_to_the_entry_that_first_showed_it(governance: Governance) -> None:
    first, second = (assessment_made("assessments/again", "incidents/again", version=version) for version in (1, 2))
    await governance.deliver(first)
    await governance.deliver(second)
    (edge,) = (await trace(governance, "incidents/again")).edges
    entries = (await governance.rpc.ListLedgerEntries(pb.ListLedgerEntriesRequest(subject="assessments/again"))).entries
    assert edge.ledger_sequence == entries[0].sequence


async def test_a_node_only_mentioned_has_no_title_until_its_own_event_arrives(governance: Governance) -> None:
    await governance.deliver(assessment_made("assessments/first", "incidents/second"))
    assert (await trace(governance, "incidents/second")).nodes[0].title == ""
    await governance.deliver(incident_opened("incidents/second", title="Search\nslow"))
    assert (await trace(governance, "incidents/second")).nodes[0].title == "Search slow"


async def test_a_title_of_an_older_version_does_not_replace_a_newer_one(governance: Governance) -> None:
    for version, title in ((1, "Till"), (3, "Checkout"), (2, "Cash desk")):
        component = component_pb2.Component(name="components/renamed", display_name=title)
        await governance.deliver(event(triage_events_pb2.ComponentChanged(component=component), "components/renamed", version=version))
    assert (await trace(governance, "components/renamed")).nodes[0].title == "Checkout"


async def test_a_policy_version_is_titled_by_its_own_event(governance: Governance) -> None:
    policy = allocation_policy_pb2.AllocationPolicy(name="allocationPolicies/titled", revision=2, reason="calmer")
    await governance.deliver(event(allocation_events_pb2.AllocationPolicyChanged(policy=policy), policy.name, version=2))
    assert (await trace(governance, "allocationPolicies/titled@2")).nodes[0].title == "version 2: calmer"


async def test_an_unknown_name_is_not_found(governance: Governance) -> None:
    with pytest.raises(NotFound) as refused:
        await trace(governance, "incidents/nowhere")
    assert refused.value.reason == "NODE_NOT_FOUND"


async def test_a_kind_that_does_not_exist_is_refused_with_those_that_do(governance: Governance) -> None:
    with pytest.raises(InvalidInput, match="roadmap_item") as refused:
        await trace(governance, "incidents/any", kinds=["incident", "epic"])
    assert refused.value.violations[0].field == "kinds[1]"


async def test_a_walk_over_too_many_nodes_is_refused_with_the_remedy(governance: Governance) -> None:
    await governance.deliver(incident_opened("incidents/crowded", alerts=[f"alerts/crowd-{number}" for number in range(101)]))
    with pytest.raises(InvalidInput, match="lower max_depth") as refused:
        await trace(governance, "incidents/crowded")
    assert refused.value.reason == "LINEAGE_TOO_LARGE"


@pytest.mark.parametrize("reverse", [False, True])
async def test_a_change_shortly_before_an_incident_on_the_same_component_is_inferred_to_have_caused_it(
    governance: Governance, reverse: bool
) -> None:
    key = f"caused-{reverse}"
    told = [
        change_reported(f"changes/{key}", [key], minutes=0),
        incident_opened(f"incidents/{key}", components=[key], minutes=30),
    ]
    for each in reversed(told) if reverse else told:
        await governance.deliver(each)
    found = await trace(governance, f"incidents/{key}", direction=UPSTREAM)
    (edge,) = found.edges
    assert (edge.from_name, edge.relation, edge.source) == (f"changes/{key}", lineage_pb2.LINEAGE_RELATION_CAUSED, INFERRED)
    assert (edge.confidence, edge.rule, edge.trace_id) == (0.25, "change-before-incident@1", TRACE_ID)
    assert dict(edge.attributes) == {"component": f"components/{key}", "lag_seconds": "1800"}
    assert found.nodes[1].title == "deploy 1.42.0: Till"


async def test_a_change_and_an_incident_in_one_delivery_are_brought_together_and_those_too_far_apart_are_not(
    governance: Governance,
) -> None:
    await governance.deliver(
        change_reported("changes/at-once", ["at-once"], minutes=0),
        change_reported("changes/long-before", ["at-once"], minutes=-120),
        incident_opened("incidents/at-once", components=["at-once"], minutes=1),
    )
    assert pairs(await trace(governance, "incidents/at-once", direction=UPSTREAM)) == [("changes/at-once", "incidents/at-once")]


@pytest.mark.parametrize("at_once", [False, True])
async def test_what_was_inferred_is_withdrawn_when_it_no_longer_follows_and_stands_again_when_it_does(
    governance: Governance, at_once: bool
) -> None:
    key = f"moved-{at_once}"
    change, incident = f"changes/{key}", f"incidents/{key}"
    told = [
        change_reported(change, [key], minutes=0),
        incident_opened(incident, components=[key], minutes=30),
        incident_opened(incident, components=[key], minutes=-5),
    ]
    for batch in [told] if at_once else [[each] for each in told]:
        await governance.deliver(*batch)
    assert pairs(await trace(governance, incident, direction=UPSTREAM)) == []
    (edge,) = (await trace(governance, incident, direction=UPSTREAM, include_denied=True)).edges
    assert (edge.standing, edge.source) == (lineage_pb2.LINK_STANDING_WITHDRAWN, INFERRED)
    assert edge.attributes["withdrawn_because"] == "it began 300 s after, as is told now"
    await governance.deliver(change_reported(change, [key], minutes=-15))
    (again,) = (await trace(governance, incident, direction=UPSTREAM)).edges
    assert (again.standing, dict(again.attributes)) == (
        lineage_pb2.LINK_STANDING_UNJUDGED,
        {"component": f"components/{key}", "lag_seconds": "600"},
    )
    assert again.ledger_sequence == edge.ledger_sequence


async def test_what_people_confirmed_is_not_withdrawn(governance: Governance) -> None:
    await governance.deliver(
        change_reported("changes/agreed", ["agreed"]), incident_opened("incidents/agreed", components=["agreed"], minutes=30)
    )
    confirmed = lineage_service_pb2.CorrectLinkRequest(
        from_name="changes/agreed",
        to_name="incidents/agreed",
        relation=lineage_pb2.LINEAGE_RELATION_CAUSED,
        verdict=lineage_events_pb2.LINK_VERDICT_CONFIRMED,
        reason="Seen in the logs.",
    )
    await governance.lineage.CorrectLink(confirmed)
    await governance.deliver(incident_opened("incidents/agreed", components=["agreed"], minutes=-5))
    (edge,) = (await trace(governance, "incidents/agreed", direction=UPSTREAM)).edges
    assert (edge.standing, edge.confidence) == (lineage_pb2.LINK_STANDING_CONFIRMED, 1.0)


async def test_what_people_hold_to_be_the_cause_replaces_what_was_inferred_and_not_the_other_way_about(governance: Governance) -> None:
    await governance.deliver(change_reported("changes/held", ["held"]), incident_opened("incidents/held", components=["held"], minutes=3))
    incident = incident_pb2.Incident(name="incidents/held", title="Down")
    incident.attribution.ref, incident.attribution.confidence, incident.attribution.note = "changes/held", 0.9, "Rolled back, and over."
    await governance.deliver(event(intake_events_pb2.IncidentChanged(incident=incident), "incidents/held", version=2))
    await governance.deliver(incident_opened("incidents/held", components=["held"], minutes=2))
    (edge,) = (await trace(governance, "incidents/held", direction=UPSTREAM)).edges
    assert (edge.source, edge.confidence, edge.rule) == (lineage_pb2.LINEAGE_SOURCE_STATED, 0.9, "")


async def test_a_walk_keeps_to_relations_and_to_what_is_sure_enough(governance: Governance) -> None:
    await governance.deliver(
        change_reported("changes/sure", ["sure"], minutes=0), incident_opened("incidents/sure", components=["sure"], minutes=30)
    )
    unsure = await trace(governance, "changes/sure", direction=DOWNSTREAM, least_confidence=0.3)
    assert pairs(unsure) == [("changes/sure", "components/sure")]
    caused = await trace(governance, "changes/sure", direction=DOWNSTREAM, relations=[lineage_pb2.LINEAGE_RELATION_CAUSED])
    assert depths(caused) == {"changes/sure": 0, "incidents/sure": 1}


async def test_a_node_is_pending_until_its_own_event_or_one_of_the_service_that_keeps_it_comes(governance: Governance) -> None:
    await governance.deliver(decision_made("decisions/pending", "assessments/pending", "roadmapItems/pending"))
    found = await trace(governance, "decisions/pending", max_depth=1)
    assert {node.name for node in found.nodes if node.pending} == {"assessments/pending"}
    assert [edge.from_name for edge in found.edges if edge.pending] == ["assessments/pending"]
    await governance.deliver(assessment_made("assessments/pending", "incidents/pending"))
    found = await trace(governance, "decisions/pending", direction=UPSTREAM)
    assert {node.name for node in found.nodes if node.pending} == {"incidents/pending"}


async def test_an_approval_is_bound_to_what_it_is_about_and_tells_where_it_stands(governance: Governance) -> None:
    approval = approval_pb2.Approval(name="approvals/told", subject="decisions/told", kind="decision")
    approval.state = approval_pb2.APPROVAL_STATE_PENDING
    await governance.deliver(event(governance_events_pb2.ApprovalRequested(approval=approval), approval.name))
    approval.state = approval_pb2.APPROVAL_STATE_APPROVED
    await governance.deliver(event(governance_events_pb2.ApprovalChanged(approval=approval), approval.name, version=2))
    found = await trace(governance, "decisions/told", direction=DOWNSTREAM)
    assert [edge.relation for edge in found.edges] == [lineage_pb2.LINEAGE_RELATION_APPROVED_BY]
    assert (found.nodes[1].kind, found.nodes[1].title) == ("approval", "decision: approved")


@pytest.mark.parametrize("depth", [-1, 33])
async def test_a_walk_without_bound_or_too_deep_is_refused_with_the_rule(governance: Governance, depth: int) -> None:
    with pytest.raises(InvalidInput, match="max_depth") as refused:
        await trace(governance, "incidents/any", max_depth=depth)
    assert refused.value.violations[0].field == "max_depth"


async def test_a_cycle_of_many_is_walked_round_once(governance: Governance) -> None:
    ring = [f"incidents/ring-{number:02}" for number in range(20)]
    for here, there in zip(ring, [*ring[1:], ring[0]], strict=True):
        data = intake_events_pb2.IncidentChanged(incident=incident_pb2.Incident(name=here, merged_into=there))
        await governance.deliver(event(data, here))
    found = await trace(governance, ring[0], direction=DOWNSTREAM, max_depth=32)
    assert [node.name for node in found.nodes] == ring
    assert sorted(pairs(found)) == sorted(zip(ring, [*ring[1:], ring[0]], strict=True))


async def test_a_page_token_of_another_walk_is_refused(governance: Governance) -> None:
    await governance.deliver(*story("token"))
    page = await trace(governance, "alerts/token", page_size=1)
    with pytest.raises(InvalidInput) as refused:
        await trace(governance, "incidents/token", page_size=1, page_token=page.next_page_token)
    assert refused.value.reason == "PAGE_TOKEN_INVALID"
