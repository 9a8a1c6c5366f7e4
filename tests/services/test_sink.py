"""The receiving end: an event is applied once, together with the note that it was, or not at all."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from ballast.events.v1 import event_sink_service_pb2 as pb
from ballast.events.v1.cloudevents_pb2 import CloudEvent, CloudEventBatch
from ballast.events.v1.event_sink_service_pb2_grpc import EventSinkServiceStub
from ballast.intake.v1 import incident_pb2, intake_events_pb2
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import text

from shared.errors import BallastError, InvalidInput
from shared.events import sink
from shared.events.event import EncodedEvent, Outcome, ReceivedEvent, cloud_event
from shared.events.sink import Arrival, EventSinkServicer
from shared.principal import Principal, current_principal_name, enter, leave
from shared.rpc.client import connect
from shared.rpc.server import Server
from shared.settings import ServiceSettings
from shared.storage.database import Database
from shared.telemetry import setup
from tests.conftest import START

if TYPE_CHECKING:
    from ballast.events.v1.event_sink_service_pb2_grpc import EventSinkServiceAsyncStub  # exists for the type checker only

OPENED = "ballast.intake.v1.IncidentOpened"
ACCEPTED, STALE, IGNORED = pb.DELIVERY_OUTCOME_ACCEPTED, pb.DELIVERY_OUTCOME_STALE, pb.DELIVERY_OUTCOME_IGNORED


class Applying:
    """Handlers that add a row for each event they apply, drop old versions, and fail when told to."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.failure: Exception | None = None
        self.seen: list[tuple[ReceivedEvent, str]] = []
        self.groups: list[list[str]] = []  # subjects of what came together

    async def opened(self, event: ReceivedEvent) -> Outcome:
        self.seen.append((event, current_principal_name()))
        title = event.unpack(intake_events_pb2.IncidentOpened).incident.title
        async with self._database.transaction() as connection:
            newest = await connection.execute(text("select max(version) from applied where subject = :subject"), {"subject": event.subject})
            if (newest.scalar_one() or 0) >= event.version:
                return Outcome.STALE
            values = {"subject": event.subject, "version": event.version, "title": title}
            await connection.execute(text("insert into applied values (:subject, :version, :title)"), values)
        if self.failure is not None:
            raise self.failure
        return Outcome.ACCEPTED

    async def together(self, arrived: Sequence[Arrival]) -> list[Outcome]:
        self.groups.append([each.event.subject for each in arrived])
        outcomes = []
        for each in arrived:
            token = enter(Principal(each.cause["principal"]))
            try:
                outcomes.append(await self.opened(each.event))
            finally:
                leave(token)
        return outcomes

    async def rows(self, subject: str) -> list[int]:
        async with self._database.transaction() as connection:
            found = await connection.execute(text("select version from applied where subject = :subject"), {"subject": subject})
            return [row.version for row in found]


@pytest.fixture(scope="module")
async def database(urls: dict[str, str]) -> AsyncIterator[Database]:
    opened = Database(urls["intake"], "intake", pool_size=6)
    async with opened.transaction() as connection:
        await connection.execute(text("create table applied (subject text, version bigint, title text)"))
    yield opened
    await opened.close()


@pytest.fixture(scope="module", params=["one by one", "in groups"])
async def served(database: Database, request: pytest.FixtureRequest) -> AsyncIterator[tuple[Applying, "EventSinkServiceAsyncStub"]]:
    applying = Applying(database)
    server = Server("test", ServiceSettings(), setup("test"))
    grouped = request.param == "in groups"
    taking = (
        EventSinkServicer(database, {}, {OPENED: applying.together}) if grouped else EventSinkServicer(database, {OPENED: applying.opened})
    )
    server.add(sink.SERVICE, taking)
    await server.start()
    channel = connect(server.address, [sink.SERVICE.descriptor])
    yield applying, EventSinkServiceStub(channel.grpc)
    await channel.close()
    await server.stop()


@pytest.fixture
def applying(served: tuple[Applying, Any]) -> Applying:
    served[0].failure = None
    served[0].seen.clear()
    served[0].groups.clear()
    return served[0]


@pytest.fixture
def rpc(served: tuple[Any, "EventSinkServiceAsyncStub"]) -> "EventSinkServiceAsyncStub":
    return served[1]


def event(subject: str = "", version: int = 1, kind: type[Any] = intake_events_pb2.IncidentOpened, **headers: str) -> CloudEvent:
    data = kind(incident=incident_pb2.Incident(title="slow"))
    encoded = EncodedEvent(subject or f"incidents/{uuid.uuid4()}", version, data, START)
    return cloud_event(str(uuid.uuid4()), "/test", encoded, headers)


