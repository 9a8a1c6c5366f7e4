"""What came of incidents and decisions, as events of the suite tell it: error budgets, duties and work."""

from collections.abc import AsyncIterator

import pytest
from ballast.allocation.v1 import allocation_events_pb2, team_pb2
from ballast.events.v1.cloudevents_pb2 import CloudEvent
from ballast.governance.v1 import governance_service_pb2, ledger_service_pb2, lineage_pb2
from ballast.governance.v1.impact_pb2 import GetImpactRequest, GetImpactResponse
from ballast.triage.v1 import budget_events_pb2, budget_policy_pb2, error_budget_pb2

from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.governance import Governance, at, event, governing, incident_opened, story

DOWNSTREAM = governance_service_pb2.LINEAGE_DIRECTION_DOWNSTREAM


@pytest.fixture(scope="module")
async def governance(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Governance]:
    async with governing(urls, engines, clock) as running:
        yield running


def budget(key: str, remaining: float, *, minutes: float, version: int, step: str = "") -> CloudEvent:
    """The budget of one objective of a component's SLO as it stood then."""
    told = error_budget_pb2.ErrorBudget(
        slo=f"slos/{key}",
        objective=1,
        component=f"components/{key}",
        remaining=remaining,
        standing=budget_policy_pb2.BudgetStanding(step=step),
    )
    told.evaluated_at.FromDatetime(at(minutes))
    return event(budget_events_pb2.ErrorBudgetChanged(error_budget=told), f"slos/{key}/errorBudgets/1", version=version)


async def led_to(governance: Governance, name: str) -> dict[str, tuple[str, str]]:
    """Returns kind and title of each resource that it led to at once."""
    request = governance_service_pb2.TraceLineageRequest(name=name, direction=DOWNSTREAM, max_depth=1)
    return {node.name: (node.kind, node.title) for node in (await governance.rpc.TraceLineage(request)).nodes[1:]}


async def impact(governance: Governance, decision: str) -> GetImpactResponse:
    return await governance.lineage.GetImpact(GetImpactRequest(decision=decision))


async def test_an_error_budget_is_one_kpi_of_its_component_titled_by_where_it_stands(governance: Governance) -> None:
    told = [budget("one", remaining, minutes=minute, version=minute) for minute, remaining in ((1, 0.9), (2, 0.42))]
    await governance.deliver(told[1], told[0])  # in whatever order
    assert await led_to(governance, "components/one") == {
        "slos/one/errorBudgets/1": ("kpi_value", "error budget of slos/one: 42.0% remaining")
    }


async def test_a_walk_from_an_alert_ends_at_the_kpi_of_what_its_incident_affects(governance: Governance) -> None:
    await governance.deliver(incident_opened("incidents/kpi", components=["kpi"], alerts=["alerts/kpi"]))
    await governance.deliver(budget("kpi", -0.1, minutes=1, version=1, step="freeze"))
    request = governance_service_pb2.TraceLineageRequest(name="alerts/kpi", direction=DOWNSTREAM)
    nodes = (await governance.rpc.TraceLineage(request)).nodes
    assert [(each.kind, each.depth) for each in nodes] == [("alert", 0), ("incident", 1), ("component", 2), ("kpi_value", 3)]
    assert nodes[-1].title == "error budget of slos/kpi: -10.0% remaining, freeze"


async def test_an_incident_that_used_too_much_of_a_budget_calls_for_a_post_mortem(governance: Governance) -> None:
    due = budget_events_pb2.PostMortemDue(incident="incidents/due", slo="slos/due", objective=0, four_week_share=0.25)
    await governance.deliver(incident_opened("incidents/due"), event(due, "slos/due", version=0))
    assert await led_to(governance, "incidents/due") == {
        "duties/post-mortem/due/due/0": ("duty", "post-mortem due: 25.0% of the four-week budget of slos/due used")
    }


