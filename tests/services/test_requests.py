"""Mutations that are repeated, previewed, or made on an old version."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from ballast.allocation.v1 import allocation_messages_pb2, allocation_service_pb2, decision_pb2
from ballast.allocation.v1.allocation_service_pb2_grpc import (
    AllocationServiceServicer,
    AllocationServiceStub,
    add_AllocationServiceServicer_to_server,
)
from ballast.intake.v1 import alert_pb2, incident_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceStub
from sqlalchemy import text

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from shared.rpc.client import ClientCredentials, connect
from shared.rpc.once import once
from shared.rpc.server import GrpcService, Server
from shared.settings import ServiceSettings
from shared.storage.database import Database
from shared.storage.requests import RequestIdReused, RequestKey, answered, settle
from shared.telemetry import setup
from tests.support.intake import LIFE, SERVICE, Intake, intake_serving, report


@pytest.fixture(scope="module")
async def intake(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Intake]:
    async with intake_serving(urls, engines, clock) as running:
        yield running


def new_id() -> str:
    return str(uuid.uuid4())


async def notes(intake: Intake, incident: str) -> list[str]:
    entries = (await intake.rpc.ListTimeline(pb.ListTimelineRequest(incident=incident))).entries
    return [each.text for each in entries if each.kind == incident_pb2.TIMELINE_KIND_NOTE]


async def kept(intake: Intake, request_id: str) -> int:
    async with intake.app.database.transaction() as connection:
        found = await connection.execute(text("select count(*) from request where request_id = :id"), {"id": uuid.UUID(request_id)})
        return int(found.scalar_one())


async def test_a_repeated_call_is_answered_alike_and_done_once(intake: Intake) -> None:
    name = await intake.open()
    note = pb.AddTimelineEntryRequest(incident=name, text="rolled back", request_id=new_id())
    first = await intake.rpc.AddTimelineEntry(note)
    assert await intake.rpc.AddTimelineEntry(note) == first
    assert await notes(intake, name) == ["rolled back"]


async def test_a_repeat_is_answered_as_it_was_then_whatever_happened_since(intake: Intake) -> None:
    name = await intake.open()
    taking = pb.AcknowledgeIncidentRequest(name=name, request_id=new_id())
    first = await intake.rpc.AcknowledgeIncident(taking)
    await intake.rpc.ResolveIncident(pb.ResolveIncidentRequest(name=name, force=True))
    assert await intake.rpc.AcknowledgeIncident(taking) == first


async def test_without_a_repeat_the_same_change_is_made_twice(intake: Intake) -> None:
    name = await intake.open()
    for _ in range(2):
        await intake.rpc.AddTimelineEntry(pb.AddTimelineEntryRequest(incident=name, text="looked"))
    assert await notes(intake, name) == ["looked", "looked"]


async def test_an_id_that_was_used_for_another_body_is_refused(intake: Intake) -> None:
    name = await intake.open()
    used = new_id()
    await intake.rpc.AddTimelineEntry(pb.AddTimelineEntryRequest(incident=name, text="first", request_id=used))
    with pytest.raises(InvalidInput, match="was used before for another request, or by another caller; send a new one") as error:
        await intake.rpc.AddTimelineEntry(pb.AddTimelineEntryRequest(incident=name, text="second", request_id=used))
    assert (error.value.reason, [each.field for each in error.value.violations]) == ("REQUEST_ID_REUSED", ["request_id"])
    assert await notes(intake, name) == ["first"]


async def test_an_id_that_was_used_for_another_rpc_is_refused(intake: Intake) -> None:
    name = await intake.open()
    used = new_id()
    await intake.rpc.AcknowledgeIncident(pb.AcknowledgeIncidentRequest(name=name, request_id=used))
    for call in (
        intake.rpc.ResolveIncident(pb.ResolveIncidentRequest(name=name, force=True, request_id=used)),
        intake.rpc.ReportAlerts(pb.ReportAlertsRequest(source="test", reports=[report("other")], request_id=used)),
    ):
        with pytest.raises(InvalidInput) as error:
            await call
        assert error.value.reason == "REQUEST_ID_REUSED"


async def test_of_many_at_once_with_one_id_one_is_done_and_all_are_answered_alike(intake: Intake) -> None:
    name = await intake.open()
    note = pb.AddTimelineEntryRequest(incident=name, text="once", request_id=new_id())
    answers = await asyncio.gather(*(intake.rpc.AddTimelineEntry(note) for _ in range(8)))
    assert all(answer == answers[0] for answer in answers)
    assert await notes(intake, name) == ["once"]


async def test_of_two_bodies_at_once_with_one_id_one_is_done_and_the_other_refused(intake: Intake) -> None:
    for _ in range(5):
        used = new_id()
        component = new_id()
        bodies = [pb.ReportAlertsRequest(source="test", request_id=used, reports=[report(component, n=str(number))]) for number in range(2)]
        answers = await asyncio.gather(*(intake.rpc.ReportAlerts(body) for body in bodies), return_exceptions=True)
        refused = [each for each in answers if isinstance(each, InvalidInput)]
        assert [each.reason for each in refused] == ["REQUEST_ID_REUSED"]
        listed = await intake.rpc.ListIncidents(pb.ListIncidentsRequest(filter=pb.IncidentFilter(components=[component])))
        assert [each.alert_count for each in listed.incidents] == [1]


async def test_a_call_that_failed_is_not_kept_and_may_be_tried_again(intake: Intake) -> None:
    component = new_id()
    name = await intake.open(component)
    resolving = pb.ResolveIncidentRequest(name=name, request_id=new_id())
    with pytest.raises(PreconditionFailed):
        await intake.rpc.ResolveIncident(resolving)
    assert await kept(intake, resolving.request_id) == 0
    await intake.send(report(component, ends_at=60))
    assert (await intake.rpc.ResolveIncident(resolving)).incident.state == incident_pb2.INCIDENT_STATE_RESOLVED
    assert await kept(intake, resolving.request_id) == 1


async def test_a_refused_batch_is_not_kept_either(intake: Intake) -> None:
    bad = pb.ReportAlertsRequest(source="test", request_id=new_id(), reports=[report("bad", starts_at=10, ends_at=5)])
    with pytest.raises(InvalidInput):
        await intake.rpc.ReportAlerts(bad)
    assert await kept(intake, bad.request_id) == 0


async def test_an_id_that_is_no_uuid_is_refused(intake: Intake) -> None:
    with pytest.raises(InvalidInput) as error:
        await intake.rpc.ReportAlerts(pb.ReportAlertsRequest(source="test", request_id="once", reports=[report("web")]))
    assert [each.field for each in error.value.violations] == ["request_id"]


async def test_a_change_of_an_old_version_is_refused_with_the_present_one(intake: Intake) -> None:
    name = await intake.open()
    old = (await intake.rpc.GetIncident(pb.GetIncidentRequest(name=name))).incident.etag
    present = (await intake.rpc.AcknowledgeIncident(pb.AcknowledgeIncidentRequest(name=name, etag=old))).incident.etag
    with pytest.raises(Conflict, match="read it again and decide anew") as error:
        await intake.rpc.ResolveIncident(pb.ResolveIncidentRequest(name=name, etag=old, force=True))
    assert (error.value.reason, error.value.metadata) == ("ETAG_MISMATCH", {"name": name, "etag": present})
    assert (await intake.rpc.GetIncident(pb.GetIncidentRequest(name=name))).incident.state == incident_pb2.INCIDENT_STATE_ACKNOWLEDGED
    assert (await intake.rpc.ResolveIncident(pb.ResolveIncidentRequest(name=name, etag=present, force=True))).incident.etag != present


async def test_of_two_changes_of_one_version_one_is_made(intake: Intake) -> None:
    name = await intake.open()
    etag = (await intake.rpc.GetIncident(pb.GetIncidentRequest(name=name))).incident.etag
    answers = await asyncio.gather(
        *(intake.rpc.ResolveIncident(pb.ResolveIncidentRequest(name=name, etag=etag, force=True)) for _ in range(6)), return_exceptions=True
    )
    assert [type(each) for each in answers].count(Conflict) == 5


class Deciding(AllocationServiceServicer):
    """A servicer with one mutation that can be previewed, and fails for a team it does not know."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.count = 0

    @once(allocation_messages_pb2.DecideSplitResponse)
    async def DecideSplit(self, request: Any, context: object) -> allocation_messages_pb2.DecideSplitResponse:
        self.count += 1
        if request.team == "teams/unknown":
            raise NotFound("no such team")
        return allocation_messages_pb2.DecideSplitResponse(decision=decision_pb2.Decision(name=f"decisions/{self.count}"))


