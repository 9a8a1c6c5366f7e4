"""Working on incidents over the wire: reading, listing, taking, ending, and writing down what happened."""

import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ballast.intake.v1 import incident_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from services.intake.storage import incident_pages
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput, NotFound, PreconditionFailed
from tests.conftest import START
from tests.support.intake import Intake, intake_serving, report

OPEN, ACKNOWLEDGED, RESOLVED = (
    incident_pb2.INCIDENT_STATE_OPEN,
    incident_pb2.INCIDENT_STATE_ACKNOWLEDGED,
    incident_pb2.INCIDENT_STATE_RESOLVED,
)
NOBODY = f"incidents/{uuid.UUID(int=0)}"


@pytest.fixture(scope="module")
async def intake(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Intake]:
    async with intake_serving(urls, engines, clock) as running:
        yield running


def at(seconds: float) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(START + timedelta(seconds=seconds))
    return stamp


async def get(intake: Intake, name: str) -> incident_pb2.Incident:
    return (await intake.rpc.GetIncident(pb.GetIncidentRequest(name=name))).incident


async def timeline(intake: Intake, name: str, page_size: int = 0) -> list[incident_pb2.TimelineEntry]:
    entries: list[incident_pb2.TimelineEntry] = []
    token = ""
    while True:
        page = await intake.rpc.ListTimeline(pb.ListTimelineRequest(incident=name, page_size=page_size, page_token=token))
        entries += page.entries
        token = page.next_page_token
        if not token:
            return entries


def told(entries: Sequence[incident_pb2.TimelineEntry]) -> list[tuple[str, str]]:
    return [(incident_pb2.TimelineKind.Name(each.kind).removeprefix("TIMELINE_KIND_"), each.text) for each in entries]


# One incident.


async def test_an_incident_tells_what_its_first_alert_said(intake: Intake) -> None:
    component = uuid.uuid4().hex
    built = report(component, starts_at=-120, alertname="Slow")
    built.annotations.update(
        {"summary": "checkout is slow", "description": "p99 over 2 s", "ballast.users_affected": "1200", "ballast.workaround": "false"}
    )
    found = await get(intake, (await intake.send(built))[0].incident)
    assert (found.title, found.summary, found.state) == ("checkout is slow", "p99 over 2 s", OPEN)
    assert (list(found.components), dict(found.group_labels)) == ([component], {"component": component})
    assert (found.opened_at, found.alert_count, found.firing_count, found.etag) == (at(-120), 1, 1, "v1")
    assert not found.HasField("acknowledged_at")
    assert not found.HasField("resolved_at")
    assert (found.evidence.users_affected, found.evidence.workaround) == (1200, False)
    assert found.evidence.HasField("workaround")
    assert not found.evidence.HasField("security")


async def test_taking_an_incident_is_written_down_with_who_took_it_and_when(intake: Intake) -> None:
    name = await intake.open()
    taken = (await intake.rpc.AcknowledgeIncident(pb.AcknowledgeIncidentRequest(name=name, occurred_at=at(30), note="on it"))).incident
    assert (taken.state, taken.acknowledged_at, taken.etag) == (ACKNOWLEDGED, at(30), "v2")
    entry = (await timeline(intake, name))[-1]
    assert (entry.text, entry.actor, entry.occurred_at) == ("on it", "ada", at(30))
    assert entry.kind == incident_pb2.TIMELINE_KIND_ACKNOWLEDGED


async def test_taking_it_twice_changes_nothing(intake: Intake) -> None:
    name = await intake.open()
    first = (await intake.rpc.AcknowledgeIncident(pb.AcknowledgeIncidentRequest(name=name))).incident
    second = (await intake.rpc.AcknowledgeIncident(pb.AcknowledgeIncidentRequest(name=name, note="me too"))).incident
    assert second == first
    assert [kind for kind, _ in told(await timeline(intake, name))] == ["OPENED", "ACKNOWLEDGED"]


async def test_what_is_over_cannot_be_taken(intake: Intake) -> None:
    name = await intake.open()
    await intake.rpc.ResolveIncident(pb.ResolveIncidentRequest(name=name, force=True))
    with pytest.raises(PreconditionFailed) as error:
        await intake.rpc.AcknowledgeIncident(pb.AcknowledgeIncidentRequest(name=name))
    assert error.value.reason == "INCIDENT_RESOLVED"


