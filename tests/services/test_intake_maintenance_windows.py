"""Maintenance windows over the wire: planned, previewed, changed, cancelled, listed, and told of."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ballast.intake.v1 import maintenance_window_messages_pb2 as pb
from ballast.intake.v1 import maintenance_window_pb2, matcher_pb2, muting_events_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from services.intake.domain.muting import MuteKind
from services.intake.storage.mute_store import MuteStore
from services.intake.usecases.muting import Mutes
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from tests.support.intake import Intake, intake_serving

STATE = maintenance_window_pb2.MaintenanceWindowState
NOBODY = f"maintenanceWindows/{uuid.UUID(int=0)}"
SUNDAYS = "FREQ=WEEKLY;BYDAY=SU;COUNT=6"


@pytest.fixture(scope="module")
async def intake(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Intake]:
    async with intake_serving(urls, engines, clock) as running:
        yield running


def stamp(text: str) -> Timestamp:
    built = Timestamp()
    built.FromDatetime(datetime.fromisoformat(text).replace(tzinfo=UTC))
    return built


def asked(**fields: Any) -> pb.CreateMaintenanceWindowRequest:
    values: dict[str, Any] = {
        "matchers": [matcher_pb2.Matcher(text="component=checkout")],
        "starts_at": "2026-03-15T02:30",
        "time_zone": "Europe/Berlin",
        "duration": Duration(seconds=7200),
        "rrule": SUNDAYS,
        "reason": "the database is moved",
        "approver": "grace",
    }
    return pb.CreateMaintenanceWindowRequest(**(values | fields))


async def created(intake: Intake, **fields: Any) -> maintenance_window_pb2.MaintenanceWindow:
    return (await intake.muting.CreateMaintenanceWindow(asked(**fields))).maintenance_window


def begins(occurrences: Any) -> list[str]:
    return [f"{each.starts_at.ToDatetime():%m-%d %H:%M}" for each in occurrences]


# Planning.


async def test_a_window_says_what_is_planned_when_by_whom_and_who_approved_it(intake: Intake) -> None:
    answer = await intake.muting.CreateMaintenanceWindow(asked())
    made = answer.maintenance_window
    assert (made.starts_at, made.time_zone, made.duration.seconds, made.rrule) == ("2026-03-15T02:30", "Europe/Berlin", 7200, SUNDAYS)
    assert (made.author, made.approver, made.reason, made.version, made.etag, made.state) == (
        "ada", "grace", "the database is moved", 1, "v1", STATE.MAINTENANCE_WINDOW_STATE_PENDING,
    )  # fmt: skip
    assert made.ends_at == stamp("2026-04-19T02:30")
    # By the clocks of Berlin always 02:30, but for the night that has no such time.
    assert begins(answer.next_occurrences) == ["03-15 01:30", "03-22 01:30", "03-29 01:30", "04-05 00:30", "04-12 00:30", "04-19 00:30"]
    first = answer.next_occurrences[0]
    assert (first.maintenance_window, first.version, first.reason, first.approver) == (made.name, 1, made.reason, "grace")
    assert first.ends_at == stamp("2026-03-15T03:30")
    assert (await intake.muting.GetMaintenanceWindow(pb.GetMaintenanceWindowRequest(name=made.name))).maintenance_window == made


async def test_a_preview_shows_when_it_would_be_in_force_and_plans_nothing(intake: Intake) -> None:
    everything = pb.ListMaintenanceWindowsRequest(page_size=1000, include_over=True)
    before = len((await intake.muting.ListMaintenanceWindows(everything)).maintenance_windows)
    answer = await intake.muting.CreateMaintenanceWindow(asked(rrule="FREQ=DAILY;COUNT=400", validate_only=True))
    assert begins(answer.next_occurrences)[:2] == ["03-15 01:30", "03-16 01:30"]
    assert len(answer.next_occurrences) == 10
    assert (answer.maintenance_window.name, answer.next_occurrences[0].maintenance_window) == ("", "")
    assert len((await intake.muting.ListMaintenanceWindows(everything)).maintenance_windows) == before


async def test_a_window_may_come_once(intake: Intake) -> None:
    answer = await intake.muting.CreateMaintenanceWindow(asked(rrule="", starts_at="2026-10-25T02:30:15"))
    assert begins(answer.next_occurrences) == ["10-25 00:30"]
    assert answer.maintenance_window.starts_at == "2026-10-25T02:30:15"


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"matchers": []}, "FIELD_INVALID", "matchers"),
        ({"matchers": [matcher_pb2.Matcher(text='a=~"["')]}, "MATCHERS_REFUSED", "matchers[0]"),
        ({"starts_at": "tomorrow"}, "FIELD_INVALID", "starts_at"),
        ({"starts_at": "2026-03-15T02:30Z"}, "FIELD_INVALID", "starts_at"),
        ({"starts_at": "2026-02-30T02:30"}, "MUTING_REFUSED", "starts_at"),
        ({"starts_at": "2026-03-15T24:61"}, "MUTING_REFUSED", "starts_at"),
        ({"starts_at": "9999-12-31T23:59"}, "MUTING_REFUSED", "starts_at"),
        ({"starts_at": "2026-01-15T02:30", "rrule": ""}, "MUTING_REFUSED", "starts_at"),
        ({"time_zone": ""}, "FIELD_INVALID", "time_zone"),
        ({"time_zone": "Berlin"}, "MUTING_REFUSED", "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "MUTING_REFUSED", "time_zone"),
        ({"duration": Duration(seconds=59)}, "FIELD_INVALID", "duration"),
        ({"duration": Duration(seconds=604_801)}, "FIELD_INVALID", "duration"),
        ({"duration": None}, "FIELD_INVALID", "duration"),
        ({"rrule": "FREQ=WEEKLY"}, "RECURRENCE_REFUSED", "rrule"),
        ({"rrule": "FREQ=SECONDLY;COUNT=10"}, "RECURRENCE_REFUSED", "rrule"),
        ({"rrule": "FREQ=DAILY;BYSECOND=0,1,2,3;COUNT=10"}, "RECURRENCE_REFUSED", "rrule"),
        ({"rrule": "FREQ=DAILY;UNTIL=20360101T000000Z"}, "RECURRENCE_REFUSED", "rrule"),
        ({"rrule": "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30;COUNT=1"}, "RECURRENCE_REFUSED", "rrule"),
        ({"rrule": "x" * 513}, "FIELD_INVALID", "rrule"),
        ({"reason": ""}, "FIELD_INVALID", "reason"),
        ({"approver": ""}, "FIELD_INVALID", "approver"),
        ({"approver": "ada"}, "MUTING_REFUSED", "approver"),
        ({"approver": " ADA "}, "MUTING_REFUSED", "approver"),
    ],
)
async def test_a_window_that_cannot_be_meant_is_refused_by_reason_and_field(
    intake: Intake, fields: dict[str, Any], reason: str, field: str
) -> None:
    with pytest.raises(InvalidInput) as error:
        await intake.muting.CreateMaintenanceWindow(asked(**fields))
    assert (error.value.reason, error.value.violations[0].field) == (reason, field)


async def test_a_rule_without_an_end_is_refused_with_what_to_add(intake: Intake) -> None:
    with pytest.raises(InvalidInput, match=r"rrule: needs an end, one of UNTIL and COUNT: add for example COUNT=26"):
        await intake.muting.CreateMaintenanceWindow(asked(rrule="FREQ=WEEKLY;BYDAY=SU"))


# Changing.


async def test_an_edit_names_its_approver_and_the_history_tells_all(intake: Intake) -> None:
    made = await created(intake)
    request = pb.UpdateMaintenanceWindowRequest(name=made.name, etag=made.etag, duration=Duration(seconds=3600), change_reason="shorter")
    with pytest.raises(InvalidInput) as refused:
        await intake.muting.UpdateMaintenanceWindow(request)
    assert (refused.value.reason, refused.value.violations[0].field) == ("MUTING_REFUSED", "approver")
    request.approver = "linus"
    request.validate_only = True
    preview = await intake.muting.UpdateMaintenanceWindow(request)
    assert (preview.maintenance_window.version, preview.maintenance_window.duration.seconds) == (2, 3600)
    request.validate_only = False
    edited = (await intake.muting.UpdateMaintenanceWindow(request)).maintenance_window
    assert edited == preview.maintenance_window
    assert (edited.approver, edited.author, edited.changed_by, edited.change_reason) == ("linus", "ada", "ada", "shorter")
    await intake.muting.CancelMaintenanceWindow(pb.CancelMaintenanceWindowRequest(name=made.name, change_reason="postponed"))
    versions = (
        await intake.muting.ListMaintenanceWindowVersions(pb.ListMaintenanceWindowVersionsRequest(name=made.name))
    ).maintenance_windows
    changes = [maintenance_window_pb2.MaintenanceWindowChange.Name(each.change)[26:] for each in versions]
    assert changes == ["CANCELLED", "EDITED", "CREATED"]
    assert versions[2] == made


async def test_an_empty_rule_makes_a_window_come_once_and_an_absent_one_changes_nothing(intake: Intake) -> None:
    made = await created(intake)
    later = {"name": made.name, "approver": "grace"}
    same = await intake.muting.UpdateMaintenanceWindow(pb.UpdateMaintenanceWindowRequest(**later, starts_at="2026-03-16T02:30"))  # type: ignore[arg-type]
    assert same.maintenance_window.rrule == SUNDAYS
    once = await intake.muting.UpdateMaintenanceWindow(pb.UpdateMaintenanceWindowRequest(**later, rrule=""))  # type: ignore[arg-type]
    assert once.maintenance_window.rrule == ""
    assert begins(once.next_occurrences) == ["03-16 01:30"]


async def test_a_cancelled_window_is_over_and_cancelling_it_again_changes_nothing(intake: Intake, clock: SimulatedClock) -> None:
    made = await created(intake)
    over = (await intake.muting.CancelMaintenanceWindow(pb.CancelMaintenanceWindowRequest(name=made.name))).maintenance_window
    assert (over.state, over.version) == (STATE.MAINTENANCE_WINDOW_STATE_OVER, 2)
    assert over.cancelled_at.ToDatetime(tzinfo=UTC) == over.ends_at.ToDatetime(tzinfo=UTC) == clock.now()
    again = (await intake.muting.CancelMaintenanceWindow(pb.CancelMaintenanceWindowRequest(name=made.name))).maintenance_window
    assert again == over
    with pytest.raises(PreconditionFailed) as error:
        await intake.muting.UpdateMaintenanceWindow(pb.UpdateMaintenanceWindowRequest(name=made.name, reason="again"))
    assert error.value.reason == "MAINTENANCE_WINDOW_OVER"


async def test_an_old_etag_is_refused(intake: Intake) -> None:
    made = await created(intake)
    await intake.muting.UpdateMaintenanceWindow(pb.UpdateMaintenanceWindowRequest(name=made.name, reason="another"))
    for call in (
        intake.muting.UpdateMaintenanceWindow(pb.UpdateMaintenanceWindowRequest(name=made.name, etag="v1", reason="?")),
        intake.muting.UpdateMaintenanceWindow(pb.UpdateMaintenanceWindowRequest(name=made.name, etag="v1", reason="?", validate_only=True)),
        intake.muting.CancelMaintenanceWindow(pb.CancelMaintenanceWindowRequest(name=made.name, etag="v1")),
    ):
        with pytest.raises(Conflict) as error:
            await call
        assert error.value.reason == "ETAG_MISMATCH"


async def test_the_unknown_is_not_found(intake: Intake) -> None:
    for call in (
        intake.muting.GetMaintenanceWindow(pb.GetMaintenanceWindowRequest(name=NOBODY)),
        intake.muting.UpdateMaintenanceWindow(pb.UpdateMaintenanceWindowRequest(name=NOBODY, reason="?")),
        intake.muting.CancelMaintenanceWindow(pb.CancelMaintenanceWindowRequest(name=NOBODY)),
        intake.muting.ListMaintenanceWindowVersions(pb.ListMaintenanceWindowVersionsRequest(name=NOBODY)),
        intake.muting.ListMaintenanceOccurrences(pb.ListMaintenanceOccurrencesRequest(maintenance_window=NOBODY)),
    ):
        with pytest.raises(NotFound) as error:
            await call
        assert error.value.reason == "MAINTENANCE_WINDOW_NOT_FOUND"


# Listing.


async def test_windows_are_listed_newest_first_and_those_over_only_when_asked_for(intake: Intake) -> None:
    mine = [await created(intake) for _ in range(5)]
    await intake.muting.CancelMaintenanceWindow(pb.CancelMaintenanceWindowRequest(name=mine[2].name))
    for include_over, expected in ((False, [4, 3, 1, 0]), (True, [4, 3, 2, 1, 0])):
        found: list[str] = []
        token = ""
        while True:
            page = await intake.muting.ListMaintenanceWindows(
                pb.ListMaintenanceWindowsRequest(include_over=include_over, page_size=2, page_token=token)
            )
            found += [each.name for each in page.maintenance_windows]
            token = page.next_page_token
            if not token:
                break
        names = [each.name for each in mine]
        assert [each for each in found if each in names] == [names[index] for index in expected]


async def occurrences(intake: Intake, page_size: int = 0, **fields: Any) -> list[maintenance_window_pb2.MaintenanceOccurrence]:
    found: list[maintenance_window_pb2.MaintenanceOccurrence] = []
    token = ""
    while True:
        page = await intake.muting.ListMaintenanceOccurrences(
            pb.ListMaintenanceOccurrencesRequest(page_size=page_size, page_token=token, **fields)
        )
        found += page.occurrences
        token = page.next_page_token
        if not token:
            return found


@pytest.mark.parametrize("page_size", [1, 3, 100])
async def test_occurrences_of_all_windows_come_in_the_order_they_begin_without_gap_or_repeat(intake: Intake, page_size: int) -> None:
    year = {1: 2041, 3: 2043, 100: 2045}[page_size]
    daily = await created(intake, starts_at=f"{year}-05-01T02:00", time_zone="UTC", rrule="FREQ=DAILY;COUNT=5")
    other = await created(intake, starts_at=f"{year}-05-02T02:00", time_zone="UTC", rrule="FREQ=DAILY;INTERVAL=2;COUNT=2")
    between = {"after": stamp(f"{year}-05-01T04:00"), "before": stamp(f"{year}-05-05T02:00")}
    found = await occurrences(intake, page_size, **between)
    expected = [("05-02 02:00", daily), ("05-02 02:00", other), ("05-03 02:00", daily), ("05-04 02:00", daily), ("05-04 02:00", other)]
    assert begins(found) == [begin for begin, _ in expected]
    assert {(each.maintenance_window, begin) for each, begin in zip(found, begins(found), strict=True)} == {
        (window.name, begin) for begin, window in expected
    }
    assert begins(await occurrences(intake, page_size, maintenance_window=other.name, **between)) == ["05-02 02:00", "05-04 02:00"]


async def test_what_was_planned_stays_as_it_was_when_the_window_is_changed(intake: Intake, clock: SimulatedClock) -> None:
    now = clock.now()
    start = now + timedelta(hours=1)
    made = await created(intake, starts_at=f"{start:%Y-%m-%dT%H:%M:%S}", time_zone="UTC", rrule="FREQ=DAILY;COUNT=3")
    clock.advance(start + timedelta(days=1, hours=1))
    edit = pb.UpdateMaintenanceWindowRequest(name=made.name, duration=Duration(seconds=6 * 3600), approver="linus")
    await intake.muting.UpdateMaintenanceWindow(edit)
    after = Timestamp()
    after.FromDatetime(now)
    found = await occurrences(intake, maintenance_window=made.name, after=after)
    spans = [(each.version, (each.ends_at.ToDatetime() - each.starts_at.ToDatetime()).total_seconds() / 3600) for each in found]
    assert spans == [(1, 2), (1, 1), (2, 5), (2, 6)]
    assert [each.approver for each in found] == ["grace", "grace", "linus", "linus"]


@pytest.mark.parametrize("before", ["2026-05-01T00:00", "2027-05-03T00:00"])
async def test_a_view_of_no_time_or_more_than_a_year_is_refused(intake: Intake, before: str) -> None:
    with pytest.raises(InvalidInput) as error:
        await occurrences(intake, after=stamp("2026-05-01T00:00"), before=stamp(before))
    assert (error.value.reason, error.value.violations[0].field) == ("MUTING_REFUSED", "before")


@pytest.mark.parametrize("after", ["0001-01-01T00:00", "9999-12-31T23:59"])
async def test_nothing_is_planned_at_either_end_of_time(intake: Intake, after: str) -> None:
    assert await occurrences(intake, after=stamp(after)) == []


# What others see of it.


async def test_each_change_is_told_as_an_event(intake: Intake) -> None:
    feed = intake.app.feed.follow("", [muting_events_pb2.MaintenanceWindowChanged.DESCRIPTOR.full_name])
    await anext(feed)
    made = await created(intake)
    await intake.muting.CancelMaintenanceWindow(pb.CancelMaintenanceWindowRequest(name=made.name, change_reason="postponed"))
    first, second = [(await anext(feed)).event for _ in range(2)]
    assert first is not None
    assert second is not None
    assert (first.subject, first.version, first.principal) == (made.name, 1, "ada")
    assert first.unpack(muting_events_pb2.MaintenanceWindowChanged).maintenance_window == made
    told = second.unpack(muting_events_pb2.MaintenanceWindowChanged).maintenance_window
    assert (told.version, told.change_reason, told.approver) == (2, "postponed", "grace")
    await feed.aclose()


async def test_a_window_mutes_while_an_occurrence_is_under_way(intake: Intake, clock: SimulatedClock) -> None:
    labels = {"component": uuid.uuid4().hex}
    matchers = [matcher_pb2.Matcher(text=f"component={labels['component']}")]
    made = await created(intake, matchers=matchers, starts_at="2026-05-03T02:30")
    muting = await Mutes(MuteStore(intake.app.database), clock).current()
    begin = datetime(2026, 5, 3, 0, 30, tzinfo=UTC)
    assert muting.mute_of(labels, begin - timedelta(seconds=1)) is None
    found = muting.mute_of(labels, begin + timedelta(days=7))
    assert found is not None
    assert (found.kind, found.name, found.ends_at) == (MuteKind.MAINTENANCE_WINDOW, made.name, begin + timedelta(days=7, hours=2))
    assert muting.mute_of(labels, begin + timedelta(hours=2)) is None
