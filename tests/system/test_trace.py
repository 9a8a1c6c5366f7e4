"""One trace from the report to the bundle, across every outbox, with links to what was weighed and events for what was displaced."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from ballast.allocation.v1 import allocation_messages_pb2
from ballast.intake.v1 import alert_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.playbook.v1 import playbook_service_pb2

from services.suite import PARTS, Suite, SuiteOptions
from shared.embedded import Engines
from shared.testing.databases import Databases
from shared.testing.otlp import OtlpReceiver
from tests.conftest import START
from tests.support.suite import Clients, found_organisation


@pytest.fixture
async def receiver() -> AsyncIterator[OtlpReceiver]:
    receiver = OtlpReceiver()
    await receiver.start()
    yield receiver
    await receiver.stop()


@pytest.fixture
async def suite(
    engines: Engines, databases: Databases, receiver: OtlpReceiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Suite]:
    for name in PARTS:
        monkeypatch.setenv(f"BALLAST_{name.upper()}_OTLP_ENDPOINT", receiver.endpoint)
    urls = await asyncio.to_thread(databases.clone)
    suite = Suite(SuiteOptions(tmp_path, start=START, free_ports=True), engines, urls)
    await suite.start()
    yield suite
    await suite.stop()


async def test_one_trace_runs_from_the_report_to_the_bundle(suite: Suite, receiver: OtlpReceiver) -> None:
    clients = Clients(suite.addresses)
    await found_organisation(clients, ["checkout", "search"], START - timedelta(days=1))
    await suite.settle(timedelta(seconds=30))
    # The first decision sets the baseline; the incident then moves it, mid-sprint, and items are displaced.
    await clients.allocation.DecideSplit(allocation_messages_pb2.DecideSplitRequest(team="teams/core"))
    report = alert_pb2.AlertReport(labels={"component": "checkout", "alertname": "Down"})
    report.annotations.update({"summary": "checkout is down", "ballast.service_impact": "outage", "ballast.users_affected": "40000"})
    receipt = (await clients.intake.ReportAlerts(pb.ReportAlertsRequest(source="probe", reports=[report]))).receipts[0]
    await suite.settle(timedelta(seconds=30))
    bundles = (await clients.playbook.ListBundles(bundles_of(receipt.incident))).bundles
    decision = next(each for each in bundles if each.decision)
    made = (await clients.allocation.GetDecision(allocation_messages_pb2.GetDecisionRequest(name=decision.decision))).decision
    await clients.close()
    await suite.stop()  # sends what telemetry still holds

    root = next(span for span in receiver.spans("ballast.intake.v1.IntakeService/ReportAlerts") if span.trace_id == made.trace_id)
    trace = {span.span_id: span for span in receiver.spans() if span.trace_id == root.trace_id}
    assert {span.service for span in trace.values()} >= set(PARTS)
    assert {span.name for span in trace.values()} >= {
        "deliver ballast.intake.v1.IncidentOpened",
        "deliver ballast.triage.v1.AssessmentMade",
        "deliver ballast.allocation.v1.DecisionMade",
        "deliver ballast.playbook.v1.BundleRendered",
        "ballast.allocation.decide",
    }
    assert decision.trace_id == root.trace_id
    # No span hangs in the air: each one's parent is in the trace.
    assert [span.name for span in trace.values() if span.parent_span_id and span.parent_span_id not in trace] == []

    deciding = next(span for span in receiver.spans("ballast.allocation.decide") if span.attributes["ballast.decision.name"] == made.name)
    weighed = {(each.trace_id, each.span_id) for each in made.incidents}
    assert weighed
    assert set(deciding.links) == weighed
    assert made.impact.displaced
    told = {
        attributes["ballast.roadmap_item.name"]: attributes["ballast.roadmap_item.delay_days"]
        for name, attributes in deciding.events
        if name == "ballast.roadmap_item.displaced"
    }
    assert told == {each.roadmap_item: each.delay.ToTimedelta() / timedelta(days=1) for each in made.impact.displaced}


def bundles_of(incident: str) -> playbook_service_pb2.ListBundlesRequest:
    return playbook_service_pb2.ListBundlesRequest(filter=playbook_service_pb2.BundleFilter(incident=incident))
