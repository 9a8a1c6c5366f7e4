"""Calendars, leave and capacity in a running allocation, and how splits follow them."""

import uuid
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import pytest
from ballast.allocation.v1 import allocation_events_pb2, calendar_pb2, decision_pb2, team_pb2
from ballast.allocation.v1 import allocation_messages_pb2 as messages
from ballast.allocation.v1 import capacity_service_pb2 as pb
from google.type.date_pb2 import Date
from google.type.timeofday_pb2 import TimeOfDay

from services.allocation.settings import AllocationSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import BallastError, Conflict, InvalidInput, NotFound
from tests.support.allocating import FORTNIGHT, Suite, allocating, assessment, item, made, team


@pytest.fixture(scope="module")
async def suite(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    settings = AllocationSettings(port=0, database_url=urls["allocation"], cache_url=engines.cache_url, subscribers={})
    async with allocating(settings, clock) as running:
        yield running


def calendar(
    name: str, zone: str = "Europe/Berlin", hours: float = 8, *holidays: date, days: Any = range(1, 6)
) -> calendar_pb2.WorkCalendar:
    return calendar_pb2.WorkCalendar(
        name=f"calendars/{name}",
        time_zone=zone,
        days=[calendar_pb2.WorkingDay(day=day, begins=TimeOfDay(hours=9), hours=hours) for day in days],
        holidays=[day_of(each) for each in holidays],
    )


def day_of(day: date) -> Date:
    return Date(year=day.year, month=day.month, day=day.day)


def leave(of: str, name: str, member: str, first: date, days: int = 1, **more: Any) -> calendar_pb2.Leave:
    last = first + timedelta(days=days - 1)
    return calendar_pb2.Leave(name=f"teams/{of}/leaves/{name}", member=member, first_day=day_of(first), last_day=day_of(last), **more)


async def store_calendars(suite: Suite, *calendars: calendar_pb2.WorkCalendar) -> list[calendar_pb2.WorkCalendar]:
    return list((await suite.capacity.UpsertCalendars(pb.UpsertCalendarsRequest(calendars=calendars))).calendars)


async def tell(suite: Suite, of: str, *leaves: calendar_pb2.Leave, **more: Any) -> list[calendar_pb2.Leave]:
    return list((await suite.capacity.UpsertLeaves(pb.UpsertLeavesRequest(team=f"teams/{of}", leaves=leaves, **more))).leaves)


async def capacity(suite: Suite, of: str, first: int = 0, count: int = 1) -> list[float]:
    answer = await suite.capacity.GetCapacity(pb.GetCapacityRequest(team=f"teams/{of}", first_sprint=first, sprint_count=count))
    for sprint in answer.sprints:
        for each in sprint.members:
            assert round(sum(term.hours for term in each.terms), 6) == each.capacity_hours
        assert round(sum(each.capacity_hours for each in sprint.members), 6) == sprint.capacity_hours
    return [each.capacity_hours for each in answer.sprints]


async def test_a_calendar_comes_back_as_it_was_stored_and_is_told_of_once(suite: Suite) -> None:
    sent = calendar("berlin", "Europe/Berlin", 7.5, date(2026, 5, 1), date(2026, 1, 1))
    stored = (await store_calendars(suite, sent))[0]
    assert await store_calendars(suite, sent) == [stored]
    assert (stored.etag, [each.hours for each in stored.days]) == ("v1", [7.5] * 5)
    assert [(each.month, each.day) for each in stored.holidays] == [(1, 1), (5, 1)]
    assert (await suite.capacity.GetCalendar(pb.GetCalendarRequest(name=sent.name))).calendar == stored
    assert [each.calendar for each in await suite.recorded(allocation_events_pb2.CalendarChanged, sent.name)] == [stored]
    listed = await suite.capacity.ListCalendars(pb.ListCalendarsRequest(page_size=1))
    assert len(listed.calendars) == 1


@pytest.mark.parametrize(
    ("broken", "reason", "field"),
    [
        (calendar("bad", "Mars/Olympus"), "TIME_ZONE_UNKNOWN", "calendars[0].time_zone"),
        (calendar("bad", days=(1, 1)), "WORKING_DAY_INVALID", "calendars[0].days"),
        (calendar("bad", "UTC", 24, days=(1, 2)), "", ""),
        (calendar("bad", hours=25), "FIELD_INVALID", "calendars[0].days[0].hours"),
        (calendar("bad", hours=float("nan")), "FIELD_INVALID", "calendars[0].days[0].hours"),
        (calendar("bad", hours=-1), "FIELD_INVALID", "calendars[0].days[0].hours"),
        (calendar("bad", hours=0.0001), "WORKING_DAY_INVALID", "calendars[0].days[0].hours"),
        (calendar_pb2.WorkCalendar(name="calendars/bad", time_zone="UTC"), "FIELD_INVALID", "calendars[0].days"),
    ],
)
async def test_a_bad_calendar_is_refused_by_field(suite: Suite, broken: calendar_pb2.WorkCalendar, reason: str, field: str) -> None:
    if not reason:
        assert await store_calendars(suite, broken)
        return
    with pytest.raises(InvalidInput) as refused:
        await store_calendars(suite, broken)
    assert (refused.value.reason, refused.value.violations[0].field) == (reason, field)


async def test_a_holiday_outside_the_years_and_one_that_is_no_date_are_refused(suite: Suite) -> None:
    for day in (Date(year=9999, month=1, day=1), Date(year=2026, month=2, day=30), Date(year=2026)):
        broken = calendar("bad")
        broken.holidays.append(day)
        with pytest.raises(InvalidInput) as refused:
            await store_calendars(suite, broken)
        assert (refused.value.reason, refused.value.violations[0].field) == ("DAY_INVALID", "calendars[0].holidays[0]")


async def test_leave_lowers_the_capacity_and_the_split_in_force_follows_it(suite: Suite) -> None:
    await suite.store_team("follow")
    before, today = await suite.split("follow"), suite.clock.now().date()
    assert before.capacity_hours == 240
    told = await tell(suite, "follow", leave("follow", "trip", "m1", today, 14))
    weekdays = sum((today + timedelta(days=each)).weekday() < 5 for each in range(13))
    assert await capacity(suite, "follow") == [round(240 - 60 * weekdays / 10, 6)]
    after = await suite.split("follow")
    assert (after.remediation_share, after.capacity_hours) == (before.remediation_share, (await capacity(suite, "follow"))[0])
    assert after.remediation_hours + after.roadmap_hours == pytest.approx(after.capacity_hours)
    newest = (await suite.decisions("follow"))[0]
    assert (newest.trigger, newest.outcome) == (decision_pb2.DECISION_TRIGGER_CAPACITY, decision_pb2.DECISION_OUTCOME_HELD)
    assert newest.name == after.decision
    assert "the share stays" in newest.explanation
    assert await tell(suite, "follow", leave("follow", "trip", "m1", today, 14)) == told
    assert (await suite.decisions("follow"))[0] == newest
    gone = await suite.capacity.DeleteLeave(pb.DeleteLeaveRequest(team="teams/follow", leave_id="trip"))
    assert gone.leave.member == "m1"
    assert (await suite.split("follow")).capacity_hours == 240
    assert not (await suite.capacity.DeleteLeave(pb.DeleteLeaveRequest(team="teams/follow", leave_id="trip"))).HasField("leave")
    events = await suite.recorded(allocation_events_pb2.LeaveChanged, "teams/follow/leaves/trip")
    assert [(each.deleted, each.leave.etag) for each in events] == [(False, "v1"), (True, "v2")]
    assert (await tell(suite, "follow", leave("follow", "trip", "m1", today)))[0].etag == "v3"


async def test_leave_in_a_later_sprint_leaves_the_split_alone(suite: Suite) -> None:
    await suite.store_team("later")
    before = await suite.decisions("later")
    await tell(suite, "later", leave("later", "trip", "m1", suite.clock.now().date() + timedelta(days=20)))
    assert await suite.decisions("later") == before


async def test_a_sprint_in_which_everybody_is_away_breaks_neither_decision_nor_plan_nor_capacity(suite: Suite) -> None:
    await suite.store_team("empty", members=2)
    await suite.store_items(item("empty", "empty", 30))
    today = suite.clock.now().date()
    await tell(suite, "empty", *(leave("empty", f"m{each}", f"m{each}", today - timedelta(days=1), 16) for each in range(2)))
    answer = await suite.capacity.GetCapacity(pb.GetCapacityRequest(team="teams/empty", sprint_count=2))
    assert answer.sprints[0].capacity_hours == 0
    assert "Nobody works" in answer.sprints[0].notes[0]
    assert answer.sprints[1].capacity_hours > 0
    split = await suite.split("empty")
    assert (split.capacity_hours, split.remediation_hours, split.roadmap_hours) == (0, 0, 0)
    assert "Nobody works in this sprint" in (await suite.decisions("empty"))[0].explanation
    await suite.deliver(made(assessment("empty", at=suite.clock.now(), severity=1)))
    decided = await suite.allocation.DecideSplit(messages.DecideSplitRequest(team="teams/empty"))
    assert decided.decision.after.capacity_hours == 0
    from ballast.allocation.v1 import plan_service_pb2 as plans

    plan = (await suite.plans.GetPlan(plans.GetPlanRequest(team="teams/empty"))).plan
    assert [each.finish_sprint for each in plan.items] == [2]


async def test_members_by_a_calendar_work_its_days_without_holidays_and_a_change_of_it_reaches_the_split(suite: Suite) -> None:
    today = suite.clock.now().date()
    await store_calendars(suite, calendar("site", "Asia/Kolkata"))
    members = [team_pb2.Member(id="ada", weekly_hours=20, focus_factor=0.5, calendar="calendars/site", skills=["android"])]
    built = team("site", suite.clock.now() - timedelta(days=1), members=0)
    built.members.extend(members)
    await suite.allocation.UpsertTeams(messages.UpsertTeamsRequest(teams=[built]))
    await suite.app.tick()
    whole = (await capacity(suite, "site"))[0]
    assert (await suite.split("site")).capacity_hours == whole
    working = next(day for day in (today + timedelta(days=each) for each in range(1, 8)) if day.weekday() < 5)
    await store_calendars(suite, calendar("site", "Asia/Kolkata", 8, working))
    assert await capacity(suite, "site") == [whole - 2]  # a day of four hours, half of them focused
    assert (await suite.split("site")).capacity_hours == whole - 2
    await tell(suite, "site", leave("site", "dentist", "ada", working + timedelta(days=7), hours_per_day=1))
    shown = (await suite.capacity.GetCapacity(pb.GetCapacityRequest(team="teams/site"))).sprints[0]
    terms = {each.term: each.hours for each in shown.members[0].terms}
    assert set(terms) == {"working_hours", "holidays", "leave", "focus"}
    assert (terms["holidays"], terms["leave"]) == (-4, -1)
    assert shown.skill_hours["android"] == shown.capacity_hours


async def test_leave_of_a_shared_person_counts_in_every_team_of_theirs(suite: Suite) -> None:
    for name, share in (("left", 0.6), ("right", 0.4)):
        built = team(name, suite.clock.now() - timedelta(days=1), members=1)
        built.members.append(
            team_pb2.Member(id=f"{name}-ada", weekly_hours=40, focus_factor=1, person="people/ada", allocation_share=share)
        )
        await suite.allocation.UpsertTeams(messages.UpsertTeamsRequest(teams=[built]))
    await suite.app.tick()
    assert (await capacity(suite, "left"), await capacity(suite, "right")) == ([60 + 48], [60 + 32])
    today = suite.clock.now().date()
    await tell(suite, "left", leave("left", "off", "left-ada", today - timedelta(days=1), 16))
    assert (await capacity(suite, "left"), await capacity(suite, "right")) == ([60], [60])
    assert (await suite.split("right")).capacity_hours == 60
    greedy = team("third", suite.clock.now(), members=0)
    greedy.members.append(team_pb2.Member(id="a", weekly_hours=40, focus_factor=1, person="people/ada", allocation_share=0.1))
    with pytest.raises(InvalidInput) as refused:
        await suite.allocation.UpsertTeams(messages.UpsertTeamsRequest(teams=[greedy]))
    assert (refused.value.reason, refused.value.violations[0].field) == ("PERSON_OVERALLOCATED", "teams[0].members[0].allocation_share")
    assert "teams/left 0.6" in refused.value.violations[0].description


async def test_who_joins_and_leaves_in_mid_sprint_counts_for_that_time(suite: Suite) -> None:
    now = suite.clock.now()
    built = team("joining", now, members=1)
    built.members.append(team_pb2.Member(id="new", weekly_hours=40, focus_factor=0.75))
    built.members[1].joined_at.FromDatetime(now + timedelta(days=7))
    built.members[0].left_at.FromDatetime(now + FORTNIGHT)
    await suite.allocation.UpsertTeams(messages.UpsertTeamsRequest(teams=[built]))
    assert await capacity(suite, "joining", 1, 2) == [60 + 30, 60]
    await suite.app.tick()
    assert (await suite.split("joining")).capacity_hours == 90
    built.members[1].ClearField("joined_at")
    await suite.allocation.UpsertTeams(messages.UpsertTeamsRequest(teams=[built]))
    assert (await suite.split("joining")).capacity_hours == 120
    built.members[1].joined_at.FromDatetime(now)
    built.members[1].left_at.FromDatetime(now)
    with pytest.raises(InvalidInput) as refused:
        await suite.allocation.UpsertTeams(messages.UpsertTeamsRequest(teams=[built]))
    assert (refused.value.reason, refused.value.violations[0].field) == ("MEMBERSHIP_REVERSED", "teams[0].members[1].left_at")


async def test_bad_leave_is_refused_by_field_and_nothing_of_it_is_stored(suite: Suite) -> None:
    now = suite.clock.now()
    today = now.date()
    built = team("strict", now, members=2)
    built.members[1].left_at.FromDatetime(now + timedelta(days=5))
    await suite.allocation.UpsertTeams(messages.UpsertTeamsRequest(teams=[built]))
    await tell(suite, "strict", leave("strict", "first", "m0", today, 3))
    good = leave("strict", "good", "m0", today + timedelta(days=9))
    cases: list[tuple[calendar_pb2.Leave, type[BallastError], str, str]] = [
        (leave("strict", "b", "m0", today + timedelta(days=2), 2), InvalidInput, "LEAVE_OVERLAPS", "leaves[1].first_day"),
        (leave("strict", "b", "m0", today + timedelta(days=9)), InvalidInput, "LEAVE_OVERLAPS", "leaves[1].first_day"),
        (leave("strict", "b", "m1", today + timedelta(days=4), 3), InvalidInput, "LEAVE_OUTSIDE_MEMBERSHIP", "leaves[1].last_day"),
        (leave("strict", "b", "m0", today + timedelta(days=5), 0), InvalidInput, "LEAVE_REVERSED", "leaves[1].last_day"),
        (leave("strict", "b", "m0", date(1969, 1, 1)), InvalidInput, "DAY_INVALID", "leaves[1].first_day"),
        (leave("strict", "b", "m0", today + timedelta(days=5), hours_per_day=25), InvalidInput, "FIELD_INVALID", "leaves[1].hours_per_day"),
        (leave("other", "b", "m0", today + timedelta(days=5)), InvalidInput, "INVALID_INPUT", "leaves[1].name"),
    ]
    for broken, kind, reason, field in cases:
        with pytest.raises(kind) as refused:
            await tell(suite, "strict", good, broken)
        assert isinstance(refused.value, InvalidInput)
        assert (refused.value.reason, refused.value.violations[0].field) == (reason, field)
    with pytest.raises(NotFound) as missing:
        await tell(suite, "strict", good, leave("strict", "b", "nobody", today))
    assert missing.value.reason == "MEMBER_NOT_FOUND"
    old = leave("strict", "first", "m0", today, etag="v7")
    with pytest.raises(Conflict):
        await tell(suite, "strict", old)
    listed = await suite.capacity.ListLeaves(pb.ListLeavesRequest(team="teams/strict"))
    assert [each.name for each in listed.leaves] == ["teams/strict/leaves/first"]


async def test_leave_is_listed_in_pages_and_by_member(suite: Suite) -> None:
    await suite.store_team("pages")
    first = suite.clock.now().date()
    await tell(suite, "pages", *(leave("pages", f"l{each}", f"m{each % 2}", first + timedelta(days=each)) for each in range(5)))
    names, token = [], ""
    while True:
        page = await suite.capacity.ListLeaves(pb.ListLeavesRequest(team="teams/pages", page_size=2, page_token=token))
        names += [each.name.rpartition("/")[2] for each in page.leaves]
        if not (token := page.next_page_token):
            break
    assert names == ["l0", "l1", "l2", "l3", "l4"]
    mine = await suite.capacity.ListLeaves(pb.ListLeavesRequest(team="teams/pages", member="m1"))
    assert [each.name.rpartition("/")[2] for each in mine.leaves] == ["l1", "l3"]


async def test_leave_told_twice_under_one_request_id_is_told_once(suite: Suite) -> None:
    await suite.store_team("again")
    sent, request_id = leave("again", "trip", "m0", suite.clock.now().date()), str(uuid.uuid4())
    assert await tell(suite, "again", sent, request_id=request_id) == await tell(suite, "again", sent, request_id=request_id)
    assert len(await suite.recorded(allocation_events_pb2.LeaveChanged, sent.name)) == 1


async def test_a_team_by_a_calendar_that_is_not_there_is_refused(suite: Suite) -> None:
    built = team("lost", suite.clock.now(), members=1)
    built.members[0].calendar = "calendars/none"
    with pytest.raises(NotFound) as refused:
        await suite.allocation.UpsertTeams(messages.UpsertTeamsRequest(teams=[built]))
    assert refused.value.reason == "CALENDAR_NOT_FOUND"


async def test_a_sprint_beyond_the_years_is_refused(suite: Suite) -> None:
    await suite.store_team("far")
    with pytest.raises(InvalidInput) as refused:
        await capacity(suite, "far", 2_000_000_000, 26)
    assert refused.value.reason == "SPRINT_OUT_OF_RANGE"


async def test_a_capacity_decision_leaves_a_proposal_waiting(suite: Suite) -> None:
    policy = (await suite.allocation.GetAllocationPolicy(messages.GetAllocationPolicyRequest(name="allocationPolicies/default"))).policy
    policy.name, policy.etag = "allocationPolicies/guarded", ""
    policy.approval_thresholds.share_change = 0.01
    await suite.allocation.UpdateAllocationPolicy(messages.UpdateAllocationPolicyRequest(policy=policy))
    await suite.store_team("waiting", policy="allocationPolicies/guarded")
    await suite.deliver(made(assessment("waiting", at=suite.clock.now(), severity=1)))
    proposed = (await suite.decisions("waiting"))[0]
    assert proposed.state == decision_pb2.DECISION_STATE_PROPOSED
    await tell(suite, "waiting", leave("waiting", "trip", "m0", suite.clock.now().date(), 5))
    newest, waiting = (await suite.decisions("waiting"))[:2]
    assert newest.trigger == decision_pb2.DECISION_TRIGGER_CAPACITY
    assert (waiting.name, waiting.state) == (proposed.name, decision_pb2.DECISION_STATE_PROPOSED)