async def test_a_duty_that_names_no_incident_draws_nothing(governance: Governance) -> None:
    await governance.deliver(event(budget_events_pb2.PlanningDue(incident_class="c", slo="slos/class"), "slos/class"))
    entries = (
        await governance.ledger.ListEntries(
            ledger_service_pb2.ListEntriesRequest(filter=ledger_service_pb2.EntryFilter(subject="slos/class"))
        )
    ).entries
    assert len(entries) == 1


async def test_work_is_drawn_from_what_it_was_for_without_who_did_it(governance: Governance) -> None:
    records = [
        team_pb2.WorkRecord(name="workRecords/1", team="teams/core", member="grace", incident="incidents/worked", hours=3, note="by grace"),
        team_pb2.WorkRecord(name="workRecords/2", team="teams/core", member="grace", roadmap_item="roadmapItems/worked", hours=1.5),
    ]
    await governance.deliver(event(allocation_events_pb2.WorkRecorded(records=records), "workRecords/1"))
    assert await led_to(governance, "incidents/worked") == {"workRecords/1": ("work_record", "3 h of teams/core")}
    assert await led_to(governance, "roadmapItems/worked") == {"workRecords/2": ("work_record", "1.5 h of teams/core")}
    request = governance_service_pb2.TraceLineageRequest(name="roadmapItems/worked", direction=DOWNSTREAM, max_depth=1)
    (edge,) = (await governance.rpc.TraceLineage(request)).edges
    assert (edge.relation, dict(edge.attributes)) == (lineage_pb2.LINEAGE_RELATION_TOOK_WORK, {"hours": "1.5", "team": "teams/core"})


async def test_the_impact_of_a_decision_has_the_kpis_of_what_its_incidents_affect_before_it_and_since(governance: Governance) -> None:
    await governance.deliver(budget("moved", 0.9, minutes=1, version=1), budget("moved", 0.3, minutes=2, version=2))
    await governance.deliver(incident_opened("incidents/moved", components=["moved"]), *story("moved"))
    assert [(each.before.value, len(each.values)) for each in (await impact(governance, "decisions/moved")).kpis] == [(0.3, 0)]
    since = [budget("moved", value, minutes=minute, version=minute) for minute, value in ((4, 0.5), (3, 0.1))]
    await governance.deliver(*since, budget("elsewhere", 0.2, minutes=5, version=5))
    (kpi,) = (await impact(governance, "decisions/moved")).kpis
    assert (kpi.kpi.name, kpi.measured_on, kpi.before.value) == ("slos/moved/errorBudgets/1", "components/moved", 0.3)
    assert [(each.value, each.time.ToDatetime(tzinfo=at(0).tzinfo)) for each in kpi.values] == [(0.1, at(3)), (0.5, at(4))]


async def test_work_taken_back_is_drawn_beside_it_and_work_of_a_category_not_at_all(governance: Governance) -> None:
    first = team_pb2.WorkRecord(name="workRecords/3", team="teams/core", incident="incidents/mistaken", hours=3)
    reversal = team_pb2.WorkRecord(name="workRecords/4", team="teams/core", incident="incidents/mistaken", hours=-3, reverses=first.name)
    toil = team_pb2.WorkRecord(name="workRecords/5", team="teams/core", category="toil", hours=3, replaces=first.name)
    corrected = allocation_events_pb2.WorkCorrected(original=first, reversal=reversal, replacement=toil)
    recorded = allocation_events_pb2.WorkRecorded(records=[first])
    await governance.deliver(event(recorded, first.name), event(corrected, first.name, version=2))
    assert await led_to(governance, "incidents/mistaken") == {
        "workRecords/3": ("work_record", "3 h of teams/core"),
        "workRecords/4": ("work_record", "-3 h of teams/core"),
    }
    only_toil = allocation_events_pb2.WorkRecorded(records=[toil])
    await governance.deliver(event(only_toil, toil.name))
