"""Heartbeats over the wire, told as time-lines: set, beaten, overdue, resolved; one alert whatever happens meanwhile."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from ballast.intake.v1 import alert_pb2, heartbeat_pb2
from ballast.intake.v1 import intake_service_pb2 as intake_pb
from ballast.intake.v1 import signal_messages_pb2 as pb
from google.protobuf.duration_pb2 import Duration
from sqlalchemy import text

from services.intake.usecases.alert_intake import AlertIntake
from shared.clock import RealClock, SimulatedClock
from shared.embedded import Engines
from shared.errors import Conflict, InvalidInput, NotFound
from tests.support.intake import Intake, intake_serving
from tests.support.signals import beat, signals_of, stamp
from tests.support.waiting import until

if TYPE_CHECKING:
    from ballast.intake.v1.signal_service_pb2_grpc import SignalServiceAsyncStub

WAITING, HEALTHY, OVERDUE, PAUSED = (
    heartbeat_pb2.HEARTBEAT_STATE_WAITING,
    heartbeat_pb2.HEARTBEAT_STATE_HEALTHY,
    heartbeat_pb2.HEARTBEAT_STATE_OVERDUE,
    heartbeat_pb2.HEARTBEAT_STATE_PAUSED,
)
FIRING, RESOLVED = alert_pb2.ALERT_STATE_FIRING, alert_pb2.ALERT_STATE_RESOLVED


@dataclass(frozen=True, slots=True)
class Line:
    """A time-line: an intake whose clock moves when it is told; seconds count from when the line began."""

    intake: Intake
    rpc: "SignalServiceAsyncStub"
    clock: SimulatedClock
    begin: datetime

    def at(self, seconds: float) -> datetime:
        return self.begin + timedelta(seconds=seconds)

    async def move(self, seconds: float) -> None:
        """Moves the clock there; what is due then runs."""
        self.clock.advance(self.at(seconds))
        await self.intake.app.tick()

    async def beat(self, name: str, seconds: float | None = None) -> pb.BeatResult:
        sent = beat(name)
        if seconds is not None:
            sent.occurred_at.CopyFrom(stamp(self.at(seconds)))
        return (await self.rpc.Heartbeat(pb.HeartbeatRequest(beats=[sent]))).results[0]

    async def state(self, name: str) -> int:
        return (await self.rpc.GetHeartbeat(pb.GetHeartbeatRequest(name=name))).heartbeat.state


@pytest.fixture(scope="module")
async def intake(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Intake]:
    async with intake_serving(urls, engines, clock) as running:
        yield running


@pytest.fixture
async def line(intake: Intake, clock: SimulatedClock) -> Line:
    return Line(intake, signals_of(intake), clock, clock.now())


def heartbeat(interval: float = 60, grace: float = 10, **fields: Any) -> heartbeat_pb2.Heartbeat:
    name = fields.pop("name", f"heartbeats/h{uuid.uuid4().hex}")
    return heartbeat_pb2.Heartbeat(name=name, interval=seconds(interval), grace=seconds(grace), **fields)


def seconds(count: float) -> Duration:
    made = Duration()
    made.FromTimedelta(timedelta(seconds=count))
    return made


async def put(rpc: "SignalServiceAsyncStub", sent: heartbeat_pb2.Heartbeat, **options: Any) -> heartbeat_pb2.Heartbeat:
    return (await rpc.SetHeartbeat(pb.SetHeartbeatRequest(heartbeat=sent, **options))).heartbeat


async def alerts_of(intake: Intake, name: str) -> list[alert_pb2.Alert]:
    """Returns the alerts of a heartbeat, oldest first."""
    found = (await intake.rpc.ListAlerts(intake_pb.ListAlertsRequest(page_size=1000))).alerts
    return [each for each in reversed(found) if each.labels.get("heartbeat") == name.removeprefix("heartbeats/")]


# The life of a heartbeat.


async def test_a_heartbeat_that_stops_fires_from_when_it_was_due_and_the_next_beat_resolves_it(line: Line) -> None:
    name = (await put(line.rpc, heartbeat(60, 10, component="backup", labels={"tier": "1"}, annotations={"runbook": "b"}))).name
    assert await line.state(name) == WAITING
    await line.move(30)
    assert (await line.beat(name)).state == HEALTHY
    await line.move(99)
    assert (await line.state(name), await alerts_of(line.intake, name)) == (HEALTHY, [])
    await line.move(100)
    assert await line.state(name) == OVERDUE
    (fired,) = await alerts_of(line.intake, name)
    assert (fired.state, fired.starts_at, fired.source) == (FIRING, stamp(line.at(90)), "heartbeats")
    assert dict(fired.labels) == {
        "alertname": "HeartbeatMissed", "heartbeat": name.partition("/")[2], "component": "backup", "tier": "1",
    }  # fmt: skip
    assert fired.annotations["runbook"] == "b"
    assert "every 1 min" in fired.annotations["summary"]
    await line.move(200)
    assert (await line.beat(name, 190)).state == HEALTHY
    (ended,) = await alerts_of(line.intake, name)
    assert (ended.name, ended.state, ended.ends_at) == (fired.name, RESOLVED, stamp(line.at(190)))


async def test_a_heartbeat_that_never_beat_is_overdue_like_one_that_stopped(line: Line) -> None:
    name = (await put(line.rpc, heartbeat(60, 0))).name
    await line.move(60)
    (fired,) = await alerts_of(line.intake, name)
    assert (await line.state(name), fired.starts_at) == (OVERDUE, stamp(line.at(60)))


async def test_looking_again_and_again_raises_one_alert(line: Line) -> None:
    name = (await put(line.rpc, heartbeat(60, 0))).name
    for moment in (60, 61, 120, 7200):
        await line.move(moment)
    (fired,) = await alerts_of(line.intake, name)
    assert (fired.state, fired.report_count) == (FIRING, 1)


async def test_a_heartbeat_that_stops_twice_fires_twice(line: Line) -> None:
    name = (await put(line.rpc, heartbeat(60, 0))).name
    await line.move(60)
    await line.beat(name)
    await line.move(300)
    assert [each.state for each in await alerts_of(line.intake, name)] == [RESOLVED, FIRING]


async def test_late_beats_and_beats_out_of_order_never_move_it_back(line: Line) -> None:
    name = (await put(line.rpc, heartbeat(60, 0))).name
    await line.move(50)
    for moment in (50, 10, 40, 50, -500):
        assert (await line.beat(name, moment)).overdue_at == stamp(line.at(110))
    await line.move(109)
    assert await line.state(name) == HEALTHY


async def test_a_late_beat_that_leaves_it_overdue_leaves_its_alert_firing(line: Line) -> None:
    name = (await put(line.rpc, heartbeat(60, 0))).name
    await line.move(200)
    assert (await line.beat(name, 100)).state == OVERDUE
    (fired,) = await alerts_of(line.intake, name)
    assert (fired.state, fired.starts_at) == (FIRING, stamp(line.at(60)))


async def test_a_beat_that_was_in_time_and_came_late_ends_its_alert_where_it_began(line: Line) -> None:
    name = (await put(line.rpc, heartbeat(60, 0))).name
    await line.move(70)
    assert (await line.beat(name, 50)).state == HEALTHY
    (ended,) = await alerts_of(line.intake, name)
    assert (ended.state, ended.ends_at) == (RESOLVED, ended.starts_at)


async def test_a_clock_that_is_ahead_buys_no_time(line: Line) -> None:
    name = (await put(line.rpc, heartbeat(60, 0))).name
    assert (await line.beat(name, 500)).overdue_at == stamp(line.at(60))


# Setting, pausing, removing.


async def test_pausing_ends_its_alert_and_waiting_begins_anew_after(line: Line) -> None:
    sent = heartbeat(60, 0)
    name = (await put(line.rpc, sent)).name
    await line.move(60)
    await line.move(80)
    sent.paused = True
    paused = await put(line.rpc, sent)
    assert (paused.state, paused.HasField("overdue_at")) == (PAUSED, False)
    (ended,) = await alerts_of(line.intake, name)
    assert (ended.state, ended.ends_at) == (RESOLVED, stamp(line.at(80)))
    await line.move(5000)
    assert (await line.beat(name)).state == PAUSED
    await line.move(9000)
    sent.paused = False
    assert (await put(line.rpc, sent)).overdue_at == stamp(line.at(9060))
    await line.move(9059)
    assert len(await alerts_of(line.intake, name)) == 1
    await line.move(9060)
    assert len(await alerts_of(line.intake, name)) == 2


async def test_a_slower_rhythm_ends_its_alert_and_other_labels_keep_it(line: Line) -> None:
    sent = heartbeat(60, 0)
    name = (await put(line.rpc, sent)).name
    await line.move(60)
    sent.labels["tier"] = "1"
    await put(line.rpc, sent)
    (fired,) = await alerts_of(line.intake, name)
    assert (fired.state, fired.labels["tier"], fired.report_count) == (FIRING, "1", 2)
    sent.interval.CopyFrom(seconds(600))
    assert (await put(line.rpc, sent)).overdue_at == stamp(line.at(660))
    (ended,) = await alerts_of(line.intake, name)
    assert ended.state == RESOLVED


async def test_setting_the_same_again_changes_nothing(line: Line) -> None:
    sent = heartbeat()
    first = await put(line.rpc, sent)
    await line.move(5)
    assert await put(line.rpc, sent) == first


async def test_removing_it_ends_its_alert_and_it_can_be_set_again(line: Line) -> None:
    sent = heartbeat(60, 0)
    name = (await put(line.rpc, sent)).name
    await line.move(60)
    await line.rpc.RemoveHeartbeat(pb.RemoveHeartbeatRequest(name=name))
    (ended,) = await alerts_of(line.intake, name)
    assert ended.state == RESOLVED
    with pytest.raises(NotFound) as error:
        await line.state(name)
    assert error.value.reason == "HEARTBEAT_NOT_FOUND"
    assert (await put(line.rpc, sent)).etag == "v1"
    await line.move(120)
    assert len(await alerts_of(line.intake, name)) == 2


async def test_an_old_etag_changes_and_removes_nothing(line: Line) -> None:
    sent = heartbeat()
    name = (await put(line.rpc, sent)).name
    sent.paused, sent.etag = True, "v1"
    assert (await put(line.rpc, sent)).etag == "v2"
    for call in (
        line.rpc.SetHeartbeat(pb.SetHeartbeatRequest(heartbeat=sent)),
        line.rpc.RemoveHeartbeat(pb.RemoveHeartbeatRequest(name=name, etag="v1")),
    ):
        with pytest.raises(Conflict) as error:
            await call
        assert error.value.reason == "ETAG_MISMATCH"
    await line.beat(name)
    sent.etag = "v2"
    assert (await put(line.rpc, sent)).etag == "v2"  # beats do not alter it


async def test_a_preview_stores_nothing(line: Line) -> None:
    sent = heartbeat()
    assert (await put(line.rpc, sent, validate_only=True)).state == WAITING
    with pytest.raises(NotFound):
        await line.state(sent.name)
    sent.etag = "v7"
    with pytest.raises(NotFound):
        await put(line.rpc, sent, validate_only=True)


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        (heartbeat(name="heartbeats/Not An Id"), "heartbeat.name"),
        (heartbeat(interval=0), "heartbeat.interval"),
        (heartbeat(interval=400 * 86400), "heartbeat.interval"),
        (heartbeat(grace=-1), "heartbeat.grace"),
        (heartbeat(labels={"": "x"}), 'heartbeat.labels[""]'),
        (heartbeat_pb2.Heartbeat(name="heartbeats/x"), "heartbeat.interval"),
        (heartbeat(component="a\0b"), "heartbeat.component"),
    ],
)
async def test_a_heartbeat_that_breaks_a_rule_is_refused(line: Line, broken: heartbeat_pb2.Heartbeat, field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        await put(line.rpc, broken)
    assert [each.field for each in error.value.violations] == [field]


# Beats.


async def test_each_beat_of_a_batch_is_judged_by_itself(line: Line) -> None:
    good = (await put(line.rpc, heartbeat())).name
    nobody = f"heartbeats/h{uuid.uuid4().hex}"
    ahead, impossible = beat(good), beat(good)
    ahead.occurred_at.CopyFrom(stamp(line.at(700)))
    impossible.occurred_at.seconds = 2**60
    sent = [beat(good), beat(nobody), beat("nonsense"), ahead, impossible]
    results = (await line.rpc.Heartbeat(pb.HeartbeatRequest(beats=sent))).results
    assert results[0].state == HEALTHY
    assert [(each.error.reason, each.error.field) for each in results[1:]] == [
        ("HEARTBEAT_NOT_FOUND", "beats[1].heartbeat"),
        ("FIELD_INVALID", "beats[2].heartbeat"),
        ("BEAT_TIME_INVALID", "beats[3].occurred_at"),
        ("FIELD_INVALID", "beats[4].occurred_at"),
    ]


async def test_heartbeats_are_listed_by_name_and_by_where_they_stand(line: Line) -> None:
    prefix = f"heartbeats/l{uuid.uuid4().hex[:8]}"
    waiting, healthy, overdue, paused = (f"{prefix}-{number}" for number in range(4))
    await put(line.rpc, heartbeat(60, name=overdue))
    await line.move(100)
    await put(line.rpc, heartbeat(60, name=waiting))
    await put(line.rpc, heartbeat(60, name=healthy))
    await put(line.rpc, heartbeat(60, name=paused, paused=True))
    await line.beat(healthy)

    async def listed(*states: "heartbeat_pb2.HeartbeatState.ValueType", page_size: int = 1) -> list[str]:
        names: list[str] = []
        token = ""
        while True:
            request = pb.ListHeartbeatsRequest(states=states, page_size=page_size, page_token=token)
            page = await line.rpc.ListHeartbeats(request)
            assert all(not states or each.state in states for each in page.heartbeats)
            names += [each.name for each in page.heartbeats if each.name.startswith(prefix)]
            token = page.next_page_token
            if not token:
                return names

    assert await listed() == [waiting, healthy, overdue, paused]
    for state, name in ((WAITING, waiting), (HEALTHY, healthy), (OVERDUE, overdue), (PAUSED, paused)):
        assert await listed(state) == [name]
    assert await listed(PAUSED, OVERDUE) == [overdue, paused]


# Failures and replicas.


async def test_an_alert_that_could_not_be_told_is_told_at_the_next_look(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    name = (await put(line.rpc, heartbeat(60, 0))).name
    call = AlertIntake.__call__

    async def fails(*_: object) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(AlertIntake, "__call__", fails)
    await line.move(60)
    assert await alerts_of(line.intake, name) == []
    monkeypatch.setattr(AlertIntake, "__call__", call)
    await _leases_end(line.intake)
    await line.move(61)
    assert [each.state for each in await alerts_of(line.intake, name)] == [FIRING]


async def test_a_beat_between_the_report_of_an_alert_and_the_note_of_it_still_resolves_it(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = (await put(line.rpc, heartbeat(60, 0))).name
    call = AlertIntake.__call__
    beaten = asyncio.Event()

    async def slow(self: AlertIntake, *arguments: Any) -> Any:
        answer = await call(self, *arguments)
        if not beaten.is_set():
            beaten.set()
            assert (await line.beat(name)).state == HEALTHY
        return answer

    monkeypatch.setattr(AlertIntake, "__call__", slow)
    await line.move(60)
    assert beaten.is_set()
    assert [each.state for each in await alerts_of(line.intake, name)] == [RESOLVED]


async def test_after_a_crash_between_report_and_note_the_alert_is_still_one(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    name = (await put(line.rpc, heartbeat(60, 0))).name
    call = AlertIntake.__call__

    async def dies_after(self: AlertIntake, *arguments: Any) -> Any:
        await call(self, *arguments)
        raise ZeroDivisionError

    monkeypatch.setattr(AlertIntake, "__call__", dies_after)
    await line.move(60)
    monkeypatch.setattr(AlertIntake, "__call__", call)
    await _leases_end(line.intake)
    await line.move(65)
    assert [each.state for each in await alerts_of(line.intake, name)] == [FIRING]
    await line.beat(name)
    assert [each.state for each in await alerts_of(line.intake, name)] == [RESOLVED]


async def test_replicas_that_look_at_once_raise_one_alert_for_each_heartbeat(
    line: Line, urls: dict[str, str], engines: Engines, clock: SimulatedClock
) -> None:
    names = [(await put(line.rpc, heartbeat(60, 0))).name for _ in range(5)]
    async with intake_serving(urls, engines, clock) as other:
        clock.advance(line.at(60))
        await asyncio.gather(*(each.app.tick() for each in (line.intake, other) * 3))
    for name in names:
        (fired,) = await alerts_of(line.intake, name)
        assert (fired.state, fired.report_count) == (FIRING, 1)


async def test_many_heartbeats_that_stop_at_once_all_fire(line: Line) -> None:
    names = {(await put(line.rpc, heartbeat(60, 0))).name for _ in range(40)}
    await line.move(60)
    found = (await line.intake.rpc.ListAlerts(intake_pb.ListAlertsRequest(page_size=1000))).alerts
    assert names <= {f"heartbeats/{each.labels['heartbeat']}" for each in found if each.state == FIRING}


@asynccontextmanager
async def real(urls: dict[str, str], engines: Engines) -> AsyncIterator[Intake]:
    async with intake_serving(urls, engines, RealClock()) as running:
        yield running


async def test_on_a_real_clock_an_alert_fires_when_its_beat_is_due_also_after_a_restart(urls: dict[str, str], engines: Engines) -> None:
    name = f"heartbeats/h{uuid.uuid4().hex}"
    async with real(urls, engines) as intake:
        rpc = signals_of(intake)
        overdue_at = (await put(rpc, heartbeat(3, 0, name=name))).overdue_at.ToDatetime()
        await until(lambda: _fires(intake, name), 30)
        (fired,) = await alerts_of(intake, name)
        assert (fired.starts_at.ToDatetime(), fired.create_time.ToDatetime() >= overdue_at) == (overdue_at, True)
        await rpc.Heartbeat(pb.HeartbeatRequest(beats=[beat(name)]))
        assert [each.state for each in await alerts_of(intake, name)] == [RESOLVED]
    async with real(urls, engines) as intake:
        await until(lambda: _fires(intake, name), 30)
        await signals_of(intake).RemoveHeartbeat(pb.RemoveHeartbeatRequest(name=name))


async def _fires(intake: Intake, name: str) -> bool:
    return any(each.state == FIRING for each in await alerts_of(intake, name))


async def _leases_end(intake: Intake) -> None:
    """What a replica that died had leased is free again, as after half a minute."""
    async with intake.app.database.transaction() as connection:
        await connection.execute(text("update heartbeat set leased_until = null"))
