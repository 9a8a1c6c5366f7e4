"""Silences over the wire: created, previewed, changed, ended, listed, and told of."""

import asyncio
import dataclasses
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ballast.intake.v1 import matcher_pb2, muting_events_pb2, silence_pb2
from ballast.intake.v1 import silence_messages_pb2 as pb
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from services.intake.domain.errors import TooManyInForce
from services.intake.domain.matcher_text import parse_matchers
from services.intake.storage.firing_alerts import FiringAlerts
from services.intake.storage.mute_store import MuteStore
from services.intake.storage.silence_store import SilenceStore
from services.intake.usecases.muting import Mutes
from services.intake.usecases.silences import NewSilence, Silences
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from tests.conftest import START
from tests.support.intake import Intake, intake_serving, report

PENDING, ACTIVE, EXPIRED = silence_pb2.SILENCE_STATE_PENDING, silence_pb2.SILENCE_STATE_ACTIVE, silence_pb2.SILENCE_STATE_EXPIRED
NOBODY = f"silences/{uuid.UUID(int=0)}"
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
async def intake(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Intake]:
    async with intake_serving(urls, engines, clock) as running:
        yield running


def stamp(at: Any) -> Timestamp:
    built = Timestamp()
    built.FromDatetime(at)
    return built


def asked(*texts: str, **fields: Any) -> pb.CreateSilenceRequest:
    values: dict[str, Any] = {"matchers": [matcher_pb2.Matcher(text=each) for each in texts], "reason": "the disk is on order"}
    if "ends_at" not in fields:
        values["duration"] = Duration(seconds=3600)
    return pb.CreateSilenceRequest(**(values | fields))


async def created(intake: Intake, *texts: str, **fields: Any) -> silence_pb2.Silence:
    return (await intake.muting.CreateSilence(asked(*texts or ("component=checkout",), **fields))).silence


async def get(intake: Intake, name: str) -> silence_pb2.Silence:
    return (await intake.muting.GetSilence(pb.GetSilenceRequest(name=name))).silence


def texts(silence: silence_pb2.Silence) -> list[str]:
    return [each.text for each in silence.matchers]


# Creating.


async def test_a_silence_says_what_it_mutes_until_when_by_whom_and_why(intake: Intake, clock: SimulatedClock) -> None:
    made = await created(intake, 'alertname=~"High.*", component!=search', "severity=page")
    assert texts(made) == ['alertname=~"High.*"', 'component!="search"', 'severity="page"']
    first = made.matchers[0]
    assert (first.label, first.operator, first.value) == ("alertname", matcher_pb2.MATCH_OPERATOR_MATCHES, "High.*")
    assert (made.author, made.changed_by, made.reason, made.state, made.version, made.etag) == (
        "ada", "ada", "the disk is on order", ACTIVE, 1, "v1",
    )  # fmt: skip
    assert (made.starts_at, made.ends_at) == (stamp(clock.now()), stamp(clock.now() + HOUR))
    assert await get(intake, made.name) == made


async def test_matchers_may_be_given_by_their_parts_as_they_are_answered(intake: Intake) -> None:
    made = await created(intake, '"a b"="c", d=~"e|f", g!=h, i!~j')
    again = await intake.muting.CreateSilence(asked(matchers=made.matchers))
    assert again.silence.matchers == made.matchers


async def test_a_begin_in_the_past_counts_as_now_and_one_ahead_waits(intake: Intake, clock: SimulatedClock) -> None:
    now = clock.now()
    late = await created(intake, starts_at=stamp(now - HOUR), ends_at=stamp(now + HOUR))
    assert (late.starts_at, late.state) == (stamp(now), ACTIVE)
    ahead = await created(intake, starts_at=stamp(now + HOUR))
    assert (ahead.starts_at, ahead.ends_at, ahead.state) == (stamp(now + HOUR), stamp(now + 2 * HOUR), PENDING)


async def test_the_same_request_id_gives_the_same_silence(intake: Intake) -> None:
    request = asked("component=once", request_id=str(uuid.uuid4()))
    first = await intake.muting.CreateSilence(request)
    assert (await intake.muting.CreateSilence(request)).silence == first.silence


