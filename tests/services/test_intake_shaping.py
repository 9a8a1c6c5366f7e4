"""Merging and splitting incidents over the wire: every alert in one incident and counted once, also while alerts stream in."""

import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from ballast.intake.v1 import alert_pb2
from ballast.intake.v1 import incident_pb2 as m
from ballast.intake.v1 import incident_shaping_pb2 as pb
from ballast.intake.v1 import intake_service_pb2 as intake_pb
from ballast.intake.v1.incident_service_pb2 import AssignRoleRequest, DeclareIncidentRequest, MitigateIncidentRequest

from services.intake.storage.shaping_store import ShapingStore
from services.intake.usecases.occasion import Occasion
from services.intake.usecases.shaping import Shapings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import BallastError, Conflict, InvalidInput, NotFound, PreconditionFailed
from shared.ids import uuid_of
from tests.support.intake import Intake, intake_serving, report

OPEN, ACKNOWLEDGED, RESOLVED = m.INCIDENT_STATE_OPEN, m.INCIDENT_STATE_ACKNOWLEDGED, m.INCIDENT_STATE_RESOLVED
_numbers = itertools.count()


@pytest.fixture(scope="module")
async def intake(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Intake]:
    async with intake_serving(urls, engines, clock) as running:
        yield running


def fresh() -> str:
    return f"component-{next(_numbers)}"


def said(built: alert_pb2.AlertReport, **annotations: str) -> alert_pb2.AlertReport:
    built.annotations.update({f"ballast.{key}": value for key, value in annotations.items()})
    return built


async def merged(intake: Intake, target: str, *incidents: str, **fields: Any) -> pb.MergeIncidentsResponse:
    values: dict[str, Any] = {"into": target, "incidents": incidents, "reason": "the same fault"} | fields
    return await intake.life.MergeIncidents(pb.MergeIncidentsRequest(**values))


async def split(intake: Intake, source: str, *alerts: str, **fields: Any) -> pb.SplitIncidentResponse:
    values: dict[str, Any] = {"name": source, "alerts": alerts, "reason": "two faults"} | fields
    return await intake.life.SplitIncident(pb.SplitIncidentRequest(**values))


async def resolved(intake: Intake, name: str) -> None:
    await intake.rpc.ResolveIncident(intake_pb.ResolveIncidentRequest(name=name, force=True))


async def check_counts(intake: Intake, name: str) -> None:
    """What an incident says of its alerts is what they are."""
    found, alerts = await intake.incident(name), await intake.alerts(name)
    firing = [each for each in alerts if each.state == alert_pb2.ALERT_STATE_FIRING]
    assert (found.alert_count, found.firing_count) == (len(alerts), len(firing))


# Merging.


async def test_a_merge_moves_alerts_counts_evidence_components_and_the_opening(intake: Intake) -> None:
    web, db = fresh(), fresh()
    into = (await intake.send(said(report(web, 10), users_affected="5")))[0].incident
    one = (await intake.send(said(report(db, -50), users_affected="900"), report(db, -40, alertname="lag")))[0].incident
    answer = await merged(intake, into, one)
    stays, went = answer.incident, answer.merged[0]
    assert (stays.alert_count, stays.firing_count, stays.evidence.users_affected) == (3, 3, 900)
    assert list(stays.components) == sorted([web, db])
    assert (stays.opened_at, stays.etag, stays.merged_into) == (report(db, -50).starts_at, "v2", "")
    assert (went.state, went.merged_into, went.alert_count, went.firing_count) == (RESOLVED, into, 0, 0)
    assert await intake.incident(one) == went
    assert await intake.incident(into) == stays
    assert {each.incident for each in await intake.alerts(into)} == {into}
    assert await intake.alerts(one) == []
    assert ("MERGED", f"took over {one}, “{went.title}”, with 2 alerts: the same fault") in await intake.told(into)
    assert ("MERGED", f"merged into {into}, “{stays.title}”: the same fault") in await intake.told(one)


