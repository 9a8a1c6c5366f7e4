"""WatchIncidents: every change once, in one order, from any point on, also while transactions commit out of order."""

import asyncio
import gc
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from ballast.intake.v1 import incident_pb2, muting_events_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from sqlalchemy import text

from services.intake.domain.events import IncidentChanged
from services.intake.domain.evidence import Evidence
from services.intake.domain.incident import Incident, IncidentChange, IncidentState
from services.intake.transport.events import INCIDENT_TYPES
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput
from shared.events.feed import FeedItem
from shared.ids import new_id
from shared.paging import decode_token, encode_token
from shared.storage.database import connect_raw
from tests.conftest import START
from tests.support.intake import Intake, intake_serving, report
from tests.support.waiting import SECONDS, until

BOUND = f"feed-intake-{INCIDENT_TYPES[0]}"
AS_OF_TRANSACTION = """
    insert into outbox (id, aggregatetype, aggregateid, type, payload, aggregate_version, headers, event_time, transaction_id)
    select gen_random_uuid(), aggregatetype, aggregateid, type, payload, aggregate_version, headers, event_time, $2::text::xid8
    from outbox where aggregateid = $1 limit 1
"""


@pytest.fixture(scope="module")
async def intake(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Intake]:
    async with intake_serving(urls, engines, clock) as running:
        yield running


class Watch:
    """A stream of incidents under way, read one by one."""

    def __init__(self, intake: Intake, token: str = "") -> None:
        self._call: Any = intake.rpc.WatchIncidents(pb.WatchIncidentsRequest(resume_token=token))
        self._answers = aiter(self._call)
        self.token = token

    async def begun(self) -> "Watch":
        """Returns once the stream has said where it begins."""
        first = await self._next()
        assert not first.HasField("incident")
        return self

    async def incident(self) -> incident_pb2.Incident:
        while True:
            answer = await self._next()
            if answer.HasField("incident"):
                return answer.incident

    async def incidents(self, count: int) -> list[incident_pb2.Incident]:
        return [await self.incident() for _ in range(count)]

    async def is_quiet(self) -> bool:
        """Whether nothing comes for a while."""
        try:
            async with asyncio.timeout(0.3):
                await self.incident()
        except TimeoutError:
            return True
        return False

    def cancel(self) -> None:
        self._call.cancel()

    async def _next(self) -> pb.WatchIncidentsResponse:
        async with asyncio.timeout(SECONDS):
            answer: pb.WatchIncidentsResponse = await anext(self._answers)
        self.token = answer.resume_token
        return answer


@pytest.fixture
async def watch(intake: Intake) -> AsyncIterator[Watch]:
    watch = await Watch(intake).begun()
    yield watch
    watch.cancel()


async def test_a_stream_begins_with_a_token_and_then_tells_every_change(intake: Intake, watch: Watch) -> None:
    assert watch.token
    name = await intake.open()
    await intake.rpc.AcknowledgeIncident(pb.AcknowledgeIncidentRequest(name=name))
    await intake.rpc.ResolveIncident(pb.ResolveIncidentRequest(name=name, force=True))
    told = await watch.incidents(3)
    assert [(each.name, each.etag) for each in told] == [(name, "v1"), (name, "v2"), (name, "v3")]
    assert [each.state for each in told] == [
        incident_pb2.INCIDENT_STATE_OPEN,
        incident_pb2.INCIDENT_STATE_ACKNOWLEDGED,
        incident_pb2.INCIDENT_STATE_RESOLVED,
    ]


async def test_a_stream_without_a_token_begins_with_the_present(intake: Intake) -> None:
    await intake.open()
    watch = await Watch(intake).begun()
    later = await intake.open()
    assert (await watch.incident()).name == later
    watch.cancel()


async def test_transactions_come_by_their_number_and_not_by_its_digits(intake: Intake, urls: dict[str, str]) -> None:
    """Of 9 and 10 the latter came first once, and what lay between the two could be left out for good."""
    name = await intake.open()
    connection = await connect_raw(urls["intake"], "intake")
    for number in ("10", "9"):
        await connection.execute(AS_OF_TRANSACTION, name, number)
    watch = Watch(intake, encode_token("feed-intake", ("8", "0")))
    told = []
    for _ in range(2):
        assert (await watch.incident()).name == name
        told.append(decode_token(BOUND, watch.token)[0])
    watch.cancel()
    await connection.execute("delete from outbox where transaction_id < '11'")
    await connection.close()
    assert told == ["9", "10"]


