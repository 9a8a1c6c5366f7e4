"""Teams, sprints, policies and work in a running allocation."""

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from ballast.allocation.v1 import allocation_events_pb2, allocation_policy_pb2, team_pb2
from ballast.allocation.v1 import allocation_messages_pb2 as pb

from services.allocation.settings import AllocationSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import Conflict, InvalidInput, NotFound
from tests.support.allocating import FORTNIGHT, Suite, allocating, item, team


@pytest.fixture(scope="module")
async def suite(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    settings = AllocationSettings(port=0, database_url=urls["allocation"], cache_url=engines.cache_url, subscribers={})
    async with allocating(settings, clock) as running:
        yield running


async def upsert(suite: Suite, *teams: team_pb2.Team, **more: Any) -> list[team_pb2.Team]:
    return list((await suite.allocation.UpsertTeams(pb.UpsertTeamsRequest(teams=teams, **more))).teams)


async def test_a_team_comes_back_as_it_was_stored(suite: Suite) -> None:
    sent = team("back", suite.clock.now(), display_name="Back", members=2)
    stored = (await upsert(suite, sent))[0]
    assert (stored.display_name, list(stored.members), stored.sprint_length) == ("Back", list(sent.members), sent.sprint_length)
    assert (stored.policy, stored.etag) == ("allocationPolicies/default", "v1")
    assert (await suite.allocation.GetTeam(pb.GetTeamRequest(name="teams/back"))).team == stored
    assert [event.team for event in await suite.recorded(allocation_events_pb2.TeamChanged, "teams/back")] == [stored]


async def test_storing_a_team_again_unchanged_changes_nothing(suite: Suite) -> None:
    sent = team("same", suite.clock.now())
    assert await upsert(suite, sent) == await upsert(suite, sent)
    assert len(await suite.recorded(allocation_events_pb2.TeamChanged, "teams/same")) == 1


async def test_a_team_changed_meanwhile_is_not_overwritten(suite: Suite) -> None:
    first = (await upsert(suite, team("etag", suite.clock.now())))[0]
    await upsert(suite, team("etag", suite.clock.now(), members=2))
    with pytest.raises(Conflict) as refused:
        await upsert(suite, first)
    assert refused.value.reason == "ETAG_MISMATCH"


async def test_one_bad_team_keeps_all_from_being_stored(suite: Suite) -> None:
    idle = [team_pb2.Member(id="a", weekly_hours=0, focus_factor=1)]
    twice = [team_pb2.Member(id="a", weekly_hours=8, focus_factor=1)] * 2
    for members, reason, field in ((idle, "CAPACITY_ZERO", "teams[1].members"), (twice, "MEMBER_DUPLICATE", "teams[1].members[1].id")):
        with pytest.raises(InvalidInput) as refused:
            await upsert(
                suite, team("good", suite.clock.now()), team("bad", suite.clock.now(), members=0) if not members else _with(suite, members)
            )
        assert (refused.value.reason, refused.value.violations[0].field) == (reason, field)
    with pytest.raises(NotFound) as missing:
        await suite.allocation.GetTeam(pb.GetTeamRequest(name="teams/good"))
    assert missing.value.reason == "TEAM_NOT_FOUND"


def _with(suite: Suite, members: list[team_pb2.Member]) -> team_pb2.Team:
    built = team("bad", suite.clock.now(), members=0)
    built.members.extend(members)
    return built


async def test_a_team_under_an_unknown_policy_is_refused(suite: Suite) -> None:
    with pytest.raises(NotFound) as refused:
        await upsert(suite, team("lost", suite.clock.now(), policy="allocationPolicies/none"))
    assert refused.value.reason == "POLICY_NOT_FOUND"


async def test_teams_are_listed_by_name_in_pages(suite: Suite) -> None:
    await upsert(suite, *(team(f"page-{letter}", suite.clock.now()) for letter in "cab"))
    names: list[str] = []
    token = ""
    while True:
        page = await suite.allocation.ListTeams(pb.ListTeamsRequest(page_size=2, page_token=token))
        names += [each.name for each in page.teams]
        if not (token := page.next_page_token):
            break
    assert names == sorted(names)
    assert {"teams/page-a", "teams/page-b", "teams/page-c"} <= set(names)
    with pytest.raises(InvalidInput) as refused:
        await suite.allocation.ListTeams(pb.ListTeamsRequest(page_token="nonsense"))
    assert refused.value.reason == "PAGE_TOKEN_INVALID"


async def test_sprints_follow_from_the_cadence_newest_first_with_split_and_work(suite: Suite) -> None:
    await suite.store_team("sprints", sprint=3)
    await suite.store_items(item("of-sprints", "sprints", 100))
    incident = f"incidents/{uuid.uuid4()}"
    now = suite.clock.now()
    await record(
        suite, work("sprints", 3, now, roadmap_item="roadmapItems/of-sprints"), work("sprints", 2.5, now - FORTNIGHT, incident=incident)
    )
    first = await suite.allocation.ListSprints(pb.ListSprintsRequest(team="teams/sprints", page_size=2))
    second = await suite.allocation.ListSprints(pb.ListSprintsRequest(team="teams/sprints", page_size=2, page_token=first.next_page_token))
    sprints = [*first.sprints, *second.sprints]
    assert [each.name for each in sprints] == [f"teams/sprints/sprints/{number}" for number in (3, 2, 1)]
    assert second.next_page_token == ""
    assert [each.capacity_hours for each in sprints] == [240, 240, 240]
    assert [each.HasField("split") for each in sprints] == [True, False, False]
    assert [(each.remediation_recorded_hours, each.roadmap_recorded_hours) for each in sprints] == [(0, 3), (2.5, 0), (0, 0)]
    assert sprints[1].end_at == sprints[0].begin_at


async def test_before_sprint_1_a_team_has_no_sprints(suite: Suite) -> None:
    await upsert(suite, team("early", suite.clock.now() + timedelta(days=3)))
    assert not (await suite.allocation.ListSprints(pb.ListSprintsRequest(team="teams/early"))).sprints


async def policy(suite: Suite, name: str = "default", revision: int = 0) -> allocation_policy_pb2.AllocationPolicy:
    request = pb.GetAllocationPolicyRequest(name=f"allocationPolicies/{name}", revision=revision)
    return (await suite.allocation.GetAllocationPolicy(request)).policy


async def update(suite: Suite, changed: allocation_policy_pb2.AllocationPolicy, **more: Any) -> allocation_policy_pb2.AllocationPolicy:
    return (await suite.allocation.UpdateAllocationPolicy(pb.UpdateAllocationPolicyRequest(policy=changed, **more))).policy


async def test_the_default_policy_is_there_from_the_beginning(suite: Suite) -> None:
    found = await policy(suite, revision=1)
    assert (found.baseline_share, found.floor_share, found.cap_share, found.largest_step) == (0.333333, 0.15, 0.6, 0.15)
    assert (found.incident_frequency.ratio, found.time_to_restore.raise_by, found.open_incidents.raise_at_most) == (1.5, 0.08, 0.15)
    assert len(await suite.recorded(allocation_events_pb2.AllocationPolicyChanged, found.name)) >= 1


async def test_a_policy_gains_revisions_and_the_older_stay_readable(suite: Suite) -> None:
    mine = await policy(suite)
    mine.name, mine.etag = "allocationPolicies/mine", ""
    first = await update(suite, mine)
    assert (first.revision, first.author) == (1, "ada")
    first.cap_share = 0.5
    first.ClearField("time_to_restore")
    second = await update(suite, first)
    assert (second.revision, second.HasField("time_to_restore")) == (2, False)
    assert (await policy(suite, "mine", 1)).cap_share == 0.6
    listed = await suite.allocation.ListAllocationPolicyRevisions(pb.ListAllocationPolicyRevisionsRequest(name=first.name))
    assert [each.revision for each in listed.policies] == [2, 1]
    with pytest.raises(NotFound) as missing:
        await policy(suite, "mine", 3)
    assert missing.value.reason == "POLICY_REVISION_NOT_FOUND"


async def test_a_policy_that_exists_is_changed_only_at_its_etag(suite: Suite) -> None:
    for etag in ("", "v7"):
        changed = await policy(suite)
        changed.etag = etag
        with pytest.raises(Conflict) as refused:
            await update(suite, changed)
        assert refused.value.reason == "ETAG_MISMATCH"


async def test_a_policy_whose_bounds_exclude_its_baseline_is_refused(suite: Suite) -> None:
    changed = await policy(suite)
    changed.floor_share = 0.4
    with pytest.raises(InvalidInput) as refused:
        await update(suite, changed)
    assert (refused.value.reason, refused.value.violations[0].field) == ("BASELINE_OUT_OF_BOUNDS", "policy.floor_share")


async def test_a_share_that_is_no_number_is_refused(suite: Suite) -> None:
    changed = await policy(suite)
    changed.largest_step = float("nan")
    with pytest.raises(InvalidInput) as refused:
        await update(suite, changed)
    assert refused.value.violations[0].field == "policy.largest_step"


async def test_a_policy_only_checked_is_not_stored(suite: Suite) -> None:
    before = await policy(suite)
    assert (await update(suite, before, validate_only=True)).revision == before.revision + 1
    assert await policy(suite) == before


def work(of: str, hours: float, at: Any, **purpose: str) -> team_pb2.WorkRecord:
    built = team_pb2.WorkRecord(team=f"teams/{of}", hours=hours, member="m1", note="pairing", **purpose)  # type: ignore[arg-type]
    built.worked_at.FromDatetime(at)
    return built


async def record(suite: Suite, *records: team_pb2.WorkRecord, **more: Any) -> list[team_pb2.WorkRecord]:
    return list((await suite.allocation.RecordWork(pb.RecordWorkRequest(records=records, **more))).records)


async def remaining(suite: Suite, name: str) -> float:
    return (await suite.allocation.GetRoadmapItem(pb.GetRoadmapItemRequest(name=f"roadmapItems/{name}"))).item.remaining_hours


async def test_work_is_taken_off_its_item_and_listed_newest_first(suite: Suite) -> None:
    await suite.store_team("work")
    await suite.store_items(item("worked", "work", 10))
    now = suite.clock.now()
    stored = await record(
        suite,
        work("work", 0.1, now - timedelta(hours=2), roadmap_item="roadmapItems/worked"),
        work("work", 0.2, now - timedelta(hours=1), roadmap_item="roadmapItems/worked"),
    )
    assert await remaining(suite, "worked") == 9.7
    listed = await suite.allocation.ListWorkRecords(pb.ListWorkRecordsRequest(team="teams/work", page_size=1))
    rest = await suite.allocation.ListWorkRecords(
        pb.ListWorkRecordsRequest(team="teams/work", page_size=1, page_token=listed.next_page_token)
    )
    assert [*listed.records, *rest.records] == stored[::-1]
    assert [list(event.records) for event in await suite.recorded(allocation_events_pb2.WorkRecorded, stored[0].name)] == [stored]


async def test_one_bad_record_keeps_all_from_being_stored(suite: Suite) -> None:
    await suite.store_team("half")
    await suite.store_items(item("half", "half", 10))
    now = suite.clock.now()
    good = work("half", 1, now, roadmap_item="roadmapItems/half")
    with pytest.raises(InvalidInput) as refused:
        await record(suite, good, work("half", 1, now + timedelta(minutes=1), roadmap_item="roadmapItems/half"))
    assert (refused.value.reason, refused.value.violations[0].field) == ("WORK_IN_FUTURE", "records[1].worked_at")
    with pytest.raises(NotFound) as missing:
        await record(suite, good, work("half", 1, now, roadmap_item="roadmapItems/none"))
    assert missing.value.reason == "ROADMAP_ITEM_NOT_FOUND"
    assert await remaining(suite, "half") == 10
    assert not (await suite.allocation.ListWorkRecords(pb.ListWorkRecordsRequest(team="teams/half"))).records


async def test_work_sent_twice_under_one_request_id_counts_once(suite: Suite) -> None:
    await suite.store_team("twice")
    await suite.store_items(item("twice", "twice", 10))
    sent, request_id = work("twice", 4, suite.clock.now(), roadmap_item="roadmapItems/twice"), str(uuid.uuid4())
    assert await record(suite, sent, request_id=request_id) == await record(suite, sent, request_id=request_id)
    assert await remaining(suite, "twice") == 6
    with pytest.raises(InvalidInput) as refused:
        await record(suite, work("twice", 5, suite.clock.now(), roadmap_item="roadmapItems/twice"), request_id=request_id)
    assert refused.value.reason == "REQUEST_ID_REUSED"