async def test_a_preview_tells_which_firing_alerts_it_would_mute_and_creates_nothing(intake: Intake) -> None:
    component = uuid.uuid4().hex
    await intake.send(*(report(component, alertname=f"Slow{number}", severity="page") for number in range(25)))
    await intake.send(report(component, alertname="Other"), report(component, alertname="SlowToo", ends_at=60, severity="page"))
    await intake.send(report(uuid.uuid4().hex, alertname="Slow1", severity="page"))
    before = len((await intake.muting.ListSilences(pb.ListSilencesRequest(page_size=1000))).silences)
    answer = await intake.muting.CreateSilence(asked(f"component={component}", 'alertname=~"Slow.*"', "severity!=info", validate_only=True))
    assert (answer.muted_alert_count, len(answer.muted_alerts), answer.is_partial) == (25, 20, False)
    assert {each.labels["component"] for each in answer.muted_alerts} == {component}
    assert answer.muted_alerts[0].name.startswith("alerts/")
    assert (answer.silence.name, answer.silence.etag, answer.silence.state) == ("", "", ACTIVE)
    assert len((await intake.muting.ListSilences(pb.ListSilencesRequest(page_size=1000))).silences) == before


@pytest.mark.parametrize(
    ("request_", "reason", "field"),
    [
        (asked(), "FIELD_INVALID", "matchers"),
        (asked("a=x", reason=""), "FIELD_INVALID", "reason"),
        (asked("a=x", reason="x" * 2001), "FIELD_INVALID", "reason"),
        (asked("a=x", reason=" "), "MUTING_REFUSED", "reason"),
        (pb.CreateSilenceRequest(matchers=[matcher_pb2.Matcher(text="a=x")], reason="?"), "FIELD_INVALID", "end"),
        (asked(*["a=x"] * 33), "FIELD_INVALID", "matchers"),
        (asked("a=x,b=", "c=x"), "MATCHERS_REFUSED", "matchers[0].text"),
        (asked("a=x", 'b=~"("'), "MATCHERS_REFUSED", "matchers[1]"),
        (asked('a=~".*"'), "MATCHERS_REFUSED", "matchers"),
        (asked("{}"), "MATCHERS_REFUSED", "matchers"),
        (asked(""), "MATCHERS_REFUSED", "matchers[0]"),
        (asked(matchers=[matcher_pb2.Matcher(label="a", value="x")]), "MATCHERS_REFUSED", "matchers[0].operator"),
        (
            asked(matchers=[matcher_pb2.Matcher(label="a", operator=matcher_pb2.MATCH_OPERATOR_EQUAL, value="x" * 1025)]),
            "FIELD_INVALID",
            "matchers[0].value",
        ),
        (asked("a=x", ends_at=stamp(START - HOUR)), "MUTING_REFUSED", "ends_at"),
        (asked("a=x", ends_at=stamp(START + 31 * 24 * HOUR)), "MUTING_REFUSED", "ends_at"),
        (asked("a=x", duration=Duration(seconds=31 * 86_400)), "MUTING_REFUSED", "duration"),
        (asked("a=x", duration=Duration(seconds=-1)), "MUTING_REFUSED", "duration"),
        (asked("a=x", duration=Duration(seconds=315_576_000_000)), "MUTING_REFUSED", "duration"),
        (asked("a=x", starts_at=stamp(START + 9000 * HOUR)), "MUTING_REFUSED", "starts_at"),
        (asked("a=x", starts_at=stamp(datetime(9999, 12, 31, 23, 59, tzinfo=UTC))), "MUTING_REFUSED", "starts_at"),
        (asked("a=x", ends_at=stamp(datetime.max.replace(tzinfo=UTC))), "MUTING_REFUSED", "ends_at"),
    ],
)
async def test_a_silence_that_cannot_be_meant_is_refused_by_reason_and_field(
    intake: Intake, request_: pb.CreateSilenceRequest, reason: str, field: str
) -> None:
    with pytest.raises(InvalidInput) as error:
        await intake.muting.CreateSilence(request_)
    assert (error.value.reason, error.value.violations[0].field) == (reason, field)


# Changing.