async def test_a_stream_goes_on_right_after_its_token(intake: Intake, watch: Watch) -> None:
    before = await intake.open()
    assert (await watch.incident()).name == before
    watch.cancel()
    missed = [await intake.open() for _ in range(3)]
    again = Watch(intake, watch.token)
    assert [each.name for each in await again.incidents(3)] == missed
    now = await intake.open()
    assert (await again.incident()).name == now
    again.cancel()


async def test_any_token_of_a_stream_goes_on_after_its_own_answer(intake: Intake, watch: Watch) -> None:
    await intake.open()
    await intake.send(*(report(f"token-{number}") for number in range(3)))  # three changes of one transaction
    names, tokens = [], [watch.token]
    for _ in range(4):
        names.append((await watch.incident()).name)
        tokens.append(watch.token)
    for position, token in enumerate(tokens):
        again = Watch(intake, token)
        assert [each.name for each in await again.incidents(4 - position)] == names[position:]
        assert await again.is_quiet()
        again.cancel()


async def test_changes_of_one_transaction_come_in_their_order(intake: Intake, watch: Watch) -> None:
    receipts = await intake.send(*(report(f"batch-{number}") for number in range(20)))
    assert [each.name for each in await watch.incidents(20)] == [each.incident for each in receipts]


async def test_a_transaction_of_more_changes_than_are_read_at_once_is_told_whole(intake: Intake, watch: Watch) -> None:
    async with intake.app.database.transaction() as connection:
        await intake.app.outbox.record(connection, [change(number) for number in range(450)])
    assert [each.title for each in await watch.incidents(450)] == [f"number {number}" for number in range(450)]