def subject_of(wire: CloudEvent) -> str:
    return str(wire.attributes["subject"].ce_string)


async def deliver(rpc: "EventSinkServiceAsyncStub", *events: CloudEvent) -> list[int]:
    return list((await rpc.Deliver(pb.DeliverRequest(batch=CloudEventBatch(events=events)))).outcomes)


async def test_an_event_is_applied_with_all_it_carries(applying: Applying, rpc: "EventSinkServiceAsyncStub") -> None:
    wire = event(version=3, traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    assert await deliver(rpc, wire) == [ACCEPTED]
    ((found, _),) = applying.seen
    assert (found.id, found.source, found.type, found.subject) == (wire.id, "/test", OPENED, subject_of(wire))
    assert (found.version, found.time) == (3, START)
    assert found.traceparent == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_a_second_delivery_changes_nothing_and_is_answered_alike(applying: Applying, rpc: "EventSinkServiceAsyncStub") -> None:
    wire = event()
    assert [await deliver(rpc, wire) for _ in range(3)] == [[ACCEPTED]] * 3
    assert await applying.rows(subject_of(wire)) == [1]
    assert len(applying.seen) == 1


async def test_of_many_deliveries_at_once_one_is_applied(applying: Applying, rpc: "EventSinkServiceAsyncStub") -> None:
    wire = event()
    assert await asyncio.gather(*(deliver(rpc, wire) for _ in range(8))) == [[ACCEPTED]] * 8
    assert await applying.rows(subject_of(wire)) == [1]


async def test_the_same_id_of_another_source_is_another_event(applying: Applying, rpc: "EventSinkServiceAsyncStub") -> None:
    first, second = event(), event()
    second.id, second.source = first.id, "/other"
    assert await deliver(rpc, first, second) == [ACCEPTED, ACCEPTED]
    assert len(applying.seen) == 2


async def test_an_older_version_is_stale_and_stays_so(applying: Applying, rpc: "EventSinkServiceAsyncStub") -> None:
    newer = event(version=2)
    older = event(subject_of(newer), version=1)
    assert await deliver(rpc, newer) == [ACCEPTED]
    assert [await deliver(rpc, older) for _ in range(2)] == [[STALE], [STALE]]
    assert len(applying.seen) == 2
    assert await applying.rows(subject_of(newer)) == [2]


async def test_a_type_nobody_handles_is_ignored(applying: Applying, rpc: "EventSinkServiceAsyncStub") -> None:
    assert await deliver(rpc, event(kind=intake_events_pb2.IncidentChanged)) == [IGNORED]
    assert applying.seen == []


async def test_outcomes_come_in_the_order_of_the_events(applying: Applying, rpc: "EventSinkServiceAsyncStub") -> None:
    newer = event(version=2)
    batch = [newer, event(kind=intake_events_pb2.IncidentChanged), event(subject_of(newer), version=1), event(), newer]
    assert await deliver(rpc, *batch) == [ACCEPTED, IGNORED, STALE, ACCEPTED, ACCEPTED]


async def test_a_handler_that_fails_leaves_nothing_behind_and_gets_the_event_again(
    applying: Applying, rpc: "EventSinkServiceAsyncStub"
) -> None:
    wire = event()
    applying.failure = ZeroDivisionError()
    with pytest.raises(BallastError, match="internal error"):
        await deliver(rpc, wire)
    assert await applying.rows(subject_of(wire)) == []
    applying.failure = None
    assert await deliver(rpc, wire) == [ACCEPTED]
    assert await applying.rows(subject_of(wire)) == [1]


async def test_a_batch_is_applied_whole_or_not_at_all(applying: Applying, rpc: "EventSinkServiceAsyncStub") -> None:
    good, bad = event(), event()
    bad.proto_data.Pack(incident_pb2.Incident())  # not what its type promises
    with pytest.raises(InvalidInput, match=r"its type promises ballast\.intake\.v1\.IncidentOpened") as error:
        await deliver(rpc, good, bad)
    assert error.value.reason == "EVENT_MALFORMED"
    assert await applying.rows(subject_of(good)) == []
    assert await deliver(rpc, good) == [ACCEPTED]


async def test_what_follows_from_an_event_is_done_on_behalf_of_who_caused_it(applying: Applying, rpc: "EventSinkServiceAsyncStub") -> None:
    await deliver(rpc, event(principal="grace"), event())
    assert [principal for _, principal in applying.seen] == ["grace", "local"]


async def test_calls_that_come_while_others_are_taken_are_taken_together_and_one_that_fails_fails_alone(
    applying: Applying, rpc: "EventSinkServiceAsyncStub"
) -> None:
    good, bad = [event() for _ in range(20)], event()
    bad.proto_data.Pack(incident_pb2.Incident())  # not what its type promises
    answers = await asyncio.gather(*(deliver(rpc, each) for each in [*good[:10], bad, *good[10:]]), return_exceptions=True)
    assert [each for each in answers if not isinstance(each, InvalidInput)] == [[ACCEPTED]] * 20
    assert isinstance(answers[10], InvalidInput)
    assert [await applying.rows(subject_of(each)) for each in good] == [[1]] * 20
    if applying.groups:
        assert max(map(len, applying.groups)) > 1


async def test_an_event_without_a_time_happened_when_it_arrived(applying: Applying, rpc: "EventSinkServiceAsyncStub") -> None:
    wire = event()
    del wire.attributes["time"]
    before = datetime.now(UTC)
    await deliver(rpc, wire)
    assert before <= applying.seen[0][0].time <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("field", "value", "description"),
    [
        ("id", "", "must not be empty: with source it identifies the event"),
        ("source", "", "must not be empty: with id it identifies the event"),
        ("type", "", "must not be empty: send the full name of the data's message"),
        ("spec_version", "0.3", "is '0.3'; send 1.0"),
    ],
)
async def test_a_malformed_event_is_refused_by_its_field(
    rpc: "EventSinkServiceAsyncStub", field: str, value: str, description: str
) -> None:
    wire = event()
    setattr(wire, field, value)
    with pytest.raises(InvalidInput) as error:
        await deliver(rpc, event(), wire)
    assert error.value.reason == "EVENT_MALFORMED"
    assert [(each.field, each.description) for each in error.value.violations] == [(f"batch.events[1].{field}", description)]


