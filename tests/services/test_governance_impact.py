"""The impact of a decision through a running governance."""

from collections.abc import AsyncIterator

import pytest
from ballast.governance.v1.impact_pb2 import GetImpactRequest, GetImpactResponse
from ballast.intake.v1 import incident_pb2, intake_events_pb2

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput, NotFound
from tests.support.governance import Governance, at, decision_made, event, governing, story


@pytest.fixture(scope="module")
async def governance(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Governance]:
    async with governing(urls, engines, clock) as running:
        yield running


async def impact(governance: Governance, decision: str) -> GetImpactResponse:
    return await governance.lineage.GetImpact(GetImpactRequest(decision=decision))


async def test_the_impact_of_a_decision_tells_items_delay_value_incidents_and_bundles(governance: Governance) -> None:
    await governance.deliver(*story("whole"))
    found = await impact(governance, "decisions/whole")
    assert found.decision.name == "decisions/whole"
    (item,) = found.displaced
    assert (item.item.name, item.item.title, item.delay.seconds // 86_400) == ("roadmapItems/whole", "Search", 14)
    assert (item.value_at_risk.units, item.value_at_risk.nanos, item.value_at_risk.currency_code) == (1250, 500_000_000, "EUR")
    assert found.longest_delay == item.delay
    assert [(each.units, each.currency_code) for each in found.value_at_risk] == [(1250, "EUR")]
    assert [each.incident.name for each in found.incidents] == ["incidents/whole"]
    assert [each.name for each in found.bundles] == ["bundles/whole"]
    assert not found.partial


async def test_what_happened_since_is_told_later_decisions_and_when_incidents_ended(governance: Governance) -> None:
    await governance.deliver(*story("since"))
    assert not (await impact(governance, "decisions/since")).incidents[0].HasField("resolved_at")
    resolved = incident_pb2.Incident(name="incidents/since", title="Down")
    resolved.resolved_at.FromDatetime(at(90))
    resolved.update_time.FromDatetime(at(91))
    stale = incident_pb2.Incident(name="incidents/since", title="Down")
    stale.update_time.FromDatetime(at(5))
    await governance.deliver(event(intake_events_pb2.IncidentChanged(incident=resolved), "incidents/since", version=3))
    await governance.deliver(event(intake_events_pb2.IncidentChanged(incident=stale), "incidents/since", version=2))
    await governance.deliver(decision_made("decisions/since-then", "assessments/other", "roadmapItems/since"))
    found = await impact(governance, "decisions/since")
    assert found.incidents[0].resolved_at == resolved.resolved_at
    assert [(each.decision.name, each.delay.seconds // 86_400) for each in found.displaced[0].later] == [("decisions/since-then", 14)]
    assert list((await impact(governance, "decisions/since-then")).displaced[0].later) == []


async def test_a_decision_nobody_told_of_is_not_found_and_another_resource_is_refused(governance: Governance) -> None:
    with pytest.raises(NotFound) as absent:
        await impact(governance, "decisions/nowhere")
    with pytest.raises(InvalidInput) as refused:
        await impact(governance, "incidents/1")
    assert (absent.value.reason, refused.value.violations[0].field) == ("NODE_NOT_FOUND", "decision")
