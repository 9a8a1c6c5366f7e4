"""Every refusal names field, rule and remedy, comes as the right kind of error, and leaves nothing half done."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from ballast.allocation.v1 import allocation_messages_pb2, roadmap_item_pb2, team_pb2
from ballast.intake.v1 import alert_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.playbook.v1 import playbook_service_pb2
from ballast.triage.v1 import component_pb2, triage_service_pb2

from services.intake.settings import IntakeSettings
from services.suite import Suite, SuiteOptions
from shared.embedded import Engines
from shared.errors import Conflict, InvalidInput, NotFound
from shared.testing.databases import Databases
from tests.conftest import START
from tests.support.suite import Clients, dollars, found_organisation


@pytest.fixture(scope="module")
async def suite(engines: Engines, databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Suite]:
    urls = await asyncio.to_thread(databases.clone)
    suite = Suite(SuiteOptions(tmp_path_factory.mktemp("suite"), start=START, free_ports=True), engines, urls)
    await suite.start()
    yield suite
    await suite.stop()


@pytest.fixture(scope="module")
async def clients(suite: Suite) -> AsyncIterator[Clients]:
    clients = Clients(suite.addresses)
    await found_organisation(clients, ["checkout"], START - timedelta(days=1))
    yield clients
    await clients.close()


def reports(*built: alert_pb2.AlertReport) -> pb.ReportAlertsRequest:
    return pb.ReportAlertsRequest(request_id=str(uuid.uuid4()), source="test", reports=built)


async def alert_count(clients: Clients) -> int:
    return len((await clients.intake.ListAlerts(pb.ListAlertsRequest(page_size=1000))).alerts)


async def test_an_alert_without_labels_is_refused(clients: Clients) -> None:
    before = await alert_count(clients)
    with pytest.raises(InvalidInput) as refused:
        await clients.intake.ReportAlerts(reports(alert_pb2.AlertReport()))
    assert refused.value.violations[0].field == "reports[0].labels"
    assert refused.value.violations[0].description == "map must be at least 1 entries: add at least one entry (rule map.min_pairs)"
    assert await alert_count(clients) == before


async def test_an_alert_far_in_the_future_is_refused(clients: Clients) -> None:
    late = alert_pb2.AlertReport(labels={"component": "checkout"})
    late.starts_at.FromDatetime(START + timedelta(days=3650))
    with pytest.raises(InvalidInput, match="mend the sender's clock") as refused:
        await clients.intake.ReportAlerts(reports(late))
    assert refused.value.violations[0].field == "reports[0].starts_at"


async def test_a_message_of_ten_megabytes_is_refused_with_its_size_and_the_limit(clients: Clients) -> None:
    big = [alert_pb2.AlertReport(labels={"component": "checkout", "n": str(n)}, annotations={"x": "y" * 8000}) for n in range(1300)]
    with pytest.raises(InvalidInput, match="smaller parts") as refused:
        await clients.intake.ReportAlerts(reports(*big))
    assert refused.value.reason == "REQUEST_TOO_LARGE"


async def test_an_unknown_component_is_accepted_and_assessed_as_unknown(clients: Clients, suite: Suite) -> None:
    receipt = (await clients.intake.ReportAlerts(reports(alert_pb2.AlertReport(labels={"component": "nobody-knows"})))).receipts[0]
    await suite.settle(timedelta(seconds=30))
    assessed = (await clients.triage.GetAssessment(triage_service_pb2.GetAssessmentRequest(name=receipt.incident))).assessment
    assert list(assessed.unknown_components) == ["nobody-knows"]
    assert any(term.missing for term in assessed.terms)


async def test_components_that_depend_on_each_other_in_a_circle_are_refused(clients: Clients) -> None:
    circle = [
        component_pb2.Component(name="components/egg", dependencies=["components/hen"]),
        component_pb2.Component(name="components/hen", dependencies=["components/egg"]),
    ]
    with pytest.raises(InvalidInput, match="components/egg") as refused:
        await clients.triage.UpsertComponents(triage_service_pb2.UpsertComponentsRequest(components=circle))
    assert refused.value.reason == "DEPENDENCY_CYCLE"
    with pytest.raises(NotFound):
        await clients.triage.GetComponent(triage_service_pb2.GetComponentRequest(name="components/egg"))


async def test_roadmap_items_that_wait_for_each_other_are_refused(clients: Clients) -> None:
    circle = [
        roadmap_item_pb2.RoadmapItem(
            name=f"roadmapItems/{name}",
            title=name,
            team="teams/core",
            effort_hours=8,
            cost_of_delay_per_week=dollars(1),
            dependencies=[f"roadmapItems/{other}"],
        )
        for name, other in (("chicken", "egg"), ("egg", "chicken"))
    ]
    with pytest.raises(InvalidInput, match="roadmapItems/egg") as refused:
        await clients.allocation.UpsertRoadmapItems(allocation_messages_pb2.UpsertRoadmapItemsRequest(items=circle))
    assert refused.value.reason == "DEPENDENCY_CYCLE"


async def test_a_team_without_capacity_is_refused(clients: Clients) -> None:
    idle = team_pb2.Team(name="teams/idle", members=[team_pb2.Member(id="ada", weekly_hours=40, focus_factor=0)])
    idle.sprint_length.FromTimedelta(timedelta(days=14))
    idle.first_sprint_at.FromDatetime(START)
    with pytest.raises(InvalidInput) as refused:
        await clients.allocation.UpsertTeams(allocation_messages_pb2.UpsertTeamsRequest(teams=[idle]))
    assert refused.value.violations[0].field == "teams[0].members[0].focus_factor"
    assert "send a value within the range" in refused.value.violations[0].description
    idle.members[0].focus_factor, idle.members[0].weekly_hours = 1, 0
    with pytest.raises(InvalidInput, match="hours") as refused:
        await clients.allocation.UpsertTeams(allocation_messages_pb2.UpsertTeamsRequest(teams=[idle]))
    assert refused.value.reason == "CAPACITY_ZERO"
    with pytest.raises(NotFound):
        await clients.allocation.GetTeam(allocation_messages_pb2.GetTeamRequest(name="teams/idle"))


async def test_a_policy_whose_bounds_exclude_its_baseline_is_refused(clients: Clients) -> None:
    read = allocation_messages_pb2.GetAllocationPolicyRequest(name="allocationPolicies/default")
    policy = (await clients.allocation.GetAllocationPolicy(read)).policy
    policy.cap_share = policy.baseline_share / 2
    policy.floor_share = 0
    with pytest.raises(InvalidInput) as refused:
        await clients.allocation.UpdateAllocationPolicy(allocation_messages_pb2.UpdateAllocationPolicyRequest(policy=policy))
    assert refused.value.reason == "BASELINE_OUT_OF_BOUNDS"
    assert (await clients.allocation.GetAllocationPolicy(read)).policy.revision == 1


async def test_a_render_without_a_needed_value_is_refused(clients: Clients) -> None:
    ask = playbook_service_pb2.RenderPlaybookRequest(template="templates/incident-response", incident=f"incidents/{uuid.uuid4()}")
    with pytest.raises((InvalidInput, NotFound)) as refused:
        await clients.playbook.RenderPlaybook(ask)
    assert refused.value.reason == "INCIDENT_UNKNOWN"


async def test_a_malformed_page_token_is_refused(clients: Clients) -> None:
    for token in ("%%%", "bm9uc2Vuc2U", "é"):
        with pytest.raises(InvalidInput, match="leave it empty to begin again") as refused:
            await clients.intake.ListIncidents(pb.ListIncidentsRequest(page_token=token))
        assert refused.value.reason == "PAGE_TOKEN_INVALID"


async def test_an_old_etag_is_refused_with_the_present_one(clients: Clients) -> None:
    read = allocation_messages_pb2.GetAllocationPolicyRequest(name="allocationPolicies/default")
    policy = (await clients.allocation.GetAllocationPolicy(read)).policy
    policy.etag = "v999"
    with pytest.raises(Conflict) as refused:
        await clients.allocation.UpdateAllocationPolicy(allocation_messages_pb2.UpdateAllocationPolicyRequest(policy=policy))
    assert refused.value.reason == "ETAG_MISMATCH"
    assert refused.value.metadata["etag"] == "v1"


async def test_a_request_id_used_for_another_body_is_refused(clients: Clients) -> None:
    first = reports(alert_pb2.AlertReport(labels={"component": "checkout", "n": "1"}))
    await clients.intake.ReportAlerts(first)
    other = reports(alert_pb2.AlertReport(labels={"component": "checkout", "n": "2"}))
    other.request_id = first.request_id
    with pytest.raises(InvalidInput) as refused:
        await clients.intake.ReportAlerts(other)
    assert refused.value.reason == "REQUEST_ID_REUSED"


def test_an_address_beyond_loopback_without_credentials_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"host: 0\.0\.0\.0 is not loopback and no credentials are configured; set tls_cert"):
        IntakeSettings(host="0.0.0.0", state_dir=tmp_path)