async def test_firing_alerts_stand_in_the_way_of_resolving_unless_forced(intake: Intake) -> None:
    name = await intake.open()
    with pytest.raises(PreconditionFailed) as error:
        await intake.rpc.ResolveIncident(pb.ResolveIncidentRequest(name=name))
    assert error.value.reason == "ALERTS_FIRING"
    assert (await get(intake, name)).state == OPEN
    over = (await intake.rpc.ResolveIncident(pb.ResolveIncidentRequest(name=name, occurred_at=at(90), force=True))).incident
    assert (over.state, over.resolved_at, over.firing_count) == (RESOLVED, at(90), 1)
    assert told(await timeline(intake, name))[-1] == ("RESOLVED", "resolved while 1 alert fires")


async def test_resolving_it_twice_changes_nothing(intake: Intake) -> None:
    name = await intake.open()
    first = (await intake.rpc.ResolveIncident(pb.ResolveIncidentRequest(name=name, force=True))).incident
    assert (await intake.rpc.ResolveIncident(pb.ResolveIncidentRequest(name=name))).incident == first


async def test_an_alert_of_an_incident_resolved_by_force_stays_with_it_until_it_ends(intake: Intake) -> None:
    component = uuid.uuid4().hex
    name = await intake.open(component)
    await intake.rpc.ResolveIncident(pb.ResolveIncidentRequest(name=name, force=True))
    assert (await intake.send(report(component)))[0].incident == name
    assert (await intake.send(report(component, ends_at=60)))[0].incident == name
    over = await get(intake, name)
    assert (over.state, over.firing_count) == (RESOLVED, 0)
    again = (await intake.send(report(component, starts_at=120)))[0].incident
    assert again != name


async def test_another_alert_of_a_resolved_incidents_group_opens_a_new_one(intake: Intake) -> None:
    component = uuid.uuid4().hex
    name = await intake.open(component)
    await intake.rpc.ResolveIncident(pb.ResolveIncidentRequest(name=name, force=True))
    assert (await intake.send(report(component, alertname="other")))[0].incident != name


@pytest.mark.parametrize(
    "call",
    [
        lambda rpc: rpc.GetIncident(pb.GetIncidentRequest(name=NOBODY)),
        lambda rpc: rpc.AcknowledgeIncident(pb.AcknowledgeIncidentRequest(name=NOBODY)),
        lambda rpc: rpc.ResolveIncident(pb.ResolveIncidentRequest(name=NOBODY)),
        lambda rpc: rpc.AddTimelineEntry(pb.AddTimelineEntryRequest(incident=NOBODY, text="?")),
        lambda rpc: rpc.ListTimeline(pb.ListTimelineRequest(incident=NOBODY)),
    ],
    ids=["get", "acknowledge", "resolve", "add", "list"],
)
async def test_nothing_can_be_done_with_an_incident_that_does_not_exist(intake: Intake, call: Callable[..., object]) -> None:
    with pytest.raises(NotFound) as error:
        await call(intake.rpc)  # type: ignore[misc]  # a call of a stub
    assert (error.value.reason, error.value.metadata["name"]) == ("INCIDENT_NOT_FOUND", NOBODY)


async def test_what_has_not_happened_yet_cannot_be_written_down(intake: Intake) -> None:
    name = await intake.open()
    for call in (
        intake.rpc.AcknowledgeIncident(pb.AcknowledgeIncidentRequest(name=name, occurred_at=at(660))),
        intake.rpc.ResolveIncident(pb.ResolveIncidentRequest(name=name, occurred_at=at(660), force=True)),
        intake.rpc.AddTimelineEntry(pb.AddTimelineEntryRequest(incident=name, occurred_at=at(660), text="soon")),
    ):
        with pytest.raises(InvalidInput, match="lies in the future; leave it out if it happens now") as error:
            await call
        assert [each.field for each in error.value.violations] == ["occurred_at"]
    assert len(await timeline(intake, name)) == 1


# The time-line.


async def test_a_time_line_tells_an_incidents_life_in_the_order_things_happened(intake: Intake) -> None:
    component = uuid.uuid4().hex
    name = await intake.open(component, starts_at=-300)
    await intake.rpc.AddTimelineEntry(
        pb.AddTimelineEntryRequest(incident=name, occurred_at=at(-100), text="rolled back to 41", evidence_url="https://ci/41")
    )
    await intake.send(report(component, starts_at=-200, alertname="other"))
    await intake.rpc.AcknowledgeIncident(pb.AcknowledgeIncidentRequest(name=name, occurred_at=at(-250)))
    await intake.send(report(component, starts_at=-300, ends_at=-60), report(component, starts_at=-200, ends_at=-50, alertname="other"))
    entries = await timeline(intake, name)
    assert told(entries) == [
        ("OPENED", "opened by 1 alert from test"),
        ("ACKNOWLEDGED", "taken"),
        ("ALERTS", "1 alert joined from test"),
        ("NOTE", "rolled back to 41"),
        ("ALERTS", "2 alerts ended, 0 still firing"),
        ("RESOLVED", "resolved: its last firing alert ended"),
    ]
    assert [each.occurred_at for each in entries] == [at(-300), at(-250), at(-200), at(-100), at(-50), at(-50)]
    assert entries[3].evidence_url == "https://ci/41"
    assert all(each.name.startswith(f"{name}/timelineEntries/") for each in entries)


