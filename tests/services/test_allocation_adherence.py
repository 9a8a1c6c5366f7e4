"""Adherence and drift in a running allocation."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from ballast.allocation.v1 import adherence_pb2, allocation_events_pb2, allocation_policy_pb2, decision_pb2, policy_rule_pb2, team_pb2
from ballast.allocation.v1 import adherence_service_pb2 as pb
from ballast.allocation.v1 import allocation_messages_pb2 as messages

from services.allocation.settings import AllocationSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput, NotFound, PreconditionFailed
from tests.support.allocating import FORTNIGHT, Suite, allocating, assessment, item, made, team

FOLLOWED, DRIFTING, CANNOT_TELL = (
    adherence_pb2.ADHERENCE_STATE_FOLLOWED,
    adherence_pb2.ADHERENCE_STATE_DRIFTING,
    adherence_pb2.ADHERENCE_STATE_CANNOT_TELL,
)


@pytest.fixture(scope="module")
async def suite(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    settings = AllocationSettings(port=0, database_url=urls["allocation"], cache_url=engines.cache_url, subscribers={})
    async with allocating(settings, clock) as running:
        yield running


def work(of: str, hours: float, at: datetime, category: str) -> team_pb2.WorkRecord:
    built = team_pb2.WorkRecord(team=f"teams/{of}", hours=hours, category=category)
    built.worked_at.FromDatetime(at)
    return built


async def begin(suite: Suite, of: str, **more: Any) -> None:
    """Stores a team whose sprint 1 begins now, and decides its split."""
    await suite.allocation.UpsertTeams(messages.UpsertTeamsRequest(teams=[team(of, suite.clock.now(), **more)]))
    await suite.app.tick()


async def worked(suite: Suite, of: str, remediation: float, roadmap: float) -> None:
    """Records the work of a sprint, and lets it end."""
    await suite.advance(FORTNIGHT - timedelta(hours=1))
    now = suite.clock.now()
    records = [work(of, hours, now, kind) for hours, kind in ((remediation, "toil"), (roadmap, "discovery")) if hours]
    if records:
        await suite.allocation.RecordWork(messages.RecordWorkRequest(records=records))
    await suite.advance(timedelta(hours=1))


async def adherence(suite: Suite, of: str, sprint: int = 0) -> adherence_pb2.Adherence:
    return (await suite.adherence.GetAdherence(pb.GetAdherenceRequest(team=f"teams/{of}", sprint=sprint))).adherence


async def drifts(suite: Suite, of: str, **more: Any) -> list[adherence_pb2.Drift]:
    return list((await suite.adherence.ListDrifts(pb.ListDriftsRequest(team=f"teams/{of}", **more))).drifts)


async def test_planned_against_recorded_hours_of_a_sprint_add_up(suite: Suite) -> None:
    await begin(suite, "sums")
    await suite.allocation.RecordWork(messages.RecordWorkRequest(records=[work("sums", 7, suite.clock.now(), "meeting")]))
    await worked(suite, "sums", 80, 120)
    found = (await adherence(suite, "sums", 1)).sprint
    assert (found.capacity_hours, found.planned_remediation_share) == (240, 0.333333)
    assert found.planned_remediation_hours + found.planned_roadmap_hours == pytest.approx(240)
    assert (found.remediation_hours, found.roadmap_hours, found.other_hours, found.unrecorded_hours) == (80, 120, 7, 40)
    assert (found.recorded_remediation_share, found.difference) == (0.4, 0.066667)
    assert found.state == FOLLOWED
    assert found.chart_value == pytest.approx(0.2 * 0.066667)
    assert found.chart_limit > 0.1


async def test_the_present_sprint_is_counted_so_far(suite: Suite) -> None:
    await begin(suite, "so-far")
    await suite.advance(timedelta(days=7))
    found = (await adherence(suite, "so-far")).sprint
    assert (found.number, found.capacity_hours) == (1, 120)
    assert (found.state, found.notes[0][:11]) == (CANNOT_TELL, "Cannot tell")


async def test_a_policy_that_nobody_follows_is_told_of_once_and_so_is_its_end(suite: Suite) -> None:
    await begin(suite, "unfollowed")
    for _ in range(3):
        await worked(suite, "unfollowed", 200, 20)
    (open_drift,) = await drifts(suite, "unfollowed")
    assert (open_drift.kind, open_drift.name) == (adherence_pb2.DRIFT_KIND_POLICY_UNFOLLOWED, "teams/unfollowed/drifts/policy-unfollowed")
    assert open_drift.value > open_drift.limit
    assert open_drift.false_alarm_sprints == 370
    assert (await adherence(suite, "unfollowed", 3)).sprint.state == DRIFTING
    assert [each.kind for each in (await adherence(suite, "unfollowed")).drifts] == [open_drift.kind]
    for _ in range(9):
        await worked(suite, "unfollowed", 70, 150)
    assert await drifts(suite, "unfollowed") == []
    (ended,) = await drifts(suite, "unfollowed", with_ended=True)
    assert ended.HasField("ended_at")
    told = [
        len(await suite.recorded(kind, open_drift.name)) for kind in (allocation_events_pb2.DriftDetected, allocation_events_pb2.DriftEnded)
    ]
    assert told == [1, 1]


async def test_a_rule_may_look_at_how_far_work_is_from_its_plan(suite: Suite) -> None:
    drifting = policy_rule_pb2.PolicyRule(
        id="drifting", when="adherence.drift > 0.05", raise_by=0.05, reason="More is remedied than planned."
    )
    policy = allocation_policy_pb2.AllocationPolicy(
        name="allocationPolicies/watched",
        baseline_share=0.3,
        floor_share=0.1,
        cap_share=0.6,
        largest_step=0.2,
        horizon_sprints=2,
        reason="Watches adherence.",
        rules=[drifting],
    )
    await suite.allocation.UpdateAllocationPolicy(messages.UpdateAllocationPolicyRequest(policy=policy))
    await begin(suite, "watched", policy=policy.name)

    async def term() -> decision_pb2.DecisionTerm:
        request = messages.DecideSplitRequest(team="teams/watched", validate_only=True)
        made = (await suite.allocation.DecideSplit(request)).decision
        return next(each for each in made.terms if each.term not in {"baseline", "reserve"})

    unknown = await term()
    assert (unknown.fired, "adherence.drift" in unknown.reason) == (False, True)
    await worked(suite, "watched", 200, 20)
    await worked(suite, "watched", 200, 20)
    seen = await term()
    assert (seen.fired, seen.share) == (True, 0.05)


async def test_too_little_recorded_cannot_tell_and_is_a_drift_of_its_own(suite: Suite) -> None:
    await begin(suite, "silent")
    await worked(suite, "silent", 70, 140)
    for _ in range(2):
        await worked(suite, "silent", 5, 10)
    assert [each.kind for each in await drifts(suite, "silent")] == [adherence_pb2.DRIFT_KIND_UNDER_RECORDING]
    found = (await adherence(suite, "silent", 3)).sprint
    assert (found.state, found.HasField("chart_value"), found.unrecorded_hours) == (CANNOT_TELL, False, 225)


async def test_a_team_that_never_recorded_has_not_stopped(suite: Suite) -> None:
    await begin(suite, "never")
    await suite.advance(4 * FORTNIGHT)
    assert await drifts(suite, "never", with_ended=True) == []
    assert (await adherence(suite, "never", 4)).sprint.state == CANNOT_TELL


async def test_a_reserve_that_is_not_used_while_items_are_late_is_over_allocation(suite: Suite) -> None:
    await begin(suite, "idle")
    late = item("idle", "idle", 4000)
    late.due_at.FromDatetime(suite.clock.now() + timedelta(days=20))
    await suite.store_items(late)
    for _ in range(6):
        await worked(suite, "idle", 0, 160)
    kinds = {each.kind for each in await drifts(suite, "idle")}
    assert adherence_pb2.DRIFT_KIND_OVER_ALLOCATION in kinds
    assert (await adherence(suite, "idle", 6)).sprint.items_late == 1


async def test_a_backlog_that_grows_sprint_after_sprint_is_told_of(suite: Suite) -> None:
    await begin(suite, "growing")
    for _ in range(7):
        await suite.deliver(*(made(assessment("growing", at=suite.clock.now(), severity=4)) for _ in range(3)))
        await suite.advance(FORTNIGHT)
    (found,) = await drifts(suite, "growing")
    assert found.kind == adherence_pb2.DRIFT_KIND_BACKLOG_GROWTH
    assert found.value <= found.limit == 0.01
    assert (await adherence(suite, "growing", 7)).sprint.incidents_open == 21


async def test_sprints_are_listed_newest_first_and_a_page_changes_no_figure(suite: Suite) -> None:
    await begin(suite, "listed")
    for roadmap in (150, 130, 140):
        await worked(suite, "listed", 60, roadmap)
    whole = await suite.adherence.ListAdherence(pb.ListAdherenceRequest(team="teams/listed"))
    assert [each.number for each in whole.sprints] == [4, 3, 2, 1]
    paged: list[adherence_pb2.SprintAdherence] = []
    token = ""
    while True:
        page = await suite.adherence.ListAdherence(pb.ListAdherenceRequest(team="teams/listed", page_size=1, page_token=token))
        paged += page.sprints
        if not (token := page.next_page_token):
            break
    assert paged == list(whole.sprints)


async def test_late_records_and_corrections_count_in_the_sprint_they_were_worked_in(suite: Suite) -> None:
    await begin(suite, "late")
    await worked(suite, "late", 60, 100)
    late = work("late", 40, suite.clock.now() - timedelta(days=2), "toil")
    await suite.allocation.RecordWork(messages.RecordWorkRequest(records=[late]))
    assert (await adherence(suite, "late", 1)).sprint.remediation_hours == 100


async def test_what_cannot_be_asked_is_refused(suite: Suite) -> None:
    with pytest.raises(NotFound):
        await adherence(suite, "none")
    await suite.allocation.UpsertTeams(messages.UpsertTeamsRequest(teams=[team("early", suite.clock.now() + timedelta(days=1))]))
    for sprint in (0, 1, 7):
        with pytest.raises(PreconditionFailed) as refused:
            await adherence(suite, "early", sprint)
        assert refused.value.reason == "SPRINT_NOT_BEGUN"
    with pytest.raises(InvalidInput) as far:
        await adherence(suite, "early", 2_000_000_000)
    assert far.value.reason == "SPRINT_OUT_OF_RANGE"


async def test_two_replicas_look_once(suite: Suite) -> None:
    await begin(suite, "twice")
    await worked(suite, "twice", 200, 20)
    await suite.advance(FORTNIGHT - timedelta(hours=1))
    records = [work("twice", 200, suite.clock.now(), "toil")]
    await suite.allocation.RecordWork(messages.RecordWorkRequest(records=records))
    suite.clock.advance(suite.clock.now() + timedelta(hours=1))
    await asyncio.gather(suite.app.tick(), suite.app.tick())
    name = "teams/twice/drifts/policy-unfollowed"
    assert len(await suite.recorded(allocation_events_pb2.DriftDetected, name)) == 1
