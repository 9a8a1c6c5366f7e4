"""Events: recorded with the change or not at all, and delivered until the subscriber took them."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, timedelta
from typing import Any

import grpc
import pytest
from ballast.events.v1 import event_admin_service_pb2 as admin_pb
from ballast.events.v1.cloudevents_pb2 import CloudEvent
from ballast.intake.v1 import intake_events_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceStub
from sqlalchemy import text

from services.intake.domain.events import IncidentChanged
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput
from shared.testing.databases import Databases
from tests.conftest import START
from tests.services.test_feed import change
from tests.support.intake import Intake, intake_serving, report
from tests.support.sink import Sink, sinking, subject_of, text_of
from tests.support.waiting import until
from tests.support.wire import plain_channel

OPENED = "ballast.intake.v1.IncidentOpened"
CHANGED = "ballast.intake.v1.IncidentChanged"
INVALID, INTERNAL, UNAVAILABLE = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE


@pytest.fixture(scope="module")
async def every() -> AsyncIterator[Sink]:
    """A subscriber to every type."""
    async with sinking() as sink:
        yield sink


@pytest.fixture(scope="module")
async def openings() -> AsyncIterator[Sink]:
    """A subscriber to incidents that open."""
    async with sinking() as sink:
        yield sink


@pytest.fixture(scope="module")
async def intake(urls: dict[str, str], engines: Engines, clock: SimulatedClock, every: Sink, openings: Sink) -> AsyncIterator[Intake]:
    subscribers = {"every": {"address": every.address}, "openings": {"address": openings.address, "types": [OPENED]}}
    async with intake_serving(urls, engines, clock, subscribers=subscribers, delivery_max_attempts=4) as running:
        yield running


async def scalar(intake: Intake, statement: str, **values: object) -> Any:
    async with intake.app.database.transaction() as connection:
        return (await connection.execute(text(statement), values)).scalar_one()


async def dead_letters(intake: Intake, subject: str) -> list[admin_pb.DeadLetter]:
    listed = await intake.admin.ListDeadLetters(admin_pb.ListDeadLettersRequest(page_size=1000))
    return [each for each in listed.dead_letters if each.subject == subject]


# Recording.


async def test_events_are_recorded_with_the_change_they_tell_of(intake: Intake) -> None:
    name = await intake.open()
    await intake.rpc.AcknowledgeIncident(pb.AcknowledgeIncidentRequest(name=name))
    async with intake.app.database.transaction() as connection:
        found = await connection.execute(
            text("select type, aggregate_version, aggregatetype, event_time from outbox where aggregateid = :name order by position"),
            {"name": name},
        )
        assert [tuple(row) for row in found] == [(OPENED, 1, "incidents", START), (CHANGED, 2, "incidents", START)]


async def test_a_change_that_was_rolled_back_tells_nobody(intake: Intake, every: Sink) -> None:
    told: list[IncidentChanged] = [change(1)]

    async def fail() -> None:
        async with intake.app.database.transaction() as connection:
            await intake.app.outbox.record(connection, told)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await scalar(intake, "select count(*) from outbox where aggregateid = :name", name=told[0].incident.name) == 0
    name = await intake.open()
    await every.taking(name)
    assert every.about(told[0].incident.name) == []


async def test_a_refused_call_tells_nobody(intake: Intake) -> None:
    before = await scalar(intake, "select count(*) from outbox")
    with pytest.raises(InvalidInput):
        await intake.send(report("half", starts_at=10, ends_at=5))
    assert await scalar(intake, "select count(*) from outbox") == before


async def test_the_outbox_can_be_tapped_by_debezium(intake: Intake) -> None:
    """Its outbox event router reads these columns, of these types."""
    async with intake.app.database.transaction() as connection:
        found = await connection.execute(
            text("select column_name, data_type from information_schema.columns where table_name = 'outbox' and table_schema = 'intake'")
        )
        columns = {row.column_name: row.data_type for row in found}
    wanted = {"id": "uuid", "aggregatetype": "text", "aggregateid": "text", "type": "text", "payload": "bytea"}
    assert {name: columns.get(name) for name in wanted} == wanted
    name = await intake.open()
    payload = await scalar(intake, "select payload from outbox where aggregateid = :name", name=name)
    identifier = await scalar(intake, "select id from outbox where aggregateid = :name", name=name)
    assert CloudEvent.FromString(payload).id == str(identifier)


# Delivering.


async def test_an_event_arrives_as_a_cloud_event(intake: Intake, every: Sink) -> None:
    receipts = await intake.send(report("web", starts_at=-30, alertname="slow"))
    (event,) = await every.taking(receipts[0].incident)
    assert uuid.UUID(event.id).version == 7
    assert (event.source, event.spec_version, event.type) == ("/ballast/intake", "1.0", OPENED)
    assert text_of(event, "subject") == text_of(event, "partitionkey") == receipts[0].incident
    assert text_of(event, "aggregateversion") == "1"
    assert event.attributes["time"].ce_timestamp.ToDatetime(tzinfo=UTC) == START
    data = intake_events_pb2.IncidentOpened()
    assert event.proto_data.Unpack(data)
    assert (data.incident.name, list(data.alerts)) == (receipts[0].incident, [receipts[0].alert])


async def test_an_event_says_who_caused_it_and_in_which_trace(intake: Intake, every: Sink) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    metadata = (("traceparent", f"00-{trace}-b7ad6b7169203331-01"), ("ballast-principal", "grace"))
    name = await intake.open()
    async with plain_channel(intake.address) as channel:
        await IntakeServiceStub(channel).AcknowledgeIncident(pb.AcknowledgeIncidentRequest(name=name), metadata=metadata)
    event = (await every.taking(name, 2))[1]
    version, found, span, flags = text_of(event, "traceparent").split("-")
    assert (version, found, flags) == ("00", trace, "01")
    assert span != "b7ad6b7169203331"  # the server's own span, below the caller's
    principal = [text_of(event, key) for key in event.attributes if event.attributes[key].ce_string == "grace"]
    assert principal == ["grace"]


async def test_a_delivery_goes_on_with_the_trace_of_what_caused_it(intake: Intake, every: Sink) -> None:
    name = await intake.open()
    (event,) = await every.taking(name)
    metadata = every.metadata[every.offered.index(event)]
    assert metadata["traceparent"].split("-")[1] == text_of(event, "traceparent").split("-")[1]


async def test_a_subscriber_gets_the_types_it_asked_for_and_no_other(intake: Intake, every: Sink, openings: Sink) -> None:
    name = await intake.open()
    await intake.rpc.AcknowledgeIncident(pb.AcknowledgeIncidentRequest(name=name))
    await intake.rpc.ResolveIncident(pb.ResolveIncidentRequest(name=name, force=True))
    assert [event.type for event in await every.taking(name, 3)].count(CHANGED) == 2
    assert [event.type for event in await openings.taking(name)] == [OPENED]
    assert await openings.is_quiet()
    assert {event.type for event in openings.offered} == {OPENED}


async def test_every_event_of_a_storm_arrives_once(intake: Intake, every: Sink) -> None:
    receipts = await asyncio.gather(*(intake.send(*(report(f"storm-{batch}-{n}") for n in range(10))) for batch in range(8)))
    names = {receipt.incident for batch in receipts for receipt in batch}
    assert len(names) == 80
    for name in names:
        await every.taking(name)
    assert all(len(every.about(name)) == 1 for name in names)


@pytest.mark.parametrize("code", [INTERNAL, UNAVAILABLE, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.NOT_FOUND], ids=str)
async def test_a_subscriber_that_fails_gets_the_event_again_until_it_takes_it(intake: Intake, every: Sink, code: grpc.StatusCode) -> None:
    name = await intake.open()
    await every.taking(name)
    every.fail(code, code, subject=name)
    begin = time.monotonic()
    await intake.rpc.AcknowledgeIncident(pb.AcknowledgeIncidentRequest(name=name))
    taken = await every.taking(name, 2)
    assert time.monotonic() - begin < 5
    assert taken[1].type == CHANGED
    assert len([event for event in every.offered if event.id == taken[1].id]) == 3
    assert await dead_letters(intake, name) == []


async def test_the_backlog_says_why_a_delivery_failed_last(intake: Intake, every: Sink) -> None:
    name = await intake.open()
    await every.taking(name)
    every.fail(INTERNAL, INTERNAL, INTERNAL, subject=name)
    await intake.rpc.AcknowledgeIncident(pb.AcknowledgeIncidentRequest(name=name))
    told: list[admin_pb.GetBacklogResponse] = []

    async def is_told() -> bool:
        told[:] = [await intake.admin.GetBacklog(admin_pb.GetBacklogRequest())]
        return name in told[0].last_error

    await until(is_told)
    assert (told[0].last_error_subscriber, told[0].last_error.endswith(f"{name} is refused")) == ("every", True)
    assert told[0].last_error_time.seconds > 0
    await every.taking(name, 2)


async def test_a_subscriber_that_fails_does_not_hold_up_the_others(intake: Intake, every: Sink, openings: Sink) -> None:
    every.failing = lambda _: INTERNAL
    name = await intake.open()
    await openings.taking(name)
    assert every.about(name) == []
    every.failing = lambda _: None
    await every.taking(name)


# Dead letters.


async def refused(intake: Intake, sink: Sink) -> tuple[str, admin_pb.DeadLetter]:
    """Makes a dead letter, and returns the subject of its event as well."""
    name = await intake.open()
    await sink.taking(name)
    sink.fail(INVALID, subject=name)
    await intake.rpc.AcknowledgeIncident(pb.AcknowledgeIncidentRequest(name=name))
    found: list[admin_pb.DeadLetter] = []

    async def is_dead() -> bool:
        found[:] = await dead_letters(intake, name)
        return bool(found)

    await until(is_dead)
    (letter,) = found
    return name, letter


async def test_an_event_that_is_refused_as_invalid_becomes_a_dead_letter_at_once(intake: Intake, every: Sink) -> None:
    name, letter = await refused(intake, every)
    (event,) = [each for each in every.offered if subject_of(each) == name and each.type == CHANGED]
    assert (letter.event_id, letter.event_type, letter.subject, letter.subscriber) == (event.id, CHANGED, name, "every")
    assert (letter.attempts, letter.last_error) == (1, f"{name} is refused")
    assert letter.create_time.seconds > 0
    assert await every.is_quiet()


async def test_an_event_that_fails_too_often_becomes_a_dead_letter_with_its_last_error(intake: Intake, every: Sink) -> None:
    name = await intake.open()
    await every.taking(name)
    every.fail(*[INTERNAL] * 9, subject=name)
    await intake.rpc.AcknowledgeIncident(pb.AcknowledgeIncidentRequest(name=name))

    async def is_dead() -> bool:
        return bool(await dead_letters(intake, name))

    await until(is_dead)
    (letter,) = await dead_letters(intake, name)
    assert (letter.attempts, letter.last_error) == (4, f"{name} is refused")
    assert len([event for event in every.offered if event.id == letter.event_id]) == 4
    every.failing = lambda _: None


async def test_a_dead_letter_is_delivered_when_it_is_replayed(intake: Intake, every: Sink) -> None:
    name, letter = await refused(intake, every)
    every.failing = lambda _: None
    answer = await intake.admin.ReplayDeadLetters(admin_pb.ReplayDeadLettersRequest(names=[letter.name, "deadLetters/999999999"]))
    assert (answer.replayed_count, answer.skipped_count) == (1, 1)
    assert [event.id for event in await every.taking(name, 2)][1] == letter.event_id
    assert await dead_letters(intake, name) == []
    again = await intake.admin.ReplayDeadLetters(admin_pb.ReplayDeadLettersRequest(names=[letter.name]))
    assert (again.replayed_count, again.skipped_count) == (0, 1)


async def test_all_dead_letters_are_replayed_when_none_is_named(intake: Intake, every: Sink) -> None:
    names = [(await refused(intake, every))[0] for _ in range(2)]
    every.failing = lambda _: None
    answer = await intake.admin.ReplayDeadLetters(admin_pb.ReplayDeadLettersRequest())
    assert answer.replayed_count >= 2
    for name in names:
        await every.taking(name, 2)
    assert (await intake.admin.ListDeadLetters(admin_pb.ListDeadLettersRequest())).dead_letters == []


async def test_a_replayed_dead_letter_has_all_its_tries_again(intake: Intake, every: Sink) -> None:
    name, letter = await refused(intake, every)
    every.fail(INTERNAL, INTERNAL, subject=name)
    await intake.admin.ReplayDeadLetters(admin_pb.ReplayDeadLettersRequest(names=[letter.name]))
    assert [event.id for event in await every.taking(name, 2)][1] == letter.event_id


async def test_dead_letters_are_listed_oldest_first_in_pages(intake: Intake, every: Sink) -> None:
    made = [(await refused(intake, every))[1].name for _ in range(3)]
    listed: list[str] = []
    token = ""
    while True:
        page = await intake.admin.ListDeadLetters(admin_pb.ListDeadLettersRequest(page_size=2, page_token=token))
        assert len(page.dead_letters) <= 2
        listed += [each.name for each in page.dead_letters]
        token = page.next_page_token
        if not token:
            break
    assert [name for name in listed if name in made] == made
    assert len(set(listed)) == len(listed)


async def test_the_backlog_counts_what_waits_and_what_is_dead(intake: Intake, every: Sink) -> None:
    every.failing = lambda _: None
    await intake.admin.ReplayDeadLetters(admin_pb.ReplayDeadLettersRequest())

    async def is_clear() -> bool:
        backlog = await intake.admin.GetBacklog(admin_pb.GetBacklogRequest())
        return (backlog.pending_count, backlog.dead_letter_count) == (0, 0)

    await until(is_clear)
    every.failing = lambda _: INTERNAL
    name = await intake.open()
    backlog = await intake.admin.GetBacklog(admin_pb.GetBacklogRequest())
    assert backlog.pending_count >= 1
    assert backlog.HasField("oldest_pending_time")
    every.failing = lambda _: None
    await every.taking(name)
    await until(is_clear)
    assert not (await intake.admin.GetBacklog(admin_pb.GetBacklogRequest())).HasField("oldest_pending_time")
    await refused(intake, every)
    backlog = await intake.admin.GetBacklog(admin_pb.GetBacklogRequest())
    assert (backlog.pending_count, backlog.dead_letter_count) == (0, 1)
    every.failing = lambda _: None
    await intake.admin.ReplayDeadLetters(admin_pb.ReplayDeadLettersRequest())


# Over restarts, replicas and time.


@pytest.fixture
def own(databases: Databases) -> dict[str, str]:
    """A database in which no other replica takes deliveries."""
    return databases.clone()


async def test_a_delivery_survives_a_restart(own: dict[str, str], engines: Engines, clock: SimulatedClock) -> None:
    async with sinking() as sink:
        subscribers = {"late": {"address": sink.address}}
        sink.failing = lambda _: INTERNAL
        async with intake_serving(own, engines, clock, subscribers=subscribers) as first:
            names = [await first.open() for _ in range(5)]
            await until(lambda: len(sink.offered) >= 5)
        sink.failing = lambda _: None
        assert sink.taken == []
        async with intake_serving(own, engines, clock, subscribers=subscribers):
            for name in names:
                assert len(await sink.taking(name)) == 1


async def test_what_was_recorded_while_nobody_delivered_is_delivered_later(
    own: dict[str, str], engines: Engines, clock: SimulatedClock
) -> None:
    async with sinking() as sink:
        address = sink.address
    subscribers = {"away": {"address": address}}
    async with intake_serving(own, engines, clock, subscribers=subscribers) as first:
        name = await first.open()
    async with sinking() as sink, intake_serving(own, engines, clock, subscribers={"away": {"address": sink.address}}):
        assert len(await sink.taking(name)) == 1


async def test_replicas_share_the_deliveries(own: dict[str, str], engines: Engines, clock: SimulatedClock) -> None:
    async with sinking() as sink:
        subscribers = {"shared": {"address": sink.address}}
        async with (
            intake_serving(own, engines, clock, subscribers=subscribers) as first,
            intake_serving(own, engines, clock, subscribers=subscribers) as second,
        ):
            names = [await each.open() for each in (first, second) * 10]
            for name in names:
                await sink.taking(name)
        assert len(sink.taken) == 20


async def test_a_delivery_waits_for_a_replica_that_knows_its_subscriber(
    own: dict[str, str], engines: Engines, clock: SimulatedClock
) -> None:
    """As while a new subscriber is being rolled out: replicas that do not know it yet must not give its events up."""
    async with sinking() as sink:
        sink.failing = lambda _: UNAVAILABLE
        async with intake_serving(own, engines, clock, subscribers={"new": {"address": sink.address}}) as first:
            name = await first.open()
            await until(lambda: bool(sink.offered))
        async with intake_serving(own, engines, clock) as old:

            async def attempts() -> int:
                return int(await scalar(old, "select attempts from pgqueuer"))

            before = await attempts()

            async def has_tried() -> bool:
                return await attempts() > before

            await until(has_tried, seconds=60)
            assert (await old.admin.GetBacklog(admin_pb.GetBacklogRequest())).dead_letter_count == 0
        sink.failing = lambda _: None
        async with intake_serving(own, engines, clock, subscribers={"new": {"address": sink.address}}):
            await until(lambda: bool(sink.about(name)), seconds=60)


async def test_a_delivery_to_who_is_no_longer_a_subscriber_becomes_a_dead_letter(
    own: dict[str, str], engines: Engines, clock: SimulatedClock
) -> None:
    async with sinking() as sink:
        sink.failing = lambda _: INTERNAL
        async with intake_serving(own, engines, clock, subscribers={"gone": {"address": sink.address}}) as first:
            name = await first.open()
            await until(lambda: bool(sink.offered))
        async with intake_serving(own, engines, clock, delivery_max_attempts=2) as second:

            async def is_dead() -> bool:
                return bool(await dead_letters(second, name))

            await until(is_dead)
            (letter,) = await dead_letters(second, name)
            assert letter.subscriber == "gone"
            assert "gone is no longer a subscriber; add it to the settings and replay" in letter.last_error


async def test_what_is_old_and_delivered_is_pruned_and_what_may_yet_be_replayed_is_not(intake: Intake, every: Sink) -> None:
    delivered = await intake.open()
    await every.taking(delivered)
    dead, letter = await refused(intake, every)
    fresh = await intake.open()
    used = pb.AcknowledgeIncidentRequest(name=fresh, request_id=str(uuid.uuid4()))
    await intake.rpc.AcknowledgeIncident(used)

    async def is_settled() -> bool:
        return not await scalar(intake, "select count(*) from pgqueuer where status <> 'failed'")

    await until(is_settled)
    async with intake.app.database.transaction() as connection:
        old = {"old": START - timedelta(days=400), "names": [delivered, dead]}
        await connection.execute(text("update outbox set recorded_at = :old where aggregateid = any(:names)"), old)
        await connection.execute(text("update pgqueuer_log set created = :old"), {"old": old["old"]})
        await connection.execute(
            text("update pgqueuer_statistics set created = created - cast(:age as interval)"), {"age": timedelta(days=400)}
        )
    await intake.app.deliverer._prune()
    assert await scalar(intake, "select count(*) from outbox where aggregateid = :name", name=delivered) == 0
    assert await scalar(intake, "select count(*) from outbox where id = :id", id=uuid.UUID(letter.event_id)) == 1
    assert await scalar(intake, "select count(*) from outbox where aggregateid = :name", name=fresh) == 2
    assert await scalar(intake, "select count(*) from request where request_id = :id", id=uuid.UUID(used.request_id)) == 1
    assert await scalar(intake, "select count(*) from pgqueuer_statistics") == 0
    assert await scalar(intake, "select count(*) from pgqueuer_log where job_id not in (select id from pgqueuer)") == 0
    assert [each.last_error for each in await dead_letters(intake, dead)] == [f"{dead} is refused"]
    every.failing = lambda _: None
    await intake.admin.ReplayDeadLetters(admin_pb.ReplayDeadLettersRequest(names=[letter.name]))
    assert (await every.taking(dead, 2))[1].id == letter.event_id