async def test_things_that_happened_at_once_are_told_in_the_order_they_were_written_down(intake: Intake) -> None:
    name = await intake.open()
    texts = [f"step {number}" for number in range(12)]
    for text in texts:
        await intake.rpc.AddTimelineEntry(pb.AddTimelineEntryRequest(incident=name, text=text))
    assert [text for kind, text in told(await timeline(intake, name)) if kind == "NOTE"] == texts


@pytest.mark.parametrize("page_size", [1, 3, 100])
async def test_a_time_line_comes_in_pages_without_gap_or_repeat(intake: Intake, page_size: int) -> None:
    name = await intake.open()
    for number in range(7):
        await intake.rpc.AddTimelineEntry(pb.AddTimelineEntryRequest(incident=name, occurred_at=at(number % 3), text=str(number)))
    notes = [text for kind, text in told(await timeline(intake, name, page_size)) if kind == "NOTE"]
    assert notes == ["0", "3", "6", "1", "4", "2", "5"]


async def test_annotations_that_cannot_be_read_are_warned_of_on_the_time_line(intake: Intake) -> None:
    built = report(uuid.uuid4().hex)
    built.annotations.update({"ballast.users_affected": "many", "ballast.security": "true", "ballast.colour": "red"})
    name = (await intake.send(built))[0].incident
    warnings = [text for kind, text in told(await timeline(intake, name)) if kind == "WARNING"]
    assert warnings[1] == "annotation ballast.users_affected is not used: must be a whole number, as 1200"
    assert warnings[0].startswith("annotation ballast.colour is not used: known are ballast.users_affected, ")
    assert (await get(intake, name)).evidence.security
    built.annotations["ballast.data_loss"] = "true"
    await intake.send(built)  # news, but the same mistakes
    assert (await get(intake, name)).evidence.data_loss
    assert len([1 for kind, _ in told(await timeline(intake, name)) if kind == "WARNING"]) == 2


# Lists.


@pytest.fixture(scope="module")
async def listed(intake: Intake, clock: SimulatedClock) -> list[incident_pb2.Incident]:
    """Nine incidents that differ in when they opened and changed, and in how many alerts they have, with ties in each."""
    names = []
    for number in range(9):
        component = f"listed-{number}"
        names.append(await intake.open(component, starts_at=-(number * 7 % 5) * 100))
        for extra in range(number % 3):
            await intake.send(report(component, alertname=f"extra-{extra}"))
    for number, name in enumerate(names):
        if number % 2:
            clock.advance(clock.now() + timedelta(milliseconds=1500))
            await intake.rpc.AcknowledgeIncident(pb.AcknowledgeIncidentRequest(name=name))
    await intake.rpc.ResolveIncident(pb.ResolveIncidentRequest(name=names[0], force=True))
    return [await get(intake, name) for name in names]


COMPONENTS = [f"listed-{number}" for number in range(9)]


async def pages(intake: Intake, order_by: str = "", page_size: int = 2, **conditions: Any) -> list[list[str]]:
    chosen = pb.IncidentFilter(**({"components": COMPONENTS} | conditions))
    found: list[list[str]] = []
    token = ""
    while True:
        request = pb.ListIncidentsRequest(filter=chosen, order_by=order_by, page_size=page_size, page_token=token)
        page = await intake.rpc.ListIncidents(request)
        found.append([each.name for each in page.incidents])
        token = page.next_page_token
        if not token:
            return found


def moment(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)


KEYS: dict[str, Callable[[incident_pb2.Incident], object]] = {
    "opened_at": lambda each: moment(each.opened_at),
    "update_time": lambda each: moment(each.update_time),
    "alert_count": lambda each: each.alert_count,
}


@pytest.mark.parametrize("page_size", [1, 2, 4, 9, 100])
@pytest.mark.parametrize("order_by", ["", *KEYS, *(f"{key} desc" for key in KEYS), "opened_at asc"])
async def test_incidents_come_in_the_order_asked_for_without_gap_or_repeat(
    intake: Intake, listed: list[incident_pb2.Incident], order_by: str, page_size: int
) -> None:
    key, _, direction = (order_by or "opened_at desc").partition(" ")
    expected = sorted(listed, key=lambda each: (KEYS[key](each), each.name), reverse=direction == "desc")
    found = await pages(intake, order_by, page_size)
    assert [name for page in found for name in page] == [each.name for each in expected]
    assert [len(page) for page in found[:-1]] == [page_size] * (len(found) - 1)
    assert found[-1]


