"""Changes over the wire: reported once however often they are told, listed, refused one by one, and evidence of incidents."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from ballast.intake.v1 import change_pb2, incident_pb2, intake_events_pb2
from ballast.intake.v1 import signal_messages_pb2 as pb
from sqlalchemy import text

from services.intake.domain.change import ChangeKind, ChangeReport, Opening, begun
from services.intake.storage.change_store import ChangeStore
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput, NotFound
from tests.conftest import START
from tests.support.intake import Intake, intake_serving
from tests.support.intake import report as alert
from tests.support.signals import NOBODY, at, change, incident_of, report, signals_of, timeline_of

if TYPE_CHECKING:
    from ballast.intake.v1.signal_service_pb2_grpc import SignalServiceAsyncStub

RECORDED, UPDATED, REPEATED = (
    change_pb2.CHANGE_REPORT_OUTCOME_RECORDED,
    change_pb2.CHANGE_REPORT_OUTCOME_UPDATED,
    change_pb2.CHANGE_REPORT_OUTCOME_REPEATED,
)
UNDER_WAY, SUCCEEDED, FAILED = (
    change_pb2.CHANGE_OUTCOME_UNDER_WAY,
    change_pb2.CHANGE_OUTCOME_SUCCEEDED,
    change_pb2.CHANGE_OUTCOME_FAILED,
)


@pytest.fixture(scope="module")
async def intake(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Intake]:
    async with intake_serving(urls, engines, clock) as running:
        yield running


@pytest.fixture(scope="module")
async def rpc(intake: Intake) -> "SignalServiceAsyncStub":
    return signals_of(intake)


async def get(rpc: "SignalServiceAsyncStub", name: str) -> change_pb2.Change:
    return (await rpc.GetChange(pb.GetChangeRequest(name=name))).change


async def listed(rpc: "SignalServiceAsyncStub", page_size: int = 0, **chosen: object) -> list[str]:
    names: list[str] = []
    token = ""
    while True:
        request = pb.ListChangesRequest(filter=pb.ChangeFilter(**chosen), page_size=page_size, page_token=token)  # type: ignore[arg-type]
        page = await rpc.ListChanges(request)
        names += [each.name for each in page.changes]
        token = page.next_page_token
        if not token:
            return names


# Reporting.


async def test_a_change_is_kept_as_it_was_told(rpc: "SignalServiceAsyncStub") -> None:
    sent = change(
        "checkout", "run 7", -600, -300, environment="production", summary="1.42", version="1.42.0", url="https://ci/7", author="ada"
    )
    (result,) = await report(rpc, sent)
    assert result.outcome == RECORDED
    kept = await get(rpc, result.change)
    assert (kept.source, kept.key, kept.kind, list(kept.components)) == ("ci", "run 7", change_pb2.CHANGE_KIND_DEPLOY, ["checkout"])
    assert (kept.environment, kept.summary, kept.version, kept.url, kept.author) == ("production", "1.42", "1.42.0", "https://ci/7", "ada")
    assert (kept.started_at, kept.finished_at, kept.outcome) == (at(-600), at(-300), SUCCEEDED)


async def test_a_change_first_told_as_begun_is_completed_when_its_end_is_told(rpc: "SignalServiceAsyncStub") -> None:
    component, key = uuid.uuid4().hex, uuid.uuid4().hex
    (begun,) = await report(rpc, change(component, key, -600, outcome=UNDER_WAY, summary="rolling out"))
    assert not (await get(rpc, begun.change)).HasField("finished_at")
    (ended,) = await report(rpc, change(component, key, end=-60, outcome=FAILED))
    assert (ended.change, ended.outcome) == (begun.change, UPDATED)
    kept = await get(rpc, begun.change)
    assert (kept.started_at, kept.finished_at, kept.outcome, kept.summary) == (at(-600), at(-60), FAILED, "rolling out")


async def test_the_same_change_told_again_is_a_repeat_and_what_is_over_stays_over(rpc: "SignalServiceAsyncStub") -> None:
    sent = change("checkout", uuid.uuid4().hex, -600, -60)
    (first,) = await report(rpc, sent)
    (again,) = await report(rpc, sent)
    assert (again.change, again.outcome) == (first.change, REPEATED)
    late = change("checkout", sent.key, -600, outcome=UNDER_WAY)
    (told_late,) = await report(rpc, late)
    assert (told_late.change, told_late.outcome) == (first.change, REPEATED)


async def test_a_change_without_times_is_over_when_it_is_received_and_stays_so(rpc: "SignalServiceAsyncStub") -> None:
    sent = change("checkout", uuid.uuid4().hex)
    assert [each.outcome for each in await report(rpc, sent) + await report(rpc, sent)] == [RECORDED, REPEATED]


async def test_the_same_key_of_another_source_is_another_change(rpc: "SignalServiceAsyncStub") -> None:
    sent = change("checkout")
    (ours,), (theirs,) = await report(rpc, sent), await report(rpc, sent, source="other")
    assert ours.change != theirs.change


async def test_a_change_twice_in_a_batch_is_one(rpc: "SignalServiceAsyncStub") -> None:
    key = uuid.uuid4().hex
    results = await report(rpc, change("checkout", key, -90, outcome=UNDER_WAY), change("checkout", key, -90, -30))
    assert [each.outcome for each in results] == [RECORDED, UPDATED]
    assert results[0].change == results[1].change


async def test_of_many_reports_of_the_same_changes_at_once_one_records_each(rpc: "SignalServiceAsyncStub") -> None:
    sent = [change("checkout", begin=-60) for _ in range(200)]
    answers = await asyncio.gather(*(report(rpc, *sent[turn:], *sent[:turn]) for turn in range(0, 200, 25)))
    outcomes = Counter((each.change, each.outcome) for results in answers for each in results)
    assert len({name for name, _ in outcomes}) == 200
    assert {(outcome, count) for (_, outcome), count in outcomes.items()} == {(RECORDED, 1), (REPEATED, 7)}


async def test_a_repeated_request_id_returns_the_first_answer(rpc: "SignalServiceAsyncStub") -> None:
    request = pb.ReportChangesRequest(request_id=str(uuid.uuid4()), source="ci", changes=[change("checkout")])
    assert await rpc.ReportChanges(request) == await rpc.ReportChanges(request)


async def test_a_change_is_told_to_others(intake: Intake, rpc: "SignalServiceAsyncStub") -> None:
    (result,) = await report(rpc, change("checkout", begin=-60))
    async with intake.app.database.transaction() as connection:
        rows = await connection.execute(text("select type from outbox where aggregateid = :name"), {"name": result.change})
        assert [row.type for row in rows] == [intake_events_pb2.ChangeReported.DESCRIPTOR.full_name]


# Refusals.


@pytest.mark.parametrize(
    ("broken", "reason", "field", "words"),
    [
        (change("a", begin=700), "CHANGE_TIME_INVALID", "started_at", "mend the sender's clock"),
        (change("a", end=700), "CHANGE_TIME_INVALID", "finished_at", "mend the sender's clock"),
        (change("a", begin=-7e8), "CHANGE_TIME_INVALID", "started_at", "more than 20 years back"),
        (change("a", begin=-10, end=-20), "CHANGE_TIME_INVALID", "finished_at", "before started_at"),
        (change("a", end=-20, outcome=UNDER_WAY), "CHANGE_TIME_INVALID", "finished_at", "says under way"),
        (change_pb2.ChangeReport(kind=change_pb2.CHANGE_KIND_FLAG), "FIELD_INVALID", "key", "do not leave it empty"),
        (change_pb2.ChangeReport(key="k"), "FIELD_INVALID", "kind", "choose one of the other values"),
        (change("a", kind=99), "FIELD_INVALID", "kind", "send one of CHANGE_"),
        (change("a", outcome=99), "FIELD_INVALID", "outcome", "send one of CHANGE_"),
        (change("a", summary="x" * 1025), "FIELD_INVALID", "summary", "shorten it"),
        (change("a\0b"), "FIELD_INVALID", "components[0]", "NUL"),
        (change("a", key="k\0"), "FIELD_INVALID", "key", "NUL"),
    ],
)
async def test_a_change_that_breaks_a_rule_is_refused_alone(
    rpc: "SignalServiceAsyncStub", broken: change_pb2.ChangeReport, reason: str, field: str, words: str
) -> None:
    good = change("checkout")
    results = await report(rpc, good, broken)
    assert results[0].outcome == RECORDED
    assert (results[1].change, results[1].outcome) == ("", change_pb2.CHANGE_REPORT_OUTCOME_UNSPECIFIED)
    assert (results[1].error.reason, results[1].error.field) == (reason, f"changes[1].{field}")
    assert words in results[1].error.description


async def test_a_time_that_does_not_exist_is_refused_alone(rpc: "SignalServiceAsyncStub") -> None:
    broken = change("checkout")
    broken.started_at.seconds = 2**60
    results = await report(rpc, change("checkout"), broken)
    assert [each.error.field for each in results] == ["", "changes[1].started_at"]


async def test_a_batch_in_which_all_is_refused_stores_nothing(rpc: "SignalServiceAsyncStub") -> None:
    assert [each.error.reason for each in await report(rpc, change_pb2.ChangeReport())] == ["FIELD_INVALID"]


async def test_a_batch_without_a_source_is_refused_whole(rpc: "SignalServiceAsyncStub") -> None:
    with pytest.raises(InvalidInput) as error:
        await report(rpc, change("checkout"), source="")
    assert [each.field for each in error.value.violations] == ["source"]


async def test_a_change_that_does_not_exist_is_not_found(rpc: "SignalServiceAsyncStub") -> None:
    with pytest.raises(NotFound) as error:
        await get(rpc, f"changes/{NOBODY}")
    assert error.value.reason == "CHANGE_NOT_FOUND"


# Listing.


@pytest.mark.parametrize("page_size", [1, 2, 100])
async def test_changes_are_listed_last_begun_first_in_pages_without_gap_or_repeat(rpc: "SignalServiceAsyncStub", page_size: int) -> None:
    component = uuid.uuid4().hex
    results = await report(rpc, *(change(component, begin=-number) for number in (30, 10, 20, 10)))
    names = [each.change for each in results]
    found = await listed(rpc, page_size, components=[component])
    assert sorted(found[:2]) == sorted([names[1], names[3]])
    assert found[2:] == [names[2], names[0]]


async def test_changes_are_found_by_component_kind_environment_and_time(rpc: "SignalServiceAsyncStub") -> None:
    component, other = uuid.uuid4().hex, uuid.uuid4().hex
    flag = change_pb2.CHANGE_KIND_FLAG
    results = await report(
        rpc, change(component, begin=-100), change(component, begin=-50, kind=flag, environment="test"), change(other, begin=-20)
    )
    deploy, flipped, elsewhere = (each.change for each in results)
    assert await listed(rpc, components=[component]) == [flipped, deploy]
    assert await listed(rpc, components=[component, other]) == [elsewhere, flipped, deploy]
    assert await listed(rpc, components=[component], kinds=[flag]) == [flipped]
    assert await listed(rpc, components=[component], environment="test") == [flipped]
    assert await listed(rpc, components=[component], started_from=at(-50)) == [flipped]
    assert await listed(rpc, components=[component], started_before=at(-50)) == [deploy]


# Evidence.


async def test_a_change_told_after_an_incident_opened_becomes_evidence_of_it_once(intake: Intake, rpc: "SignalServiceAsyncStub") -> None:
    component, key = uuid.uuid4().hex, uuid.uuid4().hex
    name = await intake.open(component)
    (result,) = await report(rpc, change(component, key, -900, outcome=UNDER_WAY, url="https://ci/1", author="ada"))
    await report(rpc, change(component, key, -900, 30, outcome=FAILED))
    incident = await incident_of(intake, name)
    assert (incident.evidence.recent_change, incident.etag) == (True, "v2")
    (entry,) = [each for each in await timeline_of(intake, name) if each.kind == incident_pb2.TIMELINE_KIND_CHANGE]
    assert (entry.occurred_at, entry.actor, entry.evidence_url) == (at(-900), "ada", "https://ci/1")
    assert result.change in entry.text


async def test_evidence_found_late_is_told_to_others(intake: Intake, rpc: "SignalServiceAsyncStub") -> None:
    component = uuid.uuid4().hex
    name = await intake.open(component)
    await report(rpc, change(component, begin=-60))
    async with intake.app.database.transaction() as connection:
        rows = await connection.execute(text("select type from outbox where aggregateid = :name order by position"), {"name": name})
        assert [row.type.rpartition(".")[2] for row in rows] == ["IncidentOpened", "IncidentChanged"]


@pytest.mark.parametrize(
    ("begin", "end", "is_evidence"),
    [(-3600, -3600, True), (-3601, -3601, False), (-9000, -3500, True), (0, 0, True), (1, 1, False), (-5000, 60, True)],
)
async def test_only_what_changed_within_the_hour_before_is_evidence(
    intake: Intake, rpc: "SignalServiceAsyncStub", begin: float, end: float, is_evidence: bool
) -> None:
    component = uuid.uuid4().hex
    name = await intake.open(component)
    await report(rpc, change(component, begin=begin, end=end), change(uuid.uuid4().hex, begin=-1))
    assert (await incident_of(intake, name)).evidence.HasField("recent_change") is is_evidence


async def test_what_is_over_gets_no_evidence(intake: Intake, rpc: "SignalServiceAsyncStub") -> None:
    component = uuid.uuid4().hex
    name = await intake.open(component)
    await intake.send(alert(component, ends_at=60))
    await report(rpc, change(component, begin=-60))
    assert not (await incident_of(intake, name)).evidence.HasField("recent_change")


async def test_a_change_that_no_incident_was_told_of_when_it_was_stored_is_told_at_the_next_look(intake: Intake) -> None:
    component = uuid.uuid4().hex
    name = await intake.open(component)
    store = ChangeStore(intake.app.database, intake.app.outbox)
    stored = begun(ChangeReport("run", ChangeKind.DEPLOY, (component,), started_at=START), uuid.uuid4(), "ci", START)
    await store.merge("ci", ["run"], lambda _: [stored])  # and then the service dies
    for _ in range(2):
        await intake.app.tick()
    assert (await incident_of(intake, name)).evidence.recent_change
    assert [each.kind for each in await timeline_of(intake, name)].count(incident_pb2.TIMELINE_KIND_CHANGE) == 1


async def test_the_changes_before_openings_are_found_for_all_of_them_at_once_and_told_once(
    intake: Intake, rpc: "SignalServiceAsyncStub"
) -> None:
    components = [uuid.uuid4().hex for _ in range(3)]
    results = await report(
        rpc,
        change(components[0], begin=-60),
        change(components[0], begin=-30),
        change(components[1], begin=-7200),
        change(components[2], begin=-7200, outcome=UNDER_WAY),
    )
    store = ChangeStore(intake.app.database, intake.app.outbox)
    openings = [Opening(uuid.uuid4(), (component, uuid.uuid4().hex), START) for component in components]
    found = await store.evidence(openings)
    assert {incident: [each.name for each in changes] for incident, changes in found.items()} == {
        openings[0].incident_id: [results[1].change, results[0].change],
        openings[2].incident_id: [results[3].change],
    }
    assert await store.evidence(openings) == {}
    assert await store.evidence([]) == {}
