"""The laws of intake's alert path: whatever is told, in whatever order, doubled and batched, ends as its event times say.

What it must end in is worked out from the pure functions alone. `BALLAST_TEST_EXAMPLES` raises the number of examples for a soak.
"""

import itertools
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from ballast.intake.v1 import alert_pb2, grouping_service_pb2, incident_pb2
from ballast.intake.v1 import incident_shaping_pb2 as shaping
from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.intake.v1.grouping_service_pb2_grpc import GroupingServiceStub
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.intake.domain.chain import Span, chains
from services.intake.domain.episode import Episode, episodes
from services.intake.settings import IntakeSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.conftest import START
from tests.support.grouping import document
from tests.support.intake import Intake, intake_serving, report

EXAMPLES = int(os.environ.get("BALLAST_TEST_EXAMPLES", "25"))
LAW = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
REJOIN = timedelta(seconds=IntakeSettings.model_fields["rejoin_seconds"].default)
QUIET = timedelta(minutes=5)
BACK = 80_000  # everything is told long after it began: times are event times
GROUPS = ("web", "db")
_runs = itertools.count()


@dataclass(frozen=True, slots=True)
class Told:
    """One report, by what identifies it: group, signal, when it began, and when it ended if it says so; seconds."""

    group: str
    signal: str
    begin: int
    end: int | None

    @property
    def at(self) -> int:
        """When a sender tells it that is in time."""
        return self.begin if self.end is None else self.end


@dataclass(frozen=True, slots=True)
class Outcome:
    """One incident, without what depends on who came first (names, titles): its alerts, and what it says of itself."""

    alerts: tuple[tuple[str, int, int | None], ...]  # signal, begin, end
    state: str
    opened_at: int
    resolved_at: int | None
    alert_count: int
    firing_count: int
    flap_count: int


@pytest.fixture(scope="module")
async def intake(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Intake]:
    async with intake_serving(urls, engines, clock, storm_enter_count=10**9) as running:
        grouping = GroupingServiceStub(running.channel.grpc)
        rules = document('name: calm, when: \'labels["kind"] == "calm"\', quiet_period: 5m')
        etag = (await grouping.GetGroupingRules(grouping_service_pb2.GetGroupingRulesRequest())).rules.etag
        await grouping.CreateGroupingRulesRevision(
            grouping_service_pb2.CreateGroupingRulesRevisionRequest(yaml=rules, reason="a test asks for it", etag=etag)
        )
        yield running


@st.composite
def lives(draw: st.DrawFn, group: str, signal: str) -> list[Told]:
    """Draws what one or two replicas tell of a signal that fires up to three times, the last time perhaps still."""
    told: list[Told] = []
    at = draw(st.integers(0, 400))
    count = draw(st.integers(1, 3))
    for number in range(count):
        end = at + draw(st.sampled_from([0, 7, 30, 100, 350]))
        is_over = number < count - 1 or draw(st.booleans())
        for _ in range(draw(st.integers(1, 2))):
            late, later = draw(st.integers(0, 4)), draw(st.integers(0, 4))
            told.append(Told(group, signal, at + late, None))
            if is_over:
                told.append(Told(group, signal, at + late, max(end + later, at + late)))
        at = end + draw(st.sampled_from([1, 12, 15, 16, 25, 120, 299, 300, 301, 330, 700]))
    return told


@st.composite
def stories(draw: st.DrawFn) -> list[Told]:
    """Draws what is told of a few signals in one or two groups."""
    told: list[Told] = []
    for number in range(draw(st.integers(1, 4))):
        told += draw(lives(draw(st.sampled_from(GROUPS)), f"s{number}"))
    return told


@st.composite
def batches(draw: st.DrawFn, told: Sequence[Told]) -> list[list[Told]]:
    """Doubles some reports, shuffles all, and cuts them into batches."""
    doubled = [*told, *draw(st.lists(st.sampled_from(told), max_size=4))]
    shuffled = draw(st.permutations(doubled))
    cuts = sorted(draw(st.sets(st.integers(1, len(shuffled)), max_size=5)) - {len(shuffled)})
    return [list(shuffled[begin:end]) for begin, end in itertools.pairwise([0, *cuts, len(shuffled)])]


def expected(told: Sequence[Told], quiet: timedelta) -> list[Outcome]:
    """Returns the incidents that the pure functions make of all that was told."""
    starts, ends = defaultdict[tuple[str, str], set[int]](set), defaultdict[tuple[str, str], set[int]](set)
    for each in told:
        starts[each.group, each.signal].add(each.begin)
        if each.end is not None:
            ends[each.group, each.signal].add(each.end)
    by_group = defaultdict[str, list[tuple[str, Episode]]](list)
    for (group, signal), begins in starts.items():
        lives = episodes((_time(at) for at in begins), (_time(at) for at in ends[group, signal]), REJOIN)
        by_group[group] += [(signal, life) for life in lives]
    found: list[Outcome] = []
    for alerts in by_group.values():
        spans = {UUID(int=number): alert for number, alert in enumerate(alerts)}
        linked = chains([Span(key, None, life.starts_at, life.ends_at) for key, (_, life) in spans.items()], quiet)
        found += [_outcome([spans[span.alert_id] for span in chain]) for chain in linked]
    return sorted(found, key=repr)


def _outcome(alerts: Sequence[tuple[str, Episode]]) -> Outcome:
    firing = sum(life.is_firing for _, life in alerts)
    last_end = max((life.ends_at for _, life in alerts if life.ends_at), default=None)
    return Outcome(
        tuple(sorted((signal, _second(life.starts_at), _second(life.ends_at) if life.ends_at else None) for signal, life in alerts)),
        "OPEN" if firing else "RESOLVED",
        min(_second(life.starts_at) for _, life in alerts),
        None if firing or last_end is None else _second(last_end),
        len(alerts),
        firing,
        max(sum(1 + life.refired_count for each, life in alerts if each == signal) - 1 for signal, _ in alerts),
    )


