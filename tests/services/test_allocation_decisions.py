"""Decisions of a running allocation: on request, when sprints begin, and on what triage tells."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from ballast.allocation.v1 import allocation_events_pb2
from ballast.allocation.v1 import allocation_messages_pb2 as pb
from ballast.events.v1 import event_sink_service_pb2 as sink

from services.allocation.settings import AllocationSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput, NotFound, PreconditionFailed
from tests.support.allocating import (
    ASSESSMENT,
    FORTNIGHT,
    HELD,
    LOWERED,
    RAISED,
    REQUEST,
    SPRINT_BEGAN,
    Suite,
    allocating,
    assessment,
    item,
    made,
    team,
)

ACCEPTED, STALE = sink.DELIVERY_OUTCOME_ACCEPTED, sink.DELIVERY_OUTCOME_STALE
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def settings(urls: dict[str, str], engines: Engines) -> AllocationSettings:
    return AllocationSettings(port=0, database_url=urls["allocation"], cache_url=engines.cache_url, subscribers={})


@pytest.fixture(scope="module")
async def suite(settings: AllocationSettings, clock: SimulatedClock) -> AsyncIterator[Suite]:
    async with allocating(settings, clock) as running:
        yield running


async def test_when_a_sprint_begins_one_decision_is_made(suite: Suite) -> None:
    await suite.store_team("begins")
    await suite.app.tick()
    found = await suite.decisions("begins")
    assert [(each.trigger, each.outcome, each.sprint) for each in found] == [(SPRINT_BEGAN, HELD, "teams/begins/sprints/1")]
    await suite.advance(FORTNIGHT)
    await suite.app.tick()
    assert [each.sprint for each in await suite.decisions("begins")] == ["teams/begins/sprints/2", "teams/begins/sprints/1"]


async def test_several_replicas_make_one_decision_for_a_sprint(suite: Suite, settings: AllocationSettings) -> None:
    async with allocating(settings, suite.clock) as other:
        first = suite.clock.now() - timedelta(days=1)
        teams = [team(f"replica-{number}", first) for number in range(4)]
        await suite.allocation.UpsertTeams(pb.UpsertTeamsRequest(teams=teams))
        await asyncio.gather(*(each.app.tick() for each in (suite, other, suite, other)))
        for number in range(4):
            assert len(await suite.decisions(f"replica-{number}")) == 1


async def test_before_sprint_1_nothing_is_decided(suite: Suite) -> None:
    await suite.allocation.UpsertTeams(pb.UpsertTeamsRequest(teams=[team("early", suite.clock.now() + HOUR)]))
    await suite.app.tick()
    assert not await suite.decisions("early")
    with pytest.raises(PreconditionFailed) as refused:
        await suite.allocation.DecideSplit(pb.DecideSplitRequest(team="teams/early"))
    assert refused.value.reason == "SPRINT_NOT_BEGUN"
    assert await suite.deliver(made(assessment("early", at=suite.clock.now()))) == [ACCEPTED]


async def test_a_grave_assessment_raises_the_share_and_says_what_it_displaces(suite: Suite) -> None:
    await suite.store_team("grave")
    await suite.store_items(item("big", "grave", 150, 2000), item("small", "grave", 20, 100, "big"))
    told = assessment("grave", at=suite.clock.now() - HOUR)
    assert await suite.deliver(made(told)) == [ACCEPTED]
    decision = (await suite.decisions("grave"))[0]
    assert (decision.trigger, decision.outcome, decision.assessment) == (ASSESSMENT, RAISED, told.name)
    assert (decision.before.remediation_share, decision.after.remediation_share) == (0.333333, 0.383333)
    assert [(each.incident, each.severity, each.open, each.time_to_restore.seconds) for each in decision.incidents] == [
        (told.incident, 1, True, 3600)
    ]
    assert (decision.incidents[0].trace_id, decision.incidents[0].span_id) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    displaced = decision.impact.displaced[0]
    assert (displaced.roadmap_item, displaced.delay.ToTimedelta(), displaced.value_at_risk.units) == ("roadmapItems/big", FORTNIGHT, 4000)
    assert decision.impact.solver.startswith("HiGHS")
    assert sum(round(term.share * 1e6) for term in decision.terms) == round(decision.requested_share * 1e6)
    assert len(decision.trace_id) == 32
    assert await suite.split("grave") == decision.after
    assert (await suite.allocation.GetDecision(pb.GetDecisionRequest(name=decision.name))).decision == decision
    assert [event.decision for event in await suite.recorded(allocation_events_pb2.DecisionMade, decision.name)] == [decision]


async def test_an_event_delivered_twice_decides_once(suite: Suite) -> None:
    await suite.store_team("again")
    event = made(assessment("again", at=suite.clock.now()))
    assert await suite.deliver(event) == await suite.deliver(event) == [ACCEPTED]
    assert len(await suite.decisions("again")) == 2


async def test_only_revisions_that_matter_decide_and_the_others_are_held_all_the_same(suite: Suite) -> None:
    await suite.store_team("revise")
    now = suite.clock.now()
    first = assessment("revise", at=now, severity=3)
    same = assessment("revise", at=now, severity=3, revision=2, name=first.name, incident=first.incident)
    worse = assessment("revise", at=now, severity=1, revision=3, name=first.name, incident=first.incident)
    over = assessment("revise", at=now, severity=1, revision=4, name=first.name, incident=first.incident, resolved_at=now)
    counts = []
    for each in (first, same, worse, over):
        assert await suite.deliver(made(each)) == [ACCEPTED]
        counts.append(len(await suite.decisions("revise", assessment=first.name)))
    assert counts == [1, 1, 2, 3]
    assert await suite.deliver(made(worse), made(over)) == [STALE, STALE]
    newest = (await suite.decisions("revise"))[0]
    assert [(each.assessment_revision, each.open) for each in newest.incidents] == [(4, False)]


async def test_an_assessment_decides_for_every_team_it_names_that_is_known(suite: Suite) -> None:
    await suite.store_team("one")
    await suite.store_team("two")
    told = assessment("one", "unknown", "two", at=suite.clock.now())
    assert await suite.deliver(made(told)) == [ACCEPTED]
    listed = await suite.allocation.ListDecisions(pb.ListDecisionsRequest(filter=pb.DecisionFilter(assessment=told.name)))
    assert [each.team for each in listed.decisions] == ["teams/two", "teams/one"]


async def test_an_incident_that_was_merged_is_no_longer_counted_beside_the_one_it_went_into(suite: Suite) -> None:
    await suite.store_team("merged")
    stays, goes = (assessment("merged", at=suite.clock.now()) for _ in range(2))
    await suite.deliver(made(stays), made(goes))
    assert len((await suite.decisions("merged"))[0].incidents) == 2
    goes.revision, goes.merged_into = 2, stays.incident
    goes.resolved_at.FromDatetime(suite.clock.now())
    await suite.deliver(made(goes))
    assert [each.incident for each in (await suite.decisions("merged"))[0].incidents] == [stays.incident]


async def test_an_assessment_without_severity_is_a_dead_letter_that_changes_nothing(suite: Suite) -> None:
    await suite.store_team("broken")
    with pytest.raises(InvalidInput) as refused:
        await suite.deliver(made(assessment("broken", at=suite.clock.now(), severity=0)))
    assert refused.value.reason == "EVENT_MALFORMED"
    assert len(await suite.decisions("broken")) == 1


async def test_the_share_falls_only_after_quiet_sprints_and_only_when_a_sprint_begins(suite: Suite) -> None:
    await suite.store_team("calm")
    now = suite.clock.now()
    told = assessment("calm", at=now)
    over = assessment("calm", at=now, revision=2, name=told.name, incident=told.incident, resolved_at=now + HOUR)
    await suite.deliver(made(told))
    await suite.advance(2 * HOUR)
    await suite.deliver(made(over))
    assert (await suite.decisions("calm"))[0].outcome == HELD  # the sprint is under way
    shares = []
    for _ in range(4):
        await suite.advance(FORTNIGHT)
        shares.append((await suite.split("calm")).remediation_share)
    # Sprint 1 was not quiet; 2 and 3 were, so that sprint 4 begins with less.
    assert shares == [0.383333, 0.383333, 0.333333, 0.333333]
    lowered = await suite.decisions("calm", outcomes=[LOWERED])
    assert [each.sprint for each in lowered] == ["teams/calm/sprints/4"]


async def test_incidents_of_the_sprint_just_ended_count_when_the_next_begins(suite: Suite) -> None:
    await suite.store_team("busy")
    await suite.advance(FORTNIGHT)
    now = suite.clock.now()
    for number in range(4):
        at = now + number * timedelta(minutes=1)
        await suite.deliver(made(assessment("busy", at=at, severity=4, resolved_at=at + HOUR)))
    await suite.advance(FORTNIGHT)
    began = (await suite.decisions("busy"))[0]
    assert began.trigger == SPRINT_BEGAN
    assert {each.input: each.value for each in began.inputs}["incident_count"] == 4
    assert [term.term for term in began.terms if term.fired] == ["baseline", "incident_frequency"]
    assert began.explanation.startswith("As sprint 3 begins, the reserve for remediation stays at 43.3 % of 240 h")


async def test_a_decision_asked_for_is_made_once_for_a_request_id(suite: Suite) -> None:
    await suite.store_team("asked")
    request = pb.DecideSplitRequest(team="teams/asked", request_id=str(uuid.uuid4()))
    first = await suite.allocation.DecideSplit(request)
    assert (await suite.allocation.DecideSplit(request)) == first
    assert first.decision.trigger == REQUEST
    assert len(await suite.decisions("asked")) == 2


async def test_a_preview_decides_the_same_and_stores_nothing(suite: Suite) -> None:
    await suite.store_team("preview")
    preview = (await suite.allocation.DecideSplit(pb.DecideSplitRequest(team="teams/preview", validate_only=True))).decision
    assert (preview.name, preview.trace_id) == ("", "")
    assert len(await suite.decisions("preview")) == 1
    stored = (await suite.allocation.DecideSplit(pb.DecideSplitRequest(team="teams/preview"))).decision
    stored.name = stored.trace_id = ""
    assert stored == preview


async def test_decisions_asked_for_at_once_are_made_one_after_the_other(suite: Suite) -> None:
    await suite.store_team("rush")
    answers = await asyncio.gather(*(suite.allocation.DecideSplit(pb.DecideSplitRequest(team="teams/rush")) for _ in range(6)))
    found = await suite.decisions("rush")
    assert len(found) == 7
    assert {each.name for each in found} > {each.decision.name for each in answers}


async def test_decisions_are_filtered_and_paged(suite: Suite) -> None:
    await suite.store_team("pages")
    for _ in range(4):
        await suite.allocation.DecideSplit(pb.DecideSplitRequest(team="teams/pages"))
    chosen = pb.DecisionFilter(sprint="teams/pages/sprints/1", outcomes=[HELD])
    names: list[str] = []
    token = ""
    while True:
        page = await suite.allocation.ListDecisions(pb.ListDecisionsRequest(filter=chosen, page_size=2, page_token=token))
        names += [each.name for each in page.decisions]
        if not (token := page.next_page_token):
            break
    assert names == [each.name for each in await suite.decisions("pages")]
    assert len(set(names)) == 5
    assert not await suite.decisions("pages", outcomes=[RAISED])


@pytest.mark.parametrize("sprint", ["teams/pages", "teams/pages/sprints/0", "teams/pages/sprints/x", "teams/other/sprints/1"])
async def test_a_filter_by_what_is_no_sprint_of_the_team_is_refused(suite: Suite, sprint: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await suite.decisions("pages", sprint=sprint)
    assert refused.value.violations[0].field == "filter.sprint"


async def test_an_outcome_that_is_none_is_refused(suite: Suite) -> None:
    with pytest.raises(InvalidInput) as refused:
        await suite.decisions("pages", outcomes=[9])
    assert refused.value.violations[0].field == "filter.outcomes[0]"


async def test_what_does_not_exist_is_not_found(suite: Suite) -> None:
    with pytest.raises(NotFound) as decision:
        await suite.allocation.GetDecision(pb.GetDecisionRequest(name=f"decisions/{uuid.uuid4()}"))
    assert decision.value.reason == "DECISION_NOT_FOUND"
    with pytest.raises(NotFound) as asked:
        await suite.allocation.DecideSplit(pb.DecideSplitRequest(team="teams/none"))
    assert asked.value.reason == "TEAM_NOT_FOUND"