async def test_a_change_that_was_rolled_back_is_never_told(intake: Intake, watch: Watch) -> None:
    async def fail() -> None:
        async with intake.app.database.transaction() as connection:
            await intake.app.outbox.record(connection, [change(0)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    name = await intake.open()
    assert (await watch.incident()).name == name


def change(number: int) -> IncidentChanged:
    """Builds a change of an incident that is told apart by its title."""
    made = Incident(
        id=new_id(START),
        version=1,
        state=IncidentState.OPEN,
        title=f"number {number}",
        summary="",
        group_key="",
        group_labels=(),
        components=(),
        opened_at=START,
        acknowledged_at=None,
        resolved_at=None,
        last_ended_at=None,
        alert_count=1,
        firing_count=1,
        evidence=Evidence(),
        created_at=START,
        updated_at=START,
    )
    return IncidentChanged(made, IncidentChange.ALERTS, (), "test")


async def test_a_transaction_that_commits_late_is_not_skipped(intake: Intake, watch: Watch) -> None:
    """Its event has a lower position than one that is told of already: a reader that went by position would never see it."""
    written, commit = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with intake.app.database.transaction() as connection:
            await intake.app.outbox.record(connection, [change(1)])
            written.set()
            await commit.wait()

    slowly = asyncio.create_task(slow())
    await written.wait()
    async with intake.app.database.transaction() as connection:
        await intake.app.outbox.record(connection, [change(2)])
    assert await watch.is_quiet()  # the second is held back until the first is decided
    commit.set()
    await slowly
    again = Watch(intake, watch.token)
    assert [each.title for each in await again.incidents(2)] == ["number 1", "number 2"]
    again.cancel()


async def test_every_change_comes_once_and_in_one_order_while_many_commit_out_of_order(intake: Intake) -> None:
    writers, each_writes = 6, 15
    dice = random.Random(7)
    delays = [[(dice.random() * 0.004, dice.random() * 0.01) for _ in range(each_writes)] for _ in range(writers)]

    async def write(writer: int) -> None:
        for number, (before, during) in enumerate(delays[writer]):
            await asyncio.sleep(before)
            async with intake.app.database.transaction() as connection:
                # A transaction has its number from its first write on, which need not be that of its event.
                await connection.execute(text("select pg_current_xact_id()"))
                await asyncio.sleep(during)
                await intake.app.outbox.record(connection, [change(writer * 1000 + number)])
                await asyncio.sleep(during)

    start = await intake.app.feed._present()
    begin = encode_token(BOUND, (str(start), "0"))

    async def read(reconnect_every: int) -> list[str]:
        told: list[str] = []
        watch = Watch(intake, begin)
        while len(told) < writers * each_writes:
            told.append((await watch.incident()).title)
            if len(told) % reconnect_every == 0:
                watch.cancel()
                watch = Watch(intake, watch.token)
        watch.cancel()
        return told

    reading = asyncio.create_task(read(10_000)), asyncio.create_task(read(7))
    await asyncio.gather(*(write(writer) for writer in range(writers)))
    whole, often = await asyncio.gather(*reading)
    assert sorted(whole) == sorted(f"number {writer * 1000 + number}" for writer in range(writers) for number in range(each_writes))
    assert often == whole
    for writer in range(writers):
        own = [title for title in whole if int(title.split()[1]) // 1000 == writer]
        assert own == sorted(own, key=lambda title: int(title.split()[1]))


async def test_many_readers_follow_one_outbox(intake: Intake) -> None:
    watches = [await Watch(intake).begun() for _ in range(8)]
    name = await intake.open()
    assert {(await each.incident()).name for each in watches} == {name}
    for each in watches:
        each.cancel()


async def test_a_reader_that_goes_away_is_forgotten(intake: Intake) -> None:
    watch = await Watch(intake).begun()
    before = len(intake.app.feed._waiters)
    watch.cancel()
    await until(lambda: len(intake.app.feed._waiters) < before)


async def test_readers_that_go_away_in_the_middle_of_an_answer_leave_no_error_behind(
    intake: Intake, watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    async with intake.app.database.transaction() as connection:
        await intake.app.outbox.record(connection, [change(number) for number in range(1000)])
    before = len(intake.app.feed._waiters)
    for number in range(12):
        reader = Watch(intake, watch.token)
        await reader.incidents(number + 1)
        reader.cancel()
    await until(lambda: len(intake.app.feed._waiters) == before)
    gc.collect()
    await asyncio.sleep(0.05)
    assert [record.getMessage() for record in caplog.records if record.levelname in {"WARNING", "ERROR"}] == []


@pytest.mark.parametrize(
    "token",
    [
        "what?",
        "ü",
        encode_token("feed-other", ("1", "1")),
        encode_token("feed-intake", ("1",)),
        encode_token("feed-intake", ("one", "1")),
        encode_token("feed-intake", ("-1", "1")),
        encode_token("feed-intake", ("1", str(2**63))),
        encode_token("feed-intake", (str(2**64), "1")),
    ],
)
async def test_a_malformed_token_is_refused_with_field_and_remedy(intake: Intake, token: str) -> None:
    with pytest.raises(InvalidInput, match="leave it empty to start with the present") as refused:
        await Watch(intake, token).incident()
    assert refused.value.reason == "RESUME_TOKEN_INVALID"
    assert [each.field for each in refused.value.violations] == ["resume_token"]


async def test_a_token_of_another_stream_is_refused(intake: Intake) -> None:
    other = await anext(intake.app.feed.follow("", [muting_events_pb2.SilenceChanged.DESCRIPTOR.full_name]))
    with pytest.raises(InvalidInput, match="of another stream"):
        await Watch(intake, other.resume_token).begun()


async def test_a_token_given_out_before_it_was_bound_to_its_stream_goes_on(intake: Intake) -> None:
    present = await intake.app.feed._present()
    name = await intake.open()
    watch = Watch(intake, encode_token("feed-intake", (str(present), "0")))
    assert (await watch.incident()).name == name
    watch.cancel()


@pytest.mark.parametrize("digest", [BOUND, "feed-intake"])
async def test_a_token_beyond_the_present_is_refused_since_it_would_hide_what_comes(intake: Intake, digest: str) -> None:
    ahead = await intake.app.feed._present() + 1_000_000
    with pytest.raises(InvalidInput, match=r"a time that has not come.*leave it empty to start with the present") as refused:
        await Watch(intake, encode_token(digest, (str(ahead), "0"))).incident()
    assert refused.value.reason == "RESUME_TOKEN_INVALID"


async def test_a_service_stops_also_when_something_is_recorded_at_that_very_moment(urls: dict[str, str], engines: Engines) -> None:
    async with intake_serving(urls, engines, SimulatedClock(START)) as running:
        await asyncio.sleep(0.2)  # until it waits
        running.app.outbox.grew.set()
        async with asyncio.timeout(5):
            await running.app.feed.stop()


async def test_a_quiet_stream_shows_that_it_lives(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.events.feed._HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr("shared.events.feed._POLL_SECONDS", 0.05)
    items: list[FeedItem] = []
    async with asyncio.timeout(SECONDS):
        async for item in intake.app.feed.follow("", INCIDENT_TYPES):
            items.append(item)
            if len(items) == 3:
                break
    assert [item.event for item in items] == [None] * 3
