"""How often the signals of an incident ended and began again, and what alerts say of the redundancy that is left, over the wire."""

import itertools
from collections.abc import AsyncIterator

import pytest
from ballast.intake.v1 import alert_pb2
from ballast.intake.v1 import incident_shaping_pb2 as shaping
from ballast.intake.v1.incident_service_pb2 import DeclareIncidentRequest

from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.intake import Intake, intake_serving, report

REFIRED = alert_pb2.REPORT_OUTCOME_REFIRED
_numbers = itertools.count()


@pytest.fixture(scope="module")
async def intake(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Intake]:
    async with intake_serving(urls, engines, clock) as running:
        yield running


def fresh() -> str:
    return f"flapping-{next(_numbers)}"


async def flap(intake: Intake, component: str, times: int, pause: float, signal: str = "flaps") -> alert_pb2.AlertReceipt:
    """Tells of a signal that fires for 5 seconds, ends, and begins again after each pause; it fires in the end."""
    begin = -7000.0
    for _ in range(times):
        await intake.send(report(component, begin, alertname=signal))
        await intake.send(report(component, begin, begin + 5, alertname=signal))
        begin += 5 + pause
    return (await intake.send(report(component, begin, alertname=signal)))[0]


async def flaps(intake: Intake, incident: str) -> int:
    return (await intake.incident(incident)).evidence.flap_count


async def test_an_incident_of_alerts_that_did_not_flap_says_so_and_a_declared_one_says_nothing(intake: Intake) -> None:
    quiet = (await intake.incident(await intake.open())).evidence
    assert (quiet.HasField("flap_count"), quiet.flap_count) == (True, 0)
    declared = await intake.life.DeclareIncident(DeclareIncidentRequest(title="it smells of smoke", components=[fresh()]))
    assert not declared.incident.evidence.HasField("flap_count")


async def test_an_alert_that_goes_on_after_each_end_counts_each_time(intake: Intake) -> None:
    component = fresh()
    last = await flap(intake, component, 3, pause=10)
    assert last.outcome == REFIRED
    assert await flaps(intake, last.incident) == 3


async def test_a_signal_that_begins_again_as_another_alert_of_the_incident_counts_as_well(intake: Intake) -> None:
    component = fresh()
    keeper = await intake.send(report(component, -7200, alertname="keeps it open"))
    last = await flap(intake, component, 4, pause=60)
    found = await intake.incident(last.incident)
    assert (found.name, found.alert_count, found.evidence.flap_count) == (keeper[0].incident, 6, 4)


async def test_the_signal_that_did_so_most_counts_and_not_their_sum(intake: Intake) -> None:
    component = fresh()
    for signal, times in (("a", 2), ("b", 3), ("c", 1)):
        last = await flap(intake, component, times, pause=10, signal=signal)
    assert await flaps(intake, last.incident) == 3


async def test_after_a_split_each_incident_counts_its_own_and_after_a_merge_the_most(intake: Intake) -> None:
    component = fresh()
    calm = (await intake.send(report(component, -7100, alertname="calm")))[0]
    wild = await flap(intake, component, 2, pause=10, signal="wild")
    await intake.send(report(component, -7000, -6994, alertname="wild"))  # another replica tells the first end a second later
    request = shaping.SplitIncidentRequest(name=calm.incident, alerts=[wild.alert], reason="two faults")
    made = (await intake.life.SplitIncident(request)).split
    assert (await flaps(intake, calm.incident), await flaps(intake, made.name)) == (0, 2)
    await intake.life.MergeIncidents(shaping.MergeIncidentsRequest(into=calm.incident, incidents=[made.name], reason="one after all"))
    assert await flaps(intake, calm.incident) == 2


async def test_the_least_redundancy_that_any_alert_tells_of_counts_and_what_cannot_be_read_is_said(intake: Intake) -> None:
    component = fresh()
    told = [report(component, 0, alertname=f"zone {number}") for number in range(3)]
    for each, left in zip(told, ("2/3", "1/3", "most"), strict=True):
        each.annotations["ballast.redundancy_left"] = left
    incident = (await intake.send(*told))[0].incident
    assert (await intake.incident(incident)).evidence.redundancy_left == pytest.approx(0.33)
    assert any(kind == "WARNING" and "redundancy_left is not used: must be a share" in text for kind, text in await intake.told(incident))
    assert not (await intake.incident(await intake.open())).evidence.HasField("redundancy_left")