async def test_an_edit_makes_a_version_and_the_history_tells_who_changed_what_and_why(intake: Intake, clock: SimulatedClock) -> None:
    made = await created(intake)
    edit = pb.UpdateSilenceRequest(
        name=made.name,
        etag=made.etag,
        matchers=[matcher_pb2.Matcher(text="component=~checkout|search")],
        ends_at=stamp(clock.now() + 2 * HOUR),
        change_reason="search as well",
    )
    edited = (await intake.muting.UpdateSilence(edit)).silence
    assert (edited.version, edited.etag, texts(edited)) == (2, "v2", ['component=~"checkout|search"'])
    assert (edited.reason, edited.ends_at, edited.starts_at) == (made.reason, stamp(clock.now() + 2 * HOUR), made.starts_at)
    ended = (await intake.muting.ExpireSilence(pb.ExpireSilenceRequest(name=made.name, change_reason="mended"))).silence
    assert (ended.version, ended.state, ended.ends_at) == (3, EXPIRED, stamp(clock.now()))
    versions = (await intake.muting.ListSilenceVersions(pb.ListSilenceVersionsRequest(name=made.name))).silences
    assert [(each.version, silence_pb2.SilenceChange.Name(each.change)[15:], each.change_reason) for each in versions] == [
        (3, "EXPIRED", "mended"),
        (2, "EDITED", "search as well"),
        (1, "CREATED", ""),
    ]
    assert versions[2].matchers == made.matchers


async def test_an_edit_of_what_somebody_else_changed_is_refused(intake: Intake) -> None:
    made = await created(intake)
    await intake.muting.UpdateSilence(pb.UpdateSilenceRequest(name=made.name, reason="another"))
    for call in (
        intake.muting.UpdateSilence(pb.UpdateSilenceRequest(name=made.name, etag="v1", reason="?")),
        intake.muting.ExpireSilence(pb.ExpireSilenceRequest(name=made.name, etag="v1")),
    ):
        with pytest.raises(Conflict) as error:
            await call
        assert error.value.reason == "ETAG_MISMATCH"


async def test_an_edit_that_changes_nothing_makes_no_version(intake: Intake) -> None:
    made = await created(intake)
    same = await intake.muting.UpdateSilence(pb.UpdateSilenceRequest(name=made.name, matchers=made.matchers, reason=made.reason))
    assert same.silence == made


async def test_a_reason_alone_is_no_edit_and_is_refused_rather_than_lost(intake: Intake) -> None:
    made = await created(intake)
    with pytest.raises(InvalidInput) as refused:
        await intake.muting.UpdateSilence(pb.UpdateSilenceRequest(name=made.name, change_reason="it is late"))
    assert (refused.value.reason, [each.field for each in refused.value.violations]) == ("MUTING_REFUSED", ["change_reason"])
    assert await get(intake, made.name) == made


async def test_what_is_over_cannot_be_changed_and_no_matcher_is_no_edit(intake: Intake) -> None:
    made = await created(intake)
    with pytest.raises(InvalidInput) as refused:
        await intake.muting.UpdateSilence(pb.UpdateSilenceRequest(name=made.name, matchers=[matcher_pb2.Matcher(text="{}")]))
    assert refused.value.reason == "MATCHERS_REFUSED"
    await intake.muting.ExpireSilence(pb.ExpireSilenceRequest(name=made.name))
    for call in (
        intake.muting.UpdateSilence(pb.UpdateSilenceRequest(name=made.name, reason="again")),
        intake.muting.ExpireSilence(pb.ExpireSilenceRequest(name=made.name)),
    ):
        with pytest.raises(PreconditionFailed) as error:
            await call
        assert error.value.reason == "SILENCE_OVER"


async def test_of_many_edits_of_what_all_saw_one_is_made(intake: Intake) -> None:
    made = await created(intake)
    edits = [pb.UpdateSilenceRequest(name=made.name, etag=made.etag, reason=f"reason {number}") for number in range(8)]
    answers = await asyncio.gather(*(intake.muting.UpdateSilence(each) for each in edits), return_exceptions=True)
    assert sorted(type(each) is Conflict for each in answers) == [False] + [True] * 7
    assert (await get(intake, made.name)).version == 2


async def test_there_is_a_bound_on_what_may_be_in_force_at_once(intake: Intake, clock: SimulatedClock) -> None:
    store = SilenceStore(intake.app.database, intake.app.outbox)
    store._shape = dataclasses.replace(store._shape, most=1)
    await created(intake)
    with pytest.raises(TooManyInForce, match="1 silences are in force or ahead"):
        await Silences(store, FiringAlerts(intake.app.database), clock).create(
            NewSilence(parse_matchers("a=x", "matchers"), None, None, HOUR, "?"), validate_only=False
        )


