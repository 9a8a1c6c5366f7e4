"""Plans, imports and revisions of roadmap items in a running allocation."""

import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from ballast.allocation.v1 import allocation_messages_pb2, plan_pb2, roadmap_item_pb2
from ballast.allocation.v1 import plan_service_pb2 as pb
from google.type.money_pb2 import Money

from services.allocation.settings import AllocationSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import BallastError, InvalidInput, NotFound
from tests.support.allocating import FORTNIGHT, Suite, allocating, item

CSV, ISSUES, MILESTONES = pb.ROADMAP_FORMAT_CSV, pb.ROADMAP_FORMAT_GITHUB_ISSUES, pb.ROADMAP_FORMAT_GITHUB_MILESTONES


@pytest.fixture(scope="module")
async def suite(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    settings = AllocationSettings(port=0, database_url=urls["allocation"], cache_url=engines.cache_url, subscribers={})
    async with allocating(settings, clock) as running:
        yield running


async def imported(
    suite: Suite, team: str, form: "pb.RoadmapFormat.ValueType", content: str, **more: Any
) -> list[pb.ImportRoadmapItemsResponse]:
    request = pb.ImportRoadmapItemsRequest(team=f"teams/{team}", format=form, content=content.encode(), **more)
    return [answer async for answer in suite.plans.ImportRoadmapItems(request)]


async def names(suite: Suite, team: str) -> list[str]:
    listed = await suite.allocation.ListRoadmapItems(allocation_messages_pb2.ListRoadmapItemsRequest(team=f"teams/{team}"))
    return [each.name.removeprefix("roadmapItems/") for each in listed.items]


def sprints(plan: plan_pb2.RoadmapPlan) -> dict[str, int]:
    return {each.roadmap_item.removeprefix("roadmapItems/"): each.finish_sprint for each in plan.items}


async def test_a_plan_says_when_each_item_is_done_and_how_good_it_is(suite: Suite) -> None:
    await suite.store_team("one")
    await suite.store_items(
        item("one-big", "one", 150, 2000), item("one-small", "one", 120, 1100), item("one-last", "one", 10, 5, "one-big")
    )
    plan = (await suite.plans.GetPlan(pb.GetPlanRequest(team="teams/one"))).plan
    assert sprints(plan) == {"one-big": 1, "one-last": 1, "one-small": 2}
    assert plan.items[0].finish_at.ToDatetime() == suite.clock.now().replace(tzinfo=None) - FORTNIGHT / 14 + FORTNIGHT
    assert (plan.optimality_gap, plan.horizon_sprints) == (0, 6)
    assert plan.value.units == (2000 + 5) * 2 * 6 + 1100 * 2 * 5
    assert plan.ranked_value.units <= plan.value.units
    assert sum(plan.teams[0].used_hours) == pytest.approx(280)


async def test_a_simulated_split_displaces_items_and_says_what_that_costs(suite: Suite) -> None:
    await suite.store_team("sim")
    await suite.store_items(item("sim-big", "sim", 150, 2000), item("sim-small", "sim", 120, 1100))
    split = plan_pb2.PlannedTeam(team="teams/sim", remediation_share=0.5)
    asked = pb.SimulatePlanRequest(teams=["teams/sim"], splits=[split], keep_items=["roadmapItems/sim-big", "roadmapItems/sim-small"])
    answer = await suite.plans.SimulatePlan(asked)
    assert [each.roadmap_item for each in answer.displaced] == ["roadmapItems/sim-big"]
    assert answer.value_at_risk.units == 8000
    assert [each.roadmap_item for each in answer.advanced] == ["roadmapItems/sim-small"]
    big, small = answer.alternatives
    assert "sim-big due" not in big.conflict.explanation
    assert (big.conflict.needed_hours, big.conflict.available_hours) == (150, 120)
    assert (small.cost.units, small.conflict.explanation) == (0, "")


async def test_keeping_an_item_costs_what_the_best_plan_with_it_saves_less(suite: Suite) -> None:
    await suite.store_team("keep")
    await suite.store_items(item("keep-a", "keep", 110, 1000), item("keep-b", "keep", 50, 800))
    split = plan_pb2.PlannedTeam(team="teams/keep", remediation_share=0.5)
    answer = await suite.plans.SimulatePlan(
        pb.SimulatePlanRequest(teams=["teams/keep"], splits=[split], keep_items=["roadmapItems/keep-b", "roadmapItems/keep-a"])
    )
    assert sprints(answer.plan) == {"keep-a": 1, "keep-b": 2}
    kept, free = answer.alternatives
    assert (kept.cost.units, [each.roadmap_item for each in kept.displaced]) == (400, ["roadmapItems/keep-a"])
    assert (free.cost.units, list(free.displaced)) == (0, [])


async def test_due_dates_that_cannot_be_kept_together_are_named_with_what_resolves_them(suite: Suite) -> None:
    await suite.store_team("late")
    due = suite.clock.now() + FORTNIGHT
    items = [item("late-a", "late", 100), item("late-b", "late", 100), item("late-c", "late", 10)]
    for each in items:
        each.due_at.FromDatetime(due)
    await suite.store_items(*items)
    plan = (await suite.plans.GetPlan(pb.GetPlanRequest(team="teams/late"))).plan
    (conflict,) = plan.conflicts
    assert [each.roadmap_item for each in conflict.deadlines] == ["roadmapItems/late-a", "roadmapItems/late-b"]
    assert (conflict.needed_hours, conflict.team) == (200, "teams/late")
    assert all(each.resolved_at.ToDatetime() > each.finish_by_at.ToDatetime() for each in conflict.deadlines)
    assert "Moving roadmapItems/late-a" in conflict.explanation
    assert len(plan.late_items) == 1


async def test_what_is_due_before_any_sprint_ends_is_a_conflict_of_its_own(suite: Suite) -> None:
    await suite.store_team("soon")
    begun = suite.clock.now()
    overdue, soon, fine = item("soon-past", "soon", 10), item("soon-now", "soon", 10), item("soon-fine", "soon", 10)
    overdue.due_at.FromDatetime(begun - 3 * FORTNIGHT)
    soon.due_at.FromDatetime(begun + FORTNIGHT / 7)
    fine.due_at.FromDatetime(begun + 2 * FORTNIGHT)
    await suite.store_items(overdue, soon, fine)
    plan = (await suite.plans.GetPlan(pb.GetPlanRequest(team="teams/soon"))).plan
    assert list(plan.late_items) == ["roadmapItems/soon-now", "roadmapItems/soon-past"]
    told = {each.deadlines[0].roadmap_item: (len(each.deadlines), each.team) for each in plan.conflicts}
    assert told == dict.fromkeys(plan.late_items, (1, ""))
    assert all("before any sprint ends: no plan keeps this. Moving" in each.explanation for each in plan.conflicts)


async def test_teams_planned_together_wait_for_each_other(suite: Suite) -> None:
    await suite.store_team("front")
    await suite.store_team("back")
    await suite.store_items(item("api", "back", 300, 10))
    await suite.store_items(item("page", "front", 40, 5000, cross_team_dependencies=["roadmapItems/api"]))
    alone = (await suite.plans.GetPlan(pb.GetPlanRequest(team="teams/front"))).plan
    assert (sprints(alone), list(alone.unplanned_dependencies)) == ({"page": 1}, ["roadmapItems/api"])
    both = (await suite.plans.SimulatePlan(pb.SimulatePlanRequest(teams=["teams/front", "teams/back"]))).plan
    assert sprints(both) == {"api": 2, "page": 2}


async def test_items_wait_for_the_people_who_have_the_skill(suite: Suite) -> None:
    await suite.store_team("skilled", first_can=["android"])
    apps = [item(f"app-{n}", "skilled", 40, 1000, skills=[roadmap_item_pb2.SkillHours(skill="android", hours=40)]) for n in range(2)]
    stored = await suite.store_items(*apps)
    assert stored[0].skills == apps[0].skills
    plan = (await suite.plans.GetPlan(pb.GetPlanRequest(team="teams/skilled"))).plan
    assert sorted(sprints(plan).values()) == [1, 2]


async def test_an_estimate_is_counted_on_at_the_quantile_asked_for(suite: Suite) -> None:
    await suite.store_team("unsure")
    lognormal = roadmap_item_pb2.LognormalEffort(median_hours=100, sigma=1)
    await suite.store_items(item("fog", "unsure", 100, effort_estimate=roadmap_item_pb2.EffortEstimate(lognormal=lognormal)))
    plain = (await suite.plans.GetPlan(pb.GetPlanRequest(team="teams/unsure"))).plan
    careful = (await suite.plans.GetPlan(pb.GetPlanRequest(team="teams/unsure", effort_quantile=0.9))).plan
    assert plain.items[0].remaining_hours == 100
    assert careful.items[0].remaining_hours == pytest.approx(360.222, abs=0.001)  # 100 · e^1.2816
    assert (plain.items[0].finish_sprint, careful.items[0].finish_sprint) == (1, 3)


async def test_a_cost_that_rises_later_brings_an_item_forward(suite: Suite) -> None:
    await suite.store_team("curve")
    change = roadmap_item_pb2.CostOfDelayChange(cost_per_week=Money(currency_code="USD", units=9000))
    change.from_at.FromDatetime(suite.clock.now() + 2 * FORTNIGHT)
    await suite.store_items(item("flat", "curve", 150, 2000), item("rising", "curve", 150, 100))
    flat = (await suite.plans.GetPlan(pb.GetPlanRequest(team="teams/curve"))).plan
    stored = await suite.store_items(item("rising", "curve", 150, 100, cost_of_delay_changes=[change]), item("third", "curve", 150, 1500))
    risen = (await suite.plans.GetPlan(pb.GetPlanRequest(team="teams/curve"))).plan
    assert list(stored[0].cost_of_delay_changes) == [change]
    assert sprints(flat) == {"flat": 1, "rising": 2}
    assert sprints(risen) == {"flat": 1, "rising": 2, "third": 3}


async def test_churn_that_costs_more_than_it_gains_keeps_the_present_order(suite: Suite) -> None:
    await suite.store_team("churn")
    await suite.store_items(item("held", "churn", 150, 1000), item("next", "churn", 150, 900))
    dearer = item("next", "churn", 150, 1100)
    moved = await suite.plans.SimulatePlan(pb.SimulatePlanRequest(teams=["teams/churn"], items=[dearer]))
    kept = await suite.plans.SimulatePlan(
        pb.SimulatePlanRequest(teams=["teams/churn"], items=[dearer], churn_cost_per_sprint=Money(currency_code="USD", units=200))
    )
    assert sprints(moved.plan) == {"held": 2, "next": 1}
    assert sprints(kept.plan) == {"held": 1, "next": 2}


@pytest.mark.parametrize(
    ("more", "kind", "reason"),
    [
        ({"teams": ["teams/nowhere"]}, NotFound, "TEAM_NOT_FOUND"),
        ({"keep_items": ["roadmapItems/nothing"]}, NotFound, "ROADMAP_ITEM_NOT_FOUND"),
        ({"without_items": ["roadmapItems/nothing"]}, NotFound, "ROADMAP_ITEM_NOT_FOUND"),
        ({"items": [item("alien", "other")]}, InvalidInput, "INVALID_INPUT"),
        ({"items": [item("ghostly", "bad", 1, 1, "ghost")]}, InvalidInput, "DEPENDENCY_UNKNOWN"),
        ({"items": [item("euro", "bad", currency="EUR"), item("dollar", "bad")]}, InvalidInput, "CURRENCY_MISMATCH"),
        ({"splits": [plan_pb2.PlannedTeam(team="teams/other", remediation_share=0.5)]}, InvalidInput, "INVALID_INPUT"),
    ],
)
async def test_a_change_that_makes_no_sense_is_refused(suite: Suite, more: dict[str, Any], kind: type[BallastError], reason: str) -> None:
    await suite.store_team("bad")
    with pytest.raises(kind) as refused:
        await suite.plans.SimulatePlan(pb.SimulatePlanRequest(**{"teams": ["teams/bad"]} | more))
    assert refused.value.reason == reason


async def test_good_rows_of_a_csv_file_land_and_bad_ones_say_their_line(suite: Suite) -> None:
    await suite.store_team("csv")
    content = (
        "id,title,effort_hours,cost_of_delay_per_week,currency,dependencies,due,low_hours,likely_hours,high_hours\n"
        "search,Search,80,4000,USD,,2027-01-31,,,\n"
        "login,Log in,,100,USD,search,,10,20,60\n"
        "Bad Id,Bad,1,1,USD,,,,,\n"
        "waits,Waits,1,1,USD,ghost,,,,\n"
        "after,After,1,1,USD,waits,,,,\n"
        "dear,Dear,1,many,USD,,,,,\n"
        "search,Again,1,1,USD,,,,,\n"
    )
    *_, last = await imported(suite, "csv", CSV, content)
    assert (last.summary.created_count, last.summary.refused_count) == (2, 5)
    told = {each.line: each.error for each in last.summary.refused}
    assert sorted(told) == [4, 5, 6, 7, 8]
    assert "ghost" in told[5]
    assert "many" in told[7]
    assert "line 2" in told[8]
    assert await names(suite, "csv") == ["login", "search"]
    *_, again = await imported(suite, "csv", CSV, content)
    assert (again.summary.created_count, again.summary.unchanged_count) == (0, 2)


async def test_an_import_only_checked_stores_nothing_and_a_repeated_one_answers_as_the_first(suite: Suite) -> None:
    await suite.store_team("again")
    content = "id,title,effort_hours,cost_of_delay_per_week\nagain-a,A,8,100\n"
    *_, checked = await imported(suite, "again", CSV, content, validate_only=True)
    assert (checked.summary.created_count, await names(suite, "again")) == (1, [])
    asked = str(uuid.uuid4())
    *_, first = await imported(suite, "again", CSV, content, request_id=asked)
    *_, second = await imported(suite, "again", CSV, content, request_id=asked)
    assert first.summary == second.summary
    assert first.summary.created_count == 1


async def test_issues_of_github_become_items(suite: Suite) -> None:
    await suite.store_team("hub")
    issues = [
        {"number": 1, "title": "Index", "state": "open", "labels": [{"name": "effort: 40h"}, {"name": "protected"}], "body": None},
        {
            "number": 2,
            "title": "Query",
            "state": "OPEN",
            "labels": [{"name": "cost-of-delay: 2500 USD"}],
            "milestone": {"due_on": "2027-03-01T08:00:00Z"},
            "body": "Depends on #1",
        },
        {"number": 3, "title": "Old", "state": "closed", "labels": []},
        {"number": 4, "title": "A change", "state": "open", "labels": [], "pull_request": {"url": "x"}},
        {"title": "No number"},
    ]
    cost = Money(currency_code="USD", units=300)
    *_, last = await imported(suite, "hub", ISSUES, json.dumps(issues), default_effort_hours=16, default_cost_of_delay_per_week=cost)
    assert (last.summary.created_count, [each.line for each in last.summary.refused]) == (3, [4, 5])
    listed = (await suite.allocation.ListRoadmapItems(allocation_messages_pb2.ListRoadmapItemsRequest(team="teams/hub"))).items
    index, query, old = listed
    assert (index.effort_hours, index.protected, index.cost_of_delay_per_week.units) == (40, True, 300)
    assert (query.effort_hours, query.cost_of_delay_per_week.units, list(query.dependencies)) == (16, 2500, ["roadmapItems/gh-1"])
    assert query.due_at.ToDatetime().year == 2027
    assert old.stage == roadmap_item_pb2.ROADMAP_STAGE_DONE


async def test_milestones_of_github_become_items(suite: Suite) -> None:
    await suite.store_team("stones")
    stones = [{"number": 1, "title": "1.0", "state": "open", "due_on": "2027-01-15T00:00:00Z"}]
    *_, refused = await imported(suite, "stones", MILESTONES, json.dumps(stones))
    assert "default_effort_hours" in refused.summary.refused[0].error
    cost = Money(currency_code="USD", units=300)
    *_, last = await imported(suite, "stones", MILESTONES, json.dumps(stones), default_effort_hours=16, default_cost_of_delay_per_week=cost)
    assert (last.summary.created_count, await names(suite, "stones")) == (1, ["gh-milestone-1"])


@pytest.mark.parametrize(("form", "content"), [(CSV, "name,size\na,1\n"), (CSV, 'id,title\n"a,b\n'), (ISSUES, "{"), (ISSUES, "{}")])
async def test_a_file_of_another_form_is_refused_whole(suite: Suite, form: "pb.RoadmapFormat.ValueType", content: str) -> None:
    await suite.store_team("form")
    with pytest.raises(InvalidInput) as refused:
        await imported(suite, "form", form, content)
    assert refused.value.reason == "IMPORT_UNREADABLE"


async def test_every_version_of_an_item_stays_readable(suite: Suite) -> None:
    await suite.store_team("past")
    first = (await suite.store_items(item("past", "past", 10)))[0]
    second = (await suite.store_items(item("past", "past", 20)))[0]
    await suite.store_items(item("past", "past", 20))
    page = await suite.plans.ListRoadmapItemRevisions(pb.ListRoadmapItemRevisionsRequest(name="roadmapItems/past", page_size=1))
    assert page.revisions[0].item == second
    rest = pb.ListRoadmapItemRevisionsRequest(name="roadmapItems/past", page_size=1, page_token=page.next_page_token)
    assert [each.item for each in (await suite.plans.ListRoadmapItemRevisions(rest)).revisions] == [first]
    with pytest.raises(NotFound):
        await suite.plans.ListRoadmapItemRevisions(pb.ListRoadmapItemRevisionsRequest(name="roadmapItems/nothing"))


async def test_a_cycle_across_teams_is_refused(suite: Suite) -> None:
    await suite.store_team("ring-a")
    await suite.store_team("ring-b")
    await suite.store_items(item("ring-a", "ring-a"))
    await suite.store_items(item("ring-b", "ring-b", cross_team_dependencies=["roadmapItems/ring-a"]))
    with pytest.raises(InvalidInput) as refused:
        await suite.store_items(item("ring-a", "ring-a", cross_team_dependencies=["roadmapItems/ring-b"]))
    assert refused.value.reason == "DEPENDENCY_CYCLE"


async def test_plans_made_in_processes_are_those_made_in_threads(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> None:
    answers = []
    for processes in (0, 1):
        settings = AllocationSettings(
            port=0, database_url=urls["allocation"], cache_url=engines.cache_url, subscribers={}, plan_processes=processes
        )
        async with allocating(settings, clock) as running:
            if not processes:
                await running.store_team("pool")
                await running.store_items(item("pool-a", "pool", 150, 2000), item("pool-b", "pool", 120, 1100, "pool-a"))
            answers.append(await running.plans.GetPlan(pb.GetPlanRequest(team="teams/pool")))
    assert answers[0] == answers[1]
    assert sprints(answers[1].plan) == {"pool-a": 1, "pool-b": 2}