async def test_a_preview_is_made_each_time_and_leaves_its_id_for_the_real_call(intake: Intake) -> None:
    deciding = Deciding(intake.app.database)  # type: ignore[abstract]  # it answers only what this test calls
    server = Server("test", ServiceSettings(), setup("test"))
    described = allocation_service_pb2.DESCRIPTOR.services_by_name["AllocationService"]
    server.add(GrpcService(described, add_AllocationServiceServicer_to_server), deciding)
    await server.start()
    channel = connect(server.address)
    decide = AllocationServiceStub(channel.grpc).DecideSplit
    try:
        request_id = new_id()
        preview = allocation_messages_pb2.DecideSplitRequest(team="teams/x", request_id=request_id, validate_only=True)
        real = allocation_messages_pb2.DecideSplitRequest(team="teams/x", request_id=request_id)
        assert [(await decide(preview)).decision.name for _ in range(2)] == ["decisions/1", "decisions/2"]
        assert await kept(intake, request_id) == 0
        assert [(await decide(real)).decision.name for _ in range(2)] == ["decisions/3", "decisions/3"]
        unknown = allocation_messages_pb2.DecideSplitRequest(team="teams/unknown", request_id=new_id())
        for _ in range(2):
            with pytest.raises(NotFound):
                await decide(unknown)
        assert deciding.count == 5
    finally:
        await channel.close()
        await server.stop()