async def test_the_unknown_is_not_found(intake: Intake) -> None:
    for call in (
        intake.muting.GetSilence(pb.GetSilenceRequest(name=NOBODY)),
        intake.muting.UpdateSilence(pb.UpdateSilenceRequest(name=NOBODY, reason="?")),
        intake.muting.ExpireSilence(pb.ExpireSilenceRequest(name=NOBODY)),
        intake.muting.ListSilenceVersions(pb.ListSilenceVersionsRequest(name=NOBODY)),
    ):
        with pytest.raises(NotFound) as error:
            await call
        assert error.value.reason == "SILENCE_NOT_FOUND"


# Listing.


async def test_silences_are_listed_by_state_in_pages_newest_first(intake: Intake, clock: SimulatedClock) -> None:
    await intake.send(report("x"))
    pending = [await created(intake, starts_at=stamp(clock.now() + HOUR)) for _ in range(2)]
    active = [await created(intake) for _ in range(3)]
    over = [await created(intake) for _ in range(2)]
    for each in over:
        await intake.muting.ExpireSilence(pb.ExpireSilenceRequest(name=each.name))
    for states, mine in (([PENDING], pending), ([ACTIVE], active), ([EXPIRED], over), ([], pending + active + over)):
        found: list[silence_pb2.Silence] = []
        token = ""
        while True:
            page = await intake.muting.ListSilences(pb.ListSilencesRequest(states=states, page_size=2, page_token=token))
            assert len(page.silences) <= 2
            found += page.silences
            token = page.next_page_token
            if not token:
                break
        names = {each.name for each in mine}
        assert [each.name for each in found if each.name in names] == [each.name for each in reversed(mine)]
        assert not states or {each.state for each in found} == set(states)


async def test_a_page_token_of_another_list_is_refused(intake: Intake) -> None:
    await created(intake)
    await created(intake)
    token = (await intake.muting.ListSilences(pb.ListSilencesRequest(page_size=1))).next_page_token
    with pytest.raises(InvalidInput) as error:
        await intake.muting.ListSilences(pb.ListSilencesRequest(page_size=1, states=[ACTIVE], page_token=token))
    assert error.value.reason == "PAGE_TOKEN_INVALID"


# What others see of it.


async def test_each_change_is_told_as_an_event_and_a_failed_one_is_not(intake: Intake) -> None:
    feed = intake.app.feed.follow("", [muting_events_pb2.SilenceChanged.DESCRIPTOR.full_name])
    await anext(feed)
    made = await created(intake)
    with pytest.raises(Conflict):
        await intake.muting.ExpireSilence(pb.ExpireSilenceRequest(name=made.name, etag="v9"))
    await intake.muting.ExpireSilence(pb.ExpireSilenceRequest(name=made.name, change_reason="mended"))
    first, second = [(await anext(feed)).event for _ in range(2)]
    assert first is not None
    assert second is not None
    assert (first.subject, first.version, first.principal) == (made.name, 1, "ada")
    assert first.unpack(muting_events_pb2.SilenceChanged).silence == made
    told = second.unpack(muting_events_pb2.SilenceChanged).silence
    assert (told.version, told.state, told.changed_by, told.change_reason) == (2, EXPIRED, "ada", "mended")
    await feed.aclose()


async def test_what_mutes_is_known_at_once_and_read_again_only_when_it_changed(intake: Intake, clock: SimulatedClock) -> None:
    store = MuteStore(intake.app.database)
    mutes = Mutes(store, clock)
    labels = {"component": uuid.uuid4().hex}
    before = await mutes.current()
    assert before.mute_of(labels, clock.now()) is None
    assert await mutes.current(await store.version()) is before
    made = await created(intake, f"component={labels['component']}")
    after = await mutes.current(await store.version())
    found = after.mute_of(labels, clock.now())
    assert found is not None
    assert (found.name, found.version) == (made.name, 1)
    await intake.muting.ExpireSilence(pb.ExpireSilenceRequest(name=made.name))
    assert (await mutes.current()).mute_of(labels, clock.now()) is None


async def test_what_is_over_leaves_the_compiled_set_after_a_while(intake: Intake, clock: SimulatedClock) -> None:
    mutes = Mutes(MuteStore(intake.app.database), clock)
    made = await created(intake, "component=brief", duration=Duration(seconds=60))
    end = clock.now() + timedelta(seconds=60)
    clock.advance(end + timedelta(minutes=1))
    assert [each.name for each in (await mutes.current()).explain({"component": "brief"}, clock.now()).near_misses] == [made.name]
    clock.advance(end + timedelta(hours=2))
    assert (await mutes.current()).explain({"component": "brief"}, clock.now()).near_misses == ()