async def test_what_the_groups_of_merged_incidents_bring_comes_to_the_one_that_stays(intake: Intake) -> None:
    web, db, cache = fresh(), fresh(), fresh()
    into, one, two = await intake.open(web), await intake.open(db), await intake.open(cache)
    await merged(intake, into, one, two)
    receipts = await intake.send(*(report(each, 5, alertname="other") for each in (web, db, cache)))
    assert {each.incident for each in receipts} == {into}
    assert (await intake.send(report(db)))[0].incident == into  # a repeat of an alert that moved
    assert (await intake.send(report(db, ends_at=20)))[0].incident == into
    assert (await intake.incident(into)).firing_count == 5
    await intake.send(*(report(each, 5, 30, alertname="other") for each in (web, db, cache)), report(web, 0, 31), report(cache, 0, 32))
    over = await intake.incident(into)
    assert (over.state, over.alert_count, over.firing_count, over.resolved_at) == (RESOLVED, 6, 0, report("x", 32).starts_at)
    await check_counts(intake, into)


async def test_merged_again_all_groups_lead_to_the_last_one(intake: Intake) -> None:
    components = [fresh() for _ in range(3)]
    first, second, third = [await intake.open(each) for each in components]
    await merged(intake, second, first)
    await merged(intake, third, second)
    assert {each.incident for each in await intake.send(*(report(each, 1, alertname="x") for each in components))} == {third}
    assert [(await intake.incident(each)).merged_into for each in (first, second)] == [second, third]


async def test_the_one_that_stays_keeps_how_it_stands_and_what_was_said_of_it(intake: Intake) -> None:
    into, one = await intake.open(), await intake.open()
    await intake.life.AssignRole(AssignRoleRequest(name=into, role=m.INCIDENT_ROLE_COMMANDER, person="ada"))
    await intake.life.MitigateIncident(MitigateIncidentRequest(name=into))
    before = await intake.incident(into)
    after = (await merged(intake, into, one)).incident
    assert (after.state, after.title, list(after.roles)) == (before.state, before.title, list(before.roles))


async def test_alerts_are_moved_into_a_declared_incident(intake: Intake) -> None:
    component = fresh()
    name = (await intake.life.DeclareIncident(DeclareIncidentRequest(title="checkout is down"))).incident.name
    await merged(intake, name, await intake.open(component))
    assert (await intake.send(report(component, 9, alertname="more")))[0].incident == name
    found = await intake.incident(name)
    assert (found.title, found.alert_count, list(found.components)) == ("checkout is down", 2, [component])


async def test_an_incident_that_is_over_goes_into_another_and_keeps_its_end(intake: Intake) -> None:
    component = fresh()
    one = await intake.open(component)
    await intake.send(report(component, ends_at=40))
    into = await intake.open()
    went = (await merged(intake, into, one)).merged[0]
    assert went.resolved_at == report("x", 40).starts_at
    await check_counts(intake, into)


async def test_a_preview_says_what_a_merge_would_give_and_changes_nothing(intake: Intake) -> None:
    into, one = await intake.open(), await intake.open()
    shown = await merged(intake, into, one, validate_only=True)
    assert (shown.incident.alert_count, shown.merged[0].merged_into) == (2, into)
    assert [(await intake.incident(each)).etag for each in (into, one)] == ["v1", "v1"]
    assert [len(await intake.alerts(each)) for each in (into, one)] == [1, 1]
    assert len(await intake.told(into)) == 1
    assert (await merged(intake, into, one)).incident == shown.incident


async def test_a_merge_into_itself_is_refused_by_its_place(intake: Intake) -> None:
    into, one = await intake.open(), await intake.open()
    with pytest.raises(InvalidInput) as error:
        await merged(intake, into, one, into)
    assert (error.value.reason, [each.field for each in error.value.violations]) == ("MERGE_INTO_ITSELF", ["incidents[1]"])