async def test_a_batch_repeated_after_its_alerts_changed_is_answered_as_it_was(intake: Intake) -> None:
    component = new_id()
    request = pb.ReportAlertsRequest(source="test", request_id=new_id(), reports=[report(component)])
    first = await intake.rpc.ReportAlerts(request)
    await intake.send(report(component, ends_at=60))
    again = await intake.rpc.ReportAlerts(request)
    assert again == first
    assert again.receipts[0].outcome == alert_pb2.REPORT_OUTCOME_OPENED


async def test_a_call_answered_outside_its_changes_is_answered_alike_once_it_is_settled(intake: Intake) -> None:
    database = intake.app.database
    key = RequestKey(uuid.uuid4(), "Method", b"body")
    assert await answered(database, key) is None
    assert await asyncio.gather(*(settle(database, key, text) for text in (b"first", b"first"))) == [b"first", b"first"]
    assert (await settle(database, key, b"later"), await answered(database, key)) == (b"first", b"first")


async def test_a_settled_request_id_is_refused_for_another_call(intake: Intake) -> None:
    database = intake.app.database
    key = RequestKey(uuid.uuid4(), "Method", b"body")
    await settle(database, key, b"first")
    for other in (RequestKey(key.id, "Other", b"body"), RequestKey(key.id, "Method", b"another")):
        with pytest.raises(RequestIdReused):
            await answered(database, other)
        with pytest.raises(RequestIdReused):
            await settle(database, other, b"second")


async def test_what_one_caller_was_answered_is_no_answer_to_another(intake: Intake) -> None:
    name = await intake.open()
    other = connect(intake.app.server.address, [SERVICE, LIFE], credentials=ClientCredentials(local_name="mallory"))
    try:
        note = pb.AddTimelineEntryRequest(incident=name, text="by ada", request_id=new_id())
        batch = pb.ReportAlertsRequest(source="test", reports=[report("mine")], request_id=new_id())
        await intake.rpc.AddTimelineEntry(note)
        await intake.rpc.ReportAlerts(batch)
        theirs = IntakeServiceStub(other.grpc)
        for call in (theirs.AddTimelineEntry(note), theirs.ReportAlerts(batch)):
            with pytest.raises(InvalidInput, match="by another caller") as error:
                await call
            assert error.value.reason == "REQUEST_ID_REUSED"
        assert await notes(intake, name) == ["by ada"]
    finally:
        await other.close()
