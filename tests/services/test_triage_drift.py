"""Drift in a running triage: looked for every hour, told of once when it begins, and again only after it was over."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from ballast.triage.v1 import triage_events_pb2

from services.triage.domain.drift import InputDrift
from services.triage.domain.estimate import Estimate
from services.triage.domain.events import InputDrifted
from services.triage.storage.drift_store import DriftStore, Seen
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.testing.otlp import OtlpReceiver
from tests.conftest import START
from tests.services.test_triage_calibration import over
from tests.support.triaging import Suite, deliver, opened, told, triage_serving


@pytest.fixture
async def suite(own_urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    async with triage_serving(own_urls, engines, clock) as running:
        yield running


async def tell(suite: Suite, since: int, count: int, rated: int = 0, **more: Any) -> None:
    """Tells of incidents, each of a class of its own, that ended one after another, from the minute `since` on."""
    numbers = range(since, since + count)
    told = [over("pay", rated=rated, at=START + timedelta(minutes=each), title=f"Fault {_letters(each)}", **more) for each in numbers]
    await deliver(suite, *map(opened, told))


def _letters(number: int) -> str:
    """Digits would make one class of them all."""
    return "".join("ghijklmnop"[int(digit)] for digit in str(number))


async def look(suite: Suite, clock: SimulatedClock) -> None:
    clock.advance(clock.now() + timedelta(hours=1))
    await suite.app.tick()


async def test_an_input_that_moved_is_told_of_once(suite: Suite, clock: SimulatedClock) -> None:
    for number in range(2):
        await tell(suite, 100 * number, 100, users_affected=10)
    await look(suite, clock)
    assert await told(suite, "drifts/users_affected") == []
    await tell(suite, 200, 100, users_affected=100_000)
    await look(suite, clock)
    await look(suite, clock)
    (wire,) = await told(suite, "drifts/users_affected")
    begun = triage_events_pb2.InputDrifted()
    assert wire.proto_data.Unpack(begun)
    assert (begun.feature, begun.recent_count, begun.reference_count) == ("users_affected", 100, 200)
    assert begun.stability_index > begun.bound >= 0.1
    assert await told(suite, "drifts/burn_rate") == []


async def test_a_drift_that_is_over_is_told_of_again_when_it_comes_back(suite: Suite, clock: SimulatedClock) -> None:
    drifts, index = DriftStore(suite.app.database, suite.app.outbox), Estimate(0.5, 100)

    def begun(onset: int) -> InputDrifted:
        return InputDrifted(InputDrift("tier", index, 0.2, drifted=True), 200, onset, clock.now())

    began = [await drifts.note([Seen("drifts/tier", drifted, begun)]) for drifted in (False, True, True, False, True)]
    assert began == [[], ["drifts/tier"], [], [], ["drifts/tier"]]
    assert len(await told(suite, "drifts/tier")) == 2


async def test_more_misjudged_incidents_than_at_first_are_told_of(suite: Suite, clock: SimulatedClock) -> None:
    # Assessed SEV2 all of them: right a hundred times, then wrong twenty times.
    await tell(suite, 0, 100, rated=2, service_impact=3)
    await look(suite, clock)
    assert await told(suite, "drifts/calibration") == []
    await tell(suite, 100, 20, rated=4, service_impact=3)
    await look(suite, clock)
    (wire,) = await told(suite, "drifts/calibration")
    begun = triage_events_pb2.CalibrationDrifted()
    assert wire.proto_data.Unpack(begun)
    assert (begun.model_version, begun.reference_count, begun.watched_count, begun.false_alarm_every) == ("2026.2", 100, 20, 500)
    assert begun.reference_share < 0.01
    assert begun.total >= begun.limit > 0


async def test_within_the_hour_it_does_not_look_again(suite: Suite, clock: SimulatedClock) -> None:
    for minutes in (0, 100):
        await tell(suite, minutes, 100, users_affected=10)
    await look(suite, clock)
    await tell(suite, 200, 100, users_affected=100_000)
    clock.advance(clock.now() + timedelta(minutes=59))
    await suite.app.tick()
    assert await told(suite, "drifts/users_affected") == []


async def test_measures_and_drift_are_metrics(own_urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> None:
    async with OtlpReceiver() as receiver:
        async with triage_serving(own_urls, engines, clock, otlp_endpoint=receiver.endpoint) as suite:
            await tell(suite, 0, 40, rated=4, service_impact=3)  # all assessed SEV2, two levels too harsh
            await look(suite, clock)
        found = {each.name: each for each in receiver.received_metrics if each.name.startswith("ballast_triage_")}
        active = {
            each.attributes["ballast.drift.subject"] for each in receiver.received_metrics if each.name == "ballast_triage_drift_active"
        }
    assert found["ballast_triage_mean_cost"].value == 4.0
    assert (found["ballast_triage_incidents_labelled"].value, found["ballast_triage_under_triage_share"].value) == (40, 0)
    assert 0 < found["ballast_triage_brier_score"].value < 1
    # 40 incidents cannot tell an error over bins, nor how far an input moved.
    assert "ballast_triage_calibration_error" not in found
    assert "ballast_triage_input_stability_index" not in found
    assert {"calibration", "users_affected"} < active
