"""What changes something and tells it by no event of its own is told by a record of the call, once, with the change."""

import hashlib
import uuid
from collections.abc import AsyncIterator

import pytest
from ballast.events.v1 import event_admin_service_pb2
from ballast.events.v1.call_recorded_pb2 import CallRecorded
from ballast.events.v1.cloudevents_pb2 import CloudEvent
from ballast.intake.v1 import heartbeat_pb2, signal_messages_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.intake.v1.signal_service_pb2_grpc import SignalServiceStub
from sqlalchemy import text

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import NotFound
from tests.support.intake import Intake, intake_serving

ADD = "ballast.intake.v1.IntakeService/AddTimelineEntry"


@pytest.fixture(scope="module")
async def intake(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Intake]:
    async with intake_serving(urls, engines, clock) as running:
        yield running


async def records(intake: Intake) -> list[CallRecorded]:
    """Returns the records of calls, the first recorded first."""
    async with intake.app.database.transaction() as connection:
        statement = text("select payload from outbox where type = :type order by position")
        rows = await connection.execute(statement, {"type": CallRecorded.DESCRIPTOR.full_name})
        return [CallRecorded.FromString(CloudEvent.FromString(row.payload).proto_data.value) for row in rows]


def a_note(incident: str) -> pb.AddTimelineEntryRequest:
    return pb.AddTimelineEntryRequest(incident=incident, text="see incidents/other", request_id=str(uuid.uuid4()))


async def test_a_change_without_an_event_is_told_with_who_what_and_the_digest_of_the_request(intake: Intake) -> None:
    name = await intake.open()
    note = a_note(name)
    before = await records(intake)
    answer = await intake.rpc.AddTimelineEntry(note)
    (record,) = (await records(intake))[len(before) :]
    assert (record.method, record.principal, record.outcome) == (ADD, "ada", "OK")
    assert list(record.resources) == [name, answer.entry.name]
    assert record.request_digest == hashlib.sha256(note.SerializeToString(deterministic=True)).digest()


async def test_a_repeat_is_told_no_second_time(intake: Intake) -> None:
    note = a_note(await intake.open())
    await intake.rpc.AddTimelineEntry(note)
    before = await records(intake)
    await intake.rpc.AddTimelineEntry(note)
    assert await records(intake) == before


async def test_a_change_that_an_event_tells_of_is_not_told_twice(intake: Intake) -> None:
    name = await intake.open()
    before = await records(intake)
    await intake.rpc.AcknowledgeIncident(pb.AcknowledgeIncidentRequest(name=name, request_id=str(uuid.uuid4())))
    assert await records(intake) == before


async def test_what_failed_changed_nothing_and_is_not_told(intake: Intake) -> None:
    before = await records(intake)
    with pytest.raises(NotFound):
        await intake.rpc.AddTimelineEntry(a_note(f"incidents/{uuid.uuid4()}"))
    assert await records(intake) == before


async def test_a_preview_is_not_told_and_the_call_itself_is(intake: Intake) -> None:
    signals = SignalServiceStub(intake.channel.grpc)
    wanted = heartbeat_pb2.Heartbeat(name="heartbeats/backup")
    wanted.interval.FromSeconds(60)
    before = await records(intake)
    await signals.SetHeartbeat(signal_messages_pb2.SetHeartbeatRequest(heartbeat=wanted, validate_only=True))
    assert await records(intake) == before
    await signals.SetHeartbeat(signal_messages_pb2.SetHeartbeatRequest(heartbeat=wanted))
    (record,) = (await records(intake))[len(before) :]
    assert list(record.resources) == ["heartbeats/backup"]


async def test_measurements_are_counted_not_told_of_one_by_one(intake: Intake) -> None:
    signals = SignalServiceStub(intake.channel.grpc)
    before = await records(intake)
    await signals.Heartbeat(signal_messages_pb2.HeartbeatRequest(beats=[heartbeat_pb2.Beat(heartbeat="heartbeats/backup")]))
    assert await records(intake) == before


async def test_a_replay_of_deliveries_is_told_though_it_is_about_no_resource_of_the_service(intake: Intake) -> None:
    before = await records(intake)
    replay = event_admin_service_pb2.ReplayDeadLettersRequest(names=["deadLetters/7"], request_id=str(uuid.uuid4()))
    for _ in range(2):
        await intake.admin.ReplayDeadLetters(replay)
    (record,) = (await records(intake))[len(before) :]
    assert (record.method, list(record.resources)) == ("ballast.events.v1.EventAdminService/ReplayDeadLetters", ["deadLetters/7"])


async def test_a_call_without_a_request_id_is_told_as_well(intake: Intake) -> None:
    name = await intake.open()
    before = await records(intake)
    call = intake.channel.grpc.unary_unary(
        f"/{ADD}",
        request_serializer=pb.AddTimelineEntryRequest.SerializeToString,
        response_deserializer=pb.AddTimelineEntryResponse.FromString,
    )
    message = pb.AddTimelineEntryRequest(incident=name, text="looked")
    await call(message)
    assert len(await records(intake)) == len(before) + 1
