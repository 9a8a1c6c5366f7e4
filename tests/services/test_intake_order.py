"""However the reports of a storm are shuffled, doubled and batched, they end in the same incidents."""

import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest
from ballast.intake.v1 import alert_pb2, incident_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.intake import Intake, intake_serving, report

# (component, alert, begin, end or None while it fires, users)
Signal = tuple[str, str, int, int | None, int]
STORM: tuple[Signal, ...] = (
    ("web", "slow", 0, 50, 10),
    ("web", "errors", 20, 90, 500),
    ("web", "queue", 30, 70, 0),
    ("db", "disk", 10, 40, 3),
    ("db", "lag", 15, None, 40),
    ("cache", "evictions", 5, 60, 0),
)
_runs = itertools.count()


@pytest.fixture(scope="module")
async def intake(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Intake]:
    async with intake_serving(urls, engines, clock) as running:
        yield running


def told(run: int, signal: Signal, *, over: bool) -> alert_pb2.AlertReport:
    component, name, begin, end, users = signal
    built = report(f"{component}-{run}", begin, end if over else None, alertname=name)
    built.annotations["ballast.users_affected"] = str(users)
    return built


def batches(data: st.DataObject, reports: list[alert_pb2.AlertReport]) -> list[list[alert_pb2.AlertReport]]:
    """Doubles some reports, shuffles all, and cuts them into batches."""
    doubled = reports + data.draw(st.lists(st.sampled_from(reports), max_size=4))
    shuffled = data.draw(st.permutations(doubled))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(shuffled) - 1), max_size=4)))
    return [shuffled[begin:end] for begin, end in itertools.pairwise([0, *cuts, len(shuffled)])]


async def outcome(intake: Intake, run: int) -> list[tuple[Any, ...]]:
    """Returns what became of the storm, without what depends on who came first (names, titles)."""
    names = [f"{component}-{run}" for component in {signal[0] for signal in STORM}]
    listed = await intake.rpc.ListIncidents(pb.ListIncidentsRequest(filter=pb.IncidentFilter(components=names)))
    return sorted(
        (
            [name.rpartition("-")[0] for name in each.components],
            incident_pb2.IncidentState.Name(each.state),
            each.opened_at.seconds,
            each.resolved_at.seconds,
            each.alert_count,
            each.firing_count,
            each.evidence.users_affected,
        )
        for each in listed.incidents
    )


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_shuffled_doubled_and_batched_reports_end_in_the_same_incidents(intake: Intake, data: st.DataObject) -> None:
    plain, shuffled = next(_runs), next(_runs)
    for run in (plain, shuffled):
        firing = [told(run, signal, over=False) for signal in STORM]
        # An end may be told before or after late repeats of its own firing, and of others.
        ending = [told(run, signal, over=True) for signal in STORM if signal[3] is not None]
        if run == plain:
            await intake.send(*firing)
            await intake.send(*ending)
        else:
            for batch in [*batches(data, firing), *batches(data, ending + firing)]:
                await intake.send(*batch)
    assert await outcome(intake, shuffled) == await outcome(intake, plain)
    assert len(await outcome(intake, plain)) == 3


async def test_the_storm_ends_as_its_event_times_say(intake: Intake) -> None:
    run = next(_runs)
    await intake.send(*(told(run, signal, over=False) for signal in STORM))
    await intake.send(*(told(run, signal, over=True) for signal in STORM if signal[3] is not None))
    begin = report("x").starts_at.seconds
    assert await outcome(intake, run) == [
        (["cache"], "INCIDENT_STATE_RESOLVED", begin + 5, begin + 60, 1, 0, 0),
        (["db"], "INCIDENT_STATE_OPEN", begin + 10, 0, 2, 1, 40),
        (["web"], "INCIDENT_STATE_RESOLVED", begin, begin + 90, 3, 0, 500),
    ]