async def send(intake: Intake, run: int, told: Sequence[Told], kind: str) -> None:
    await intake.send(*(_report(run, each, kind) for each in told))


def _report(run: int, told: Told, kind: str) -> alert_pb2.AlertReport:
    end = None if told.end is None else told.end - BACK
    return report(f"{told.group}-{run}", told.begin - BACK, end, alertname=told.signal, kind=kind)


async def incidents(intake: Intake, run: int) -> list[incident_pb2.Incident]:
    names = [f"{group}-{run}" for group in GROUPS]
    request = pb.ListIncidentsRequest(filter=pb.IncidentFilter(components=names), page_size=1000)
    return list((await intake.rpc.ListIncidents(request)).incidents)


async def outcomes(intake: Intake, run: int) -> list[Outcome]:
    """Returns what became of a run; an incident without alerts must have gone into another."""
    found: list[Outcome] = []
    for each in await incidents(intake, run):
        alerts = await intake.alerts(each.name)
        if each.merged_into:
            assert (len(alerts), each.alert_count, each.firing_count) == (0, 0, 0), each
            continue
        found.append(
            Outcome(
                tuple(sorted((alert.labels["alertname"], _read(alert.starts_at), _read_end(alert)) for alert in alerts)),
                incident_pb2.IncidentState.Name(each.state).removeprefix("INCIDENT_STATE_"),
                _read(each.opened_at),
                _read(each.resolved_at) if each.HasField("resolved_at") else None,
                each.alert_count,
                each.firing_count,
                each.evidence.flap_count,
            )
        )
    return sorted(found, key=repr)


def _read_end(alert: alert_pb2.Alert) -> int | None:
    assert alert.HasField("ends_at") == (alert.state == alert_pb2.ALERT_STATE_RESOLVED)
    return _read(alert.ends_at) if alert.HasField("ends_at") else None


def _read(stamp: Timestamp) -> int:
    return stamp.seconds - int(START.timestamp()) + BACK


def _time(at: int) -> datetime:
    return START + timedelta(seconds=at - BACK)


def _second(at: datetime) -> int:
    return round((at - START).total_seconds()) + BACK


@LAW
@given(data=st.data())
@pytest.mark.parametrize(("kind", "quiet"), [("plain", timedelta(0)), ("calm", QUIET)])
async def test_any_order_ends_in_what_the_event_times_say(intake: Intake, data: st.DataObject, kind: str, quiet: timedelta) -> None:
    told = data.draw(stories())
    run = next(_runs)
    for batch in data.draw(batches(told)):
        await send(intake, run, batch, kind)
    assert await outcomes(intake, run) == expected(told, quiet)


@LAW
@given(data=st.data())
@pytest.mark.parametrize(("kind", "quiet"), [("plain", timedelta(0)), ("calm", QUIET)])
async def test_what_is_told_in_time_ends_in_what_the_event_times_say(
    intake: Intake, data: st.DataObject, kind: str, quiet: timedelta
) -> None:
    told = data.draw(stories())
    run = next(_runs)
    for each in sorted(told, key=lambda each: (each.at, each.end is not None)):
        await send(intake, run, [each], kind)
    assert await outcomes(intake, run) == expected(told, quiet)


@LAW
@given(data=st.data())
@pytest.mark.parametrize(("kind", "quiet"), [("plain", timedelta(0)), ("calm", QUIET)])
async def test_whatever_people_merge_and_split_in_between_no_alert_is_lost_and_counts_are_true(
    intake: Intake, data: st.DataObject, kind: str, quiet: timedelta
) -> None:
    told = data.draw(stories())
    run = next(_runs)
    for batch in data.draw(batches(told)):
        await send(intake, run, batch, kind)
        await _shape(intake, run, data)
    alerts: list[tuple[str, int, int | None]] = []
    for each in await incidents(intake, run):
        listed = await intake.alerts(each.name)
        firing = sum(alert.state == alert_pb2.ALERT_STATE_FIRING for alert in listed)
        assert (each.alert_count, each.firing_count) == (len(listed), firing), each
        assert not (firing and each.state == incident_pb2.INCIDENT_STATE_RESOLVED), each
        alerts += [(alert.labels["alertname"], _read(alert.starts_at), _read_end(alert)) for alert in listed]
    assert sorted(alerts, key=repr) == sorted((alert for each in expected(told, quiet) for alert in each.alerts), key=repr)


async def _shape(intake: Intake, run: int, data: st.DataObject) -> None:
    """Merges two incidents of the run, or splits one, or does nothing."""
    deed = data.draw(st.sampled_from(["nothing", "merge", "split"]))
    found = sorted((each for each in await incidents(intake, run) if not each.merged_into), key=lambda each: each.name)
    opened = [each for each in found if each.state != incident_pb2.INCIDENT_STATE_RESOLVED]
    if deed == "merge" and opened and len(found) > 1:
        into = data.draw(st.sampled_from(opened)).name
        other = data.draw(st.sampled_from([each.name for each in found if each.name != into]))
        request = shaping.MergeIncidentsRequest(into=into, incidents=[other], reason="the same fault")
        await intake.life.MergeIncidents(request)
    if deed == "split" and (several := [each.name for each in found if each.alert_count > 1]):
        name = data.draw(st.sampled_from(several))
        alert = data.draw(st.sampled_from(sorted(each.name for each in await intake.alerts(name))))
        await intake.life.SplitIncident(shaping.SplitIncidentRequest(name=name, alerts=[alert], reason="two faults"))