@pytest.mark.parametrize("few", [0, 3, 8, 9])
@pytest.mark.parametrize("order_by", ["update_time desc", "alert_count"])
async def test_a_list_is_the_same_whether_its_components_have_few_incidents_or_many(
    intake: Intake, listed: list[incident_pb2.Incident], monkeypatch: pytest.MonkeyPatch, order_by: str, few: int
) -> None:
    expected = await pages(intake, order_by, states=[OPEN, ACKNOWLEDGED], opened_from=at(-300))
    monkeypatch.setattr(incident_pages, "FEW", few)
    assert await pages(intake, order_by, states=[OPEN, ACKNOWLEDGED], opened_from=at(-300)) == expected
    assert len(expected) > 1


async def test_a_list_goes_on_after_its_place_whatever_was_added_before_it(intake: Intake, listed: list[incident_pb2.Incident]) -> None:
    chosen = pb.IncidentFilter(components=[*COMPONENTS, "added"])
    first = await intake.rpc.ListIncidents(pb.ListIncidentsRequest(filter=chosen, order_by="opened_at desc", page_size=4))
    added = await intake.open("added", starts_at=500)
    rest = await intake.rpc.ListIncidents(
        pb.ListIncidentsRequest(filter=chosen, order_by="opened_at desc", page_token=first.next_page_token)
    )
    names = [each.name for each in [*first.incidents, *rest.incidents]]
    assert sorted(names) == sorted(each.name for each in listed)
    assert added not in names


async def names_of(intake: Intake, **conditions: Any) -> set[str]:
    return {name for page in await pages(intake, page_size=100, **conditions) for name in page}


async def test_incidents_are_filtered_by_state(intake: Intake, listed: list[incident_pb2.Incident]) -> None:
    for states in ([OPEN], [ACKNOWLEDGED], [RESOLVED], [OPEN, RESOLVED], []):
        wanted = {each.name for each in listed if not states or each.state in states}
        assert await names_of(intake, states=states) == wanted
        assert wanted


async def test_incidents_are_filtered_by_component(intake: Intake, listed: list[incident_pb2.Incident]) -> None:
    assert await names_of(intake, components=["listed-3", "listed-7", "nobody"]) == {listed[3].name, listed[7].name}
    assert await names_of(intake, components=["nobody"]) == set()


async def test_incidents_are_filtered_by_when_they_opened_from_a_time_on_and_before_another(
    intake: Intake, listed: list[incident_pb2.Incident]
) -> None:
    wanted = {each.name for each in listed if START - timedelta(seconds=300) <= moment(each.opened_at) < START - timedelta(seconds=100)}
    assert await names_of(intake, opened_from=at(-300), opened_before=at(-100)) == wanted
    assert 0 < len(wanted) < 9


async def test_conditions_must_all_hold(intake: Intake, listed: list[incident_pb2.Incident]) -> None:
    wanted = {each.name for each in listed if each.state == ACKNOWLEDGED and moment(each.opened_at) >= START - timedelta(seconds=200)}
    assert await names_of(intake, states=[ACKNOWLEDGED], opened_from=at(-200)) == wanted
    assert wanted


@pytest.mark.parametrize("order_by", ["colour", "opened_at down", "opened_at  desc", "title", " ", "opened_at desc, title"])
async def test_an_order_that_does_not_exist_is_refused_with_those_that_do(intake: Intake, order_by: str) -> None:
    with pytest.raises(InvalidInput, match="use one of opened_at, update_time, alert_count, with ` desc` if wanted") as error:
        await intake.rpc.ListIncidents(pb.ListIncidentsRequest(order_by=order_by))
    assert (error.value.reason, [each.field for each in error.value.violations]) == ("ORDER_BY_INVALID", ["order_by"])


@pytest.mark.parametrize(("field", "value"), [("page_size", -1), ("page_size", 1001), ("order_by", "x" * 65), ("page_token", "x" * 2049)])
async def test_a_list_field_out_of_its_range_is_refused(intake: Intake, field: str, value: object) -> None:
    with pytest.raises(InvalidInput) as error:
        await intake.rpc.ListIncidents(pb.ListIncidentsRequest(**{field: value}))  # type: ignore[arg-type]
    assert [each.field for each in error.value.violations] == [field]