@pytest.mark.parametrize("version", ["first", "-1", "1.5", "²", "9" * 30])
async def test_a_version_is_a_whole_number_that_can_be_kept(rpc: "EventSinkServiceAsyncStub", version: str) -> None:
    wire = event()
    wire.attributes["aggregateversion"].ce_string = version
    with pytest.raises(InvalidInput) as error:
        await deliver(rpc, wire)
    (violation,) = error.value.violations
    assert violation.field == 'batch.events[0].attributes["aggregateversion"]'
    assert "send a whole number as a string" in violation.description


async def test_data_that_is_no_message_is_refused(rpc: "EventSinkServiceAsyncStub") -> None:
    wire = event()
    wire.text_data = "slow"
    with pytest.raises(InvalidInput) as error:
        await deliver(rpc, wire)
    assert [each.field for each in error.value.violations] == ["batch.events[0].proto_data"]


async def test_every_fault_of_an_event_is_named(rpc: "EventSinkServiceAsyncStub") -> None:
    with pytest.raises(InvalidInput) as error:
        await deliver(rpc, CloudEvent())
    assert [each.field.removeprefix("batch.events[0].") for each in error.value.violations] == [
        "id",
        "source",
        "type",
        "spec_version",
        "proto_data",
    ]


async def test_a_time_that_does_not_exist_is_refused(rpc: "EventSinkServiceAsyncStub") -> None:
    wire = event()
    wire.attributes["time"].ce_timestamp.seconds = 2**60
    with pytest.raises(InvalidInput) as error:
        await deliver(rpc, wire)
    assert [each.field for each in error.value.violations] == ['batch.events[0].attributes["time"].ce_timestamp']


@pytest.mark.parametrize(
    ("spoiled", "field"),
    [
        (incident_pb2.Incident(title="a\0b"), "incident.title"),
        (incident_pb2.Incident(title="x", opened_at=Timestamp(nanos=-1)), "incident.opened_at"),
    ],
)
async def test_data_that_a_handler_fails_over_since_no_service_can_read_it_is_refused_and_not_tried_again(
    applying: Applying, rpc: "EventSinkServiceAsyncStub", spoiled: incident_pb2.Incident, field: str
) -> None:
    subject = f"incidents/{uuid.uuid4()}"
    applying.failure = ValueError("cannot be read")
    encoded = EncodedEvent(subject, 1, intake_events_pb2.IncidentOpened(incident=spoiled), START)
    with pytest.raises(InvalidInput) as refused:
        await deliver(rpc, cloud_event(str(uuid.uuid4()), "/test", encoded, {}))
    assert (refused.value.reason, [each.field for each in refused.value.violations]) == ("EVENT_MALFORMED", [field])
    applying.failure = None
    assert await applying.rows(subject) == []
