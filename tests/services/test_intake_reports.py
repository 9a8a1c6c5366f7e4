"""Reporting alerts to a running intake."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from ballast.intake.v1 import alert_pb2, incident_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceStub

from services.intake.app import build
from services.intake.settings import IntakeSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.conftest import START
from tests.support.serving import serving

if TYPE_CHECKING:
    from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceAsyncStub  # exists for the type checker only

INTAKE = pb.DESCRIPTOR.services_by_name["IntakeService"]


@pytest.fixture(scope="module")
async def intake(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator["IntakeServiceAsyncStub"]:
    settings = IntakeSettings(port=0, database_url=urls["intake"], cache_url=engines.cache_url, subscribers={})
    async with serving(build(settings, clock), [INTAKE]) as served:
        yield IntakeServiceStub(served.channel.grpc)


def report(component: str, starts_at: int = 0, ends_at: int | None = None, **labels: str) -> alert_pb2.AlertReport:
    """Builds a report; times in seconds after START."""
    built = alert_pb2.AlertReport(labels={"component": component, **labels})
    built.starts_at.FromDatetime(START + timedelta(seconds=starts_at))
    if ends_at is not None:
        built.ends_at.FromDatetime(START + timedelta(seconds=ends_at))
    return built


async def send(intake: "IntakeServiceAsyncStub", *reports: alert_pb2.AlertReport) -> list[alert_pb2.AlertReceipt]:
    return list((await intake.ReportAlerts(pb.ReportAlertsRequest(source="test", reports=reports))).receipts)


async def test_an_alert_sent_twice_opens_one_incident(intake: "IntakeServiceAsyncStub") -> None:
    first = (await send(intake, report("twice")))[0]
    second = (await send(intake, report("twice")))[0]
    assert first.outcome == alert_pb2.REPORT_OUTCOME_OPENED
    assert second.outcome == alert_pb2.REPORT_OUTCOME_REPEATED
    assert (second.alert, second.incident) == (first.alert, first.incident)


async def test_an_incident_resolves_when_its_last_alert_ends(intake: "IntakeServiceAsyncStub") -> None:
    opened = await send(intake, report("ends", alertname="a"), report("ends", alertname="b"))
    name = opened[0].incident
    assert opened[1].incident == name
    await send(intake, report("ends", alertname="a", ends_at=60))
    assert (await intake.GetIncident(pb.GetIncidentRequest(name=name))).incident.state == incident_pb2.INCIDENT_STATE_OPEN
    await send(intake, report("ends", alertname="b", ends_at=90))
    over = (await intake.GetIncident(pb.GetIncidentRequest(name=name))).incident
    assert over.state == incident_pb2.INCIDENT_STATE_RESOLVED
    assert over.resolved_at.ToDatetime(tzinfo=START.tzinfo) == START + timedelta(seconds=90)


async def test_a_request_id_repeated_returns_the_first_answer(intake: "IntakeServiceAsyncStub") -> None:
    request = pb.ReportAlertsRequest(request_id=str(uuid.uuid4()), source="test", reports=[report("again")])
    first = await intake.ReportAlerts(request)
    assert await intake.ReportAlerts(request) == first


async def test_the_same_call_many_times_at_once_is_applied_once_and_answered_alike(intake: "IntakeServiceAsyncStub") -> None:
    request = pb.ReportAlertsRequest(request_id=str(uuid.uuid4()), source="test", reports=[report("many")])
    answers = await asyncio.gather(*(intake.ReportAlerts(request) for _ in range(12)))
    assert all(each == answers[0] for each in answers)
    assert answers[0].receipts[0].outcome == alert_pb2.REPORT_OUTCOME_OPENED
    listed = (await intake.ListAlerts(pb.ListAlertsRequest(incident=answers[0].receipts[0].incident))).alerts
    assert [each.report_count for each in listed] == [1]


async def test_many_senders_of_one_alert_open_one_incident(intake: "IntakeServiceAsyncStub") -> None:
    receipts = await asyncio.gather(*(send(intake, report("crowd", starts_at=number)) for number in range(16)))
    assert len({each[0].incident for each in receipts}) == 1
    assert [each[0].outcome for each in receipts].count(alert_pb2.REPORT_OUTCOME_OPENED) == 1