async def test_a_merge_of_the_unknown_names_all_of_them_and_changes_nothing(intake: Intake) -> None:
    into, one = await intake.open(), await intake.open()
    unknown = [f"incidents/{uuid.uuid4()}" for _ in range(2)]
    with pytest.raises(NotFound) as error:
        await merged(intake, into, unknown[0], one, unknown[1])
    assert (error.value.reason, error.value.metadata["name"]) == ("INCIDENT_NOT_FOUND", ", ".join(unknown))
    assert (await intake.incident(one)).merged_into == ""


async def test_a_merge_into_what_is_over_asks_to_reopen_it_first(intake: Intake) -> None:
    into, one = await intake.open(), await intake.open()
    await resolved(intake, into)
    with pytest.raises(PreconditionFailed, match="reopen it first") as error:
        await merged(intake, into, one)
    assert error.value.reason == "MERGE_INTO_RESOLVED"
    await intake.life.ReopenIncident(pb.ReopenIncidentRequest(name=into, reason="to merge"))
    assert (await merged(intake, into, one)).incident.alert_count == 2


async def test_one_merge_of_several_is_refused_whole_when_one_was_merged_before(intake: Intake) -> None:
    into, one, two = await intake.open(), await intake.open(), await intake.open()
    await merged(intake, into, one)
    other = await intake.open()
    with pytest.raises(PreconditionFailed) as error:
        await merged(intake, other, two, one)
    assert (error.value.reason, error.value.metadata) == ("INCIDENT_MERGED", {"name": one, "merged_into": into})
    assert (await intake.incident(two)).state == OPEN


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("incidents", {"incidents": []}),
        ("incidents", {"incidents": [f"incidents/{uuid.UUID(int=1)}"] * 2}),
        ("incidents", {"incidents": [f"incidents/{uuid.UUID(int=number)}" for number in range(51)]}),
        ("incidents[0]", {"incidents": ["alerts/1"]}),
        ("into", {"into": "checkout"}),
        ("reason", {"reason": ""}),
        ("evidence_url", {"evidence_url": "data:,x"}),
    ],
)
async def test_a_merge_that_cannot_be_is_refused_by_field(intake: Intake, field: str, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as error:
        await merged(intake, f"incidents/{uuid.UUID(int=7)}", f"incidents/{uuid.UUID(int=8)}", **fields)
    assert {each.field for each in error.value.violations} == {field}


async def test_a_merge_repeated_with_its_request_id_happens_once_and_of_another_version_not_at_all(intake: Intake) -> None:
    into, one = await intake.open(), await intake.open()
    with pytest.raises(Conflict):
        await merged(intake, into, one, etag="v9")
    request_id = str(uuid.uuid4())
    first = await merged(intake, into, one, request_id=request_id, etag="v1")
    assert await merged(intake, into, one, request_id=request_id, etag="v1") == first
    assert (await intake.incident(into)).etag == "v2"


# Splitting.


async def test_a_split_moves_alerts_into_an_incident_of_their_own(intake: Intake) -> None:
    web = fresh()
    receipts = await intake.send(
        said(report(web, 0, alertname="slow"), users_affected="10"),
        said(report(web, 20, alertname="disk", host="a"), users_affected="700", data_loss="true"),
        report(web, 30, alertname="disk", host="b"),
    )
    name, chosen = receipts[0].incident, [each.alert for each in receipts[1:]]
    answer = await split(intake, name, *chosen, title="disk of web")
    old, new = answer.incident, answer.split
    assert (old.alert_count, old.firing_count, old.evidence.users_affected, old.evidence.HasField("data_loss")) == (1, 1, 10, False)
    assert (new.alert_count, new.firing_count, new.evidence.users_affected, new.evidence.data_loss) == (2, 2, 700, True)
    assert (new.title, new.state, new.opened_at, list(new.components)) == ("disk of web", OPEN, report("x", 20).starts_at, [web])
    assert (new.etag, new.kind, old.etag) == ("v1", m.INCIDENT_KIND_ALERTS, "v2")
    assert {each.name for each in await intake.alerts(new.name)} == set(chosen)
    assert await intake.incident(name) == old
    assert await intake.incident(new.name) == new
    gave = f"2 alerts went to {new.name}, “disk of web”; 1 alert left, 1 firing: two faults"
    came = f"split from {name}, “{old.title}”, with 2 alerts, 2 firing: two faults"
    assert ("SPLIT", gave) in await intake.told(name)
    assert await intake.told(new.name) == [("OPENED", came)]


async def test_after_a_split_each_alert_ends_where_it_is_and_new_ones_stay_with_the_old_incident(intake: Intake) -> None:
    web = fresh()
    receipts = await intake.send(report(web, alertname="slow"), report(web, alertname="disk"))
    name = receipts[0].incident
    new = (await split(intake, name, receipts[1].alert)).split.name
    ended = await intake.send(report(web, ends_at=50, alertname="disk"))
    assert (ended[0].incident, (await intake.incident(new)).state) == (new, RESOLVED)
    assert (await intake.send(report(web, 66, alertname="disk")))[0].incident == name  # a new firing, well after, is a new alert
    assert ((await intake.incident(name)).firing_count, (await intake.incident(name)).state) == (2, OPEN)
    for each in (name, new):
        await check_counts(intake, each)


async def test_what_is_split_off_is_taken_if_the_old_incident_was_and_over_if_nothing_in_it_fires(intake: Intake) -> None:
    web = fresh()
    receipts = await intake.send(report(web, alertname="a"), report(web, 5, alertname="b"), report(web, 6, alertname="c"))
    name = receipts[0].incident
    await intake.send(report(web, 6, 90, alertname="c"))
    await intake.rpc.AcknowledgeIncident(intake_pb.AcknowledgeIncidentRequest(name=name))
    taken = (await split(intake, name, receipts[1].alert)).split
    over = (await split(intake, name, receipts[2].alert)).split
    assert (taken.state, taken.HasField("acknowledged_at"), taken.title) == (ACKNOWLEDGED, True, (await intake.incident(name)).title)
    assert (over.state, over.resolved_at) == (RESOLVED, report("x", 90).starts_at)
    assert (await intake.told(over.name))[-1] == ("RESOLVED", "resolved: none of its alerts fires")


async def test_the_old_incident_stands_as_it_stood_when_all_that_fires_went(intake: Intake) -> None:
    web = fresh()
    receipts = await intake.send(report(web, 0, alertname="a"), report(web, 5, alertname="b"))
    await intake.send(report(web, 0, 9, alertname="a"))
    old = (await split(intake, receipts[0].incident, receipts[1].alert)).incident
    assert (old.state, old.firing_count) == (OPEN, 0)
    over = await intake.rpc.ResolveIncident(intake_pb.ResolveIncidentRequest(name=old.name))
    assert over.incident.state == RESOLVED


async def test_components_that_only_moved_alerts_name_are_gone_from_the_old_incident(intake: Intake) -> None:
    web, db = fresh(), fresh()
    into = await intake.open(web)
    one = await intake.send(report(db), report(db, alertname="x"))
    await merged(intake, into, one[0].incident)
    answer = await split(intake, into, one[0].alert)
    assert (list(answer.incident.components), list(answer.split.components)) == (sorted([web, db]), [db])
    answer = await split(intake, into, one[1].alert)
    assert list(answer.incident.components) == [web]


async def test_alerts_of_another_incident_are_refused_by_their_place_and_none_moves(intake: Intake) -> None:
    receipts = await intake.send(*(report(name := fresh(), alertname=each) for each in ("a", "b")), report(name, alertname="c"))
    assert len({each.incident for each in receipts}) == 2
    mine = [each for each in receipts if each.incident == receipts[1].incident]
    stranger, unknown = receipts[0].alert, f"alerts/{uuid.uuid4()}"
    with pytest.raises(InvalidInput, match="list its alerts") as error:
        await split(intake, mine[0].incident, stranger, mine[0].alert, unknown)
    assert error.value.reason == "ALERTS_NOT_OF_INCIDENT"
    assert [each.field for each in error.value.violations] == ["alerts[0]", "alerts[2]"]
    assert len(await intake.alerts(mine[0].incident)) == 2


async def test_a_split_that_would_leave_nothing_is_refused(intake: Intake) -> None:
    web = fresh()
    receipts = await intake.send(report(web, alertname="a"), report(web, alertname="b"))
    with pytest.raises(PreconditionFailed, match="leave at least one") as error:
        await split(intake, receipts[0].incident, *(each.alert for each in receipts))
    assert error.value.reason == "SPLIT_LEAVES_NOTHING"
    assert len(await intake.alerts(receipts[0].incident)) == 2


async def test_a_preview_says_what_a_split_would_give_and_changes_nothing(intake: Intake) -> None:
    web = fresh()
    receipts = await intake.send(report(web, alertname="a"), report(web, alertname="b"))
    name = receipts[0].incident
    before = await intake.incident(name)
    shown = await split(intake, name, receipts[0].alert, validate_only=True)
    assert (shown.incident.alert_count, shown.split.alert_count) == (1, 1)
    assert await intake.incident(name) == before
    assert len(await intake.alerts(name)) == 2
    with pytest.raises(NotFound):
        await intake.incident(shown.split.name)


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("alerts", {"alerts": []}),
        ("alerts", {"alerts": [f"alerts/{uuid.UUID(int=1)}"] * 2}),
        ("alerts", {"alerts": [f"alerts/{uuid.UUID(int=number)}" for number in range(1001)]}),
        ("alerts[0]", {"alerts": ["incidents/1"]}),
        ("name", {"name": "checkout"}),
        ("title", {"title": "x" * 201}),
        ("reason", {"reason": "\n"}),
    ],
)
async def test_a_split_that_cannot_be_is_refused_by_field(intake: Intake, field: str, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as error:
        await split(intake, f"incidents/{uuid.UUID(int=7)}", f"alerts/{uuid.UUID(int=8)}", **fields)
    assert {each.field for each in error.value.violations} == {field}


async def test_a_split_of_another_version_or_repeated_splits_once(intake: Intake) -> None:
    web = fresh()
    receipts = await intake.send(report(web, alertname="a"), report(web, alertname="b"))
    name, chosen = receipts[0].incident, receipts[0].alert
    with pytest.raises(Conflict):
        await split(intake, name, chosen, etag="v9")
    request_id = str(uuid.uuid4())
    first = await split(intake, name, chosen, request_id=request_id)
    assert await split(intake, name, chosen, request_id=request_id) == first


async def test_what_was_split_by_mistake_is_merged_back(intake: Intake) -> None:
    web = fresh()
    receipts = await intake.send(report(web, alertname="a"), report(web, alertname="b"))
    name = receipts[0].incident
    new = (await split(intake, name, receipts[0].alert)).split.name
    back = (await merged(intake, name, new)).incident
    assert (back.alert_count, back.firing_count) == (2, 2)
    await check_counts(intake, name)


# While others are at it.


async def test_two_merges_the_opposite_way_leave_one_of_the_two(intake: Intake) -> None:
    for _ in range(10):
        one, two = await intake.open(), await intake.open()
        answers = await asyncio.gather(merged(intake, one, two), merged(intake, two, one), return_exceptions=True)
        refused = [each for each in answers if isinstance(each, BallastError)]
        assert [each.reason for each in refused] == ["INCIDENT_MERGED"]
        found = [await intake.incident(each) for each in (one, two)]
        assert sorted(each.alert_count for each in found) == [0, 2]


async def test_alerts_that_stream_in_while_incidents_are_merged_and_split_are_neither_lost_nor_doubled(intake: Intake) -> None:
    components = [fresh() for _ in range(4)]
    names = [await intake.open(each) for each in components]
    receipts: dict[str, alert_pb2.AlertReceipt] = {}
    done = asyncio.Event()

    async def stream(worker: int) -> None:
        for number in itertools.count():
            if done.is_set():
                return
            told = [report(each, number, alertname=f"{worker}-{number}") for each in components]
            for each in await intake.send(*told):
                assert each.alert not in receipts
                receipts[each.alert] = each
            if number % 2:
                await intake.send(*(report(each, number - 1, number, alertname=f"{worker}-{number - 1}") for each in components))

    streams = [asyncio.create_task(stream(worker)) for worker in range(4)]
    into = names[0]
    for other in names[1:]:
        await asyncio.sleep(0.1)
        await merged(intake, into, other)
        chosen = [each.name for each in (await intake.alerts(into))[::3]]
        new = (await split(intake, into, *chosen)).split.name
        names.append(new)
        await asyncio.sleep(0.05)
        await merged(intake, into, new)
        chosen = [each.name for each in (await intake.alerts(into))[:5]]
        names.append((await split(intake, into, *chosen)).split.name)
    done.set()
    await asyncio.gather(*streams)
    found = [each for name in names for each in await alerts_of(intake, name)]
    assert len({each.name for each in found}) == len(found)
    assert {each.name for each in found} >= set(receipts)
    assert len(found) == len(receipts) + len(components)
    for name in names:
        alerts = await alerts_of(intake, name)
        incident = await intake.incident(name)
        assert (incident.alert_count, incident.firing_count) == (len(alerts), sum(each.state == 1 for each in alerts))
        assert not (incident.merged_into and alerts)


async def test_an_alert_that_is_moved_while_its_end_is_told_ends_where_it_is_by_then(intake: Intake, clock: SimulatedClock) -> None:
    """Its end comes by the locks of its first group, which a merge of where it went to does not take."""
    web = fresh()
    receipts = await intake.send(report(web, alertname="a"), report(web, alertname="b"), report(web, alertname="c"))
    went = (await split(intake, receipts[0].incident, receipts[0].alert, receipts[1].alert)).split.name
    into = await intake.open()
    moved, commit = asyncio.Event(), asyncio.Event()

    async def merge_slowly() -> None:
        shapings = Shapings(ShapingStore(intake.app.database, intake.app.outbox), clock, "component")
        async with intake.app.database.transaction():
            await shapings.merge(uuid_of(into), [uuid_of(went)], Occasion(text="slowly"))
            moved.set()
            await commit.wait()

    merging = asyncio.create_task(merge_slowly())
    await moved.wait()
    told = asyncio.create_task(intake.send(report(web, ends_at=50, alertname="a"), report(web, ends_at=51, alertname="c")))
    await asyncio.sleep(0.3)
    assert not told.done()  # it waits for the incident it knew
    commit.set()
    await merging
    assert [each.incident for each in await told] == [into, receipts[2].incident]
    for each in (into, went, receipts[2].incident):
        await check_counts(intake, each)
    assert (await intake.incident(into)).firing_count == 2


async def alerts_of(intake: Intake, name: str) -> list[alert_pb2.Alert]:
    found: list[alert_pb2.Alert] = []
    token = ""
    while True:
        page = await intake.rpc.ListAlerts(intake_pb.ListAlertsRequest(incident=name, page_size=1000, page_token=token))
        found += page.alerts
        token = page.next_page_token
        if not token:
            return found


async def test_a_watcher_sees_each_change_of_a_merge_and_a_split_once(intake: Intake) -> None:
    stream = aiter(intake.rpc.WatchIncidents(intake_pb.WatchIncidentsRequest()))
    await anext(stream)
    web = fresh()
    receipts = await intake.send(report(web, alertname="a"), report(web, alertname="b"))
    name, other = receipts[0].incident, await intake.open()
    await merged(intake, name, other)
    new = (await split(intake, name, receipts[0].alert)).split.name
    last = await intake.open()
    seen: list[tuple[str, str]] = []
    async with asyncio.timeout(10):
        while not seen or seen[-1][0] != last:
            answer = await anext(stream)
            if answer.HasField("incident"):
                seen.append((answer.incident.name, answer.incident.etag))
    assert seen == [(name, "v1"), (other, "v1"), (name, "v2"), (other, "v2"), (new, "v1"), (name, "v3"), (last, "v1")]
