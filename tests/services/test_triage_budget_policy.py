"""The budget policy of a running triage: its versions, what it makes of causes, and the events that follow."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from ballast.events.v1.cloudevents_pb2 import CloudEvent
from ballast.intake.v1 import incident_pb2
from ballast.triage.v1 import budget_events_pb2, budget_policy_pb2
from ballast.triage.v1 import budget_policy_service_pb2 as pb
from ballast.triage.v1 import error_budget_service_pb2 as budgets_pb
from google.protobuf.message import Message
from sqlalchemy import text

from services.triage.domain.incident import Incident
from services.triage.domain.recurrence import class_of
from services.triage.domain.slo import Slo
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import Conflict, InvalidInput, NotFound
from shared.events.event import received_event
from shared.rpc.wellknown import duration_to_pb
from tests.conftest import START
from tests.support.budgets import Triage, slo, triage_serving

HOUR = timedelta(hours=1)


@pytest.fixture
async def triage(own_urls: dict[str, str], engines: Engines) -> AsyncIterator[Triage]:
    async with triage_serving(own_urls["triage"], engines, SimulatedClock(START)) as running:
        yield running


async def spent(triage: Triage, of: Slo) -> Slo:
    """Stores an SLO whose budget went in the last hour."""
    await triage.put(of)
    await triage.fill(of, [60 * hour for hour in range(720, 1, -1)], 1_000, 1_000)
    await triage.fill(of, range(59, -1, -1), 0, 100)
    return of


async def policy(triage: Triage) -> budget_policy_pb2.BudgetPolicy:
    return (await triage.policies.GetBudgetPolicy(pb.GetBudgetPolicyRequest())).policy


async def update(triage: Triage, changed: budget_policy_pb2.BudgetPolicy, *, validate_only: bool = False) -> budget_policy_pb2.BudgetPolicy:
    request = pb.UpdateBudgetPolicyRequest(policy=changed, validate_only=validate_only)
    return (await triage.policies.UpdateBudgetPolicy(request)).policy


async def told(triage: Triage, kind: type[Message]) -> list[Message]:
    async with triage.app.database.transaction() as connection:
        rows = await connection.execute(
            text("select payload from outbox where type = :type order by position"), {"type": kind.DESCRIPTOR.full_name}
        )
        return [received_event(CloudEvent.FromString(row.payload)).unpack(kind) for row in rows]


# What is too little to act on.


async def test_one_failed_event_freezes_nobody_and_is_no_burn_to_judge_an_incident_by(triage: Triage) -> None:
    one = slo("lonely", "lonely", 0.99)
    await triage.put(one)
    await triage.fill(one, [0], 0, 1)
    found = await triage.budget(one)
    assert (found.standing.step, found.standing.effect) == ("", budget_policy_pb2.BUDGET_EFFECT_CONTINUE)


async def test_an_hour_of_failures_is_not_four_weeks_of_them(triage: Triage) -> None:
    young = slo("young", "young", 0.99)
    await triage.put(young)
    await triage.fill(young, range(20, -1, -1), 98, 100)  # a burn of 2 since it was made
    found = await triage.budget(young)
    assert found.remaining > 0.99
    assert found.standing.step == ""


async def test_a_step_says_how_much_of_its_time_is_counted(triage: Triage) -> None:
    failing = slo("failing", "failing", 0.99)
    await triage.put(failing)
    await triage.fill(failing, range(199, -1, -1), 0, 100)  # a burn of 100, which over a week is 2 so far
    found = (await triage.budget(failing)).standing
    assert found.step == "reliability-share"
    assert "the burn over 7 d is 1.97, from 1.5 on; of that time 3 h 19 min are counted so far" in found.reason


# Versions.


async def test_the_first_policy_is_the_default_and_an_update_makes_the_second(triage: Triage) -> None:
    first = await policy(triage)
    assert (first.revision, first.author, [each.name for each in first.steps][-1]) == (1, "system", "freeze-exhausted")
    changed = budget_policy_pb2.BudgetPolicy()
    changed.CopyFrom(first)
    changed.steps[0].burn, changed.reason = 4, "three was too nervous"
    assert (await update(triage, changed, validate_only=True)).revision == 2
    assert await policy(triage) == first
    made = await update(triage, changed)
    assert (made.revision, made.author, made.reason, made.steps[0].burn) == (2, "ada", "three was too nervous", 4)
    assert (await triage.policies.GetBudgetPolicy(pb.GetBudgetPolicyRequest(revision=1))).policy == first
    listed = await triage.policies.ListBudgetPolicyRevisions(pb.ListBudgetPolicyRevisionsRequest(page_size=1))
    assert list(listed.policies) == [made]
    assert listed.next_page_token
    assert len(await told(triage, budget_events_pb2.BudgetPolicyChanged)) == 2


async def test_an_update_of_an_older_version_or_of_nonsense_is_refused(triage: Triage) -> None:
    changed = await policy(triage)
    changed.reason = "because"
    changed.etag = "v7"
    changed.planning_share = 0.3
    with pytest.raises(Conflict):
        await update(triage, changed)
    changed.steps[0].ClearField("window")
    with pytest.raises(InvalidInput) as refused:
        await update(triage, changed)
    assert (refused.value.reason, [each.field for each in refused.value.violations]) == (
        "BUDGET_POLICY_REFUSED",
        ["policy.steps[0].window"],
    )
    with pytest.raises(NotFound) as unknown:
        await triage.policies.GetBudgetPolicy(pb.GetBudgetPolicyRequest(revision=9))
    assert unknown.value.reason == "BUDGET_POLICY_REVISION_NOT_FOUND"


# Causes.


@pytest.mark.parametrize(
    ("cause", "effect"),
    [
        (incident_pb2.INCIDENT_CAUSE_UNSPECIFIED, budget_policy_pb2.BUDGET_EFFECT_FREEZE),
        (incident_pb2.INCIDENT_CAUSE_OWN_CHANGE, budget_policy_pb2.BUDGET_EFFECT_FREEZE),
        (incident_pb2.INCIDENT_CAUSE_DEPENDENCY, budget_policy_pb2.BUDGET_EFFECT_FREEZE),
        (incident_pb2.INCIDENT_CAUSE_PLATFORM, budget_policy_pb2.BUDGET_EFFECT_CONTINUE),
        (incident_pb2.INCIDENT_CAUSE_EXTERNAL, budget_policy_pb2.BUDGET_EFFECT_CONTINUE),
        (incident_pb2.INCIDENT_CAUSE_OUT_OF_SCOPE, budget_policy_pb2.BUDGET_EFFECT_CONTINUE),
        (incident_pb2.INCIDENT_CAUSE_MISCATEGORISED, budget_policy_pb2.BUDGET_EFFECT_FREEZE),
    ],
)
async def test_the_cause_of_the_incident_that_spent_the_budget_decides(
    triage: Triage, cause: "incident_pb2.IncidentCause.ValueType", effect: "budget_policy_pb2.BudgetEffect.ValueType"
) -> None:
    of = await spent(triage, slo("caused"))
    await triage.incident("caused", START - HOUR, START + HOUR, cause)
    standing = (await triage.budget(of)).standing
    assert (standing.step, standing.effect) == ("freeze-exhausted", effect)
    # Where nobody said a cause it is unknown; else the cause has the name people gave it.
    stated = incident_pb2.IncidentCause.Name(cause).removeprefix("INCIDENT_CAUSE_").replace("UNSPECIFIED", "UNKNOWN")
    assert budget_policy_pb2.BudgetCause.Name(standing.cause) == f"BUDGET_CAUSE_{stated}"
    assert "remains" in standing.reason


async def test_a_team_is_not_held_up_by_a_dependency_that_is_frozen_itself(triage: Triage) -> None:
    of, needed = await spent(triage, slo("web")), await spent(triage, slo("database"))
    await triage.incident("web", START - HOUR, START + HOUR, incident_pb2.INCIDENT_CAUSE_DEPENDENCY, ref="components/database")
    assert (await triage.budget(of)).standing.effect == budget_policy_pb2.BUDGET_EFFECT_FREEZE
    await triage.app.tick()
    assert (await triage.budget(needed)).standing.effect == budget_policy_pb2.BUDGET_EFFECT_FREEZE
    standing = (await triage.budget(of)).standing
    assert (standing.cause, standing.effect) == (budget_policy_pb2.BUDGET_CAUSE_FROZEN_TEAM, budget_policy_pb2.BUDGET_EFFECT_CONTINUE)


# Events.


async def test_a_step_entered_and_left_is_told_once_each(triage: Triage) -> None:
    of = await spent(triage, slo("stepped"))
    for _ in range(3):
        await triage.app.tick()
    triage.clock.advance(START + timedelta(days=31))
    for _ in range(3):
        await triage.app.tick()
    steps = [
        (each.previous_step, each.error_budget.standing.step)
        for each in await told(triage, budget_events_pb2.BudgetStepChanged)
        if isinstance(each, budget_events_pb2.BudgetStepChanged) and each.error_budget.slo == of.name
    ]
    assert steps == [("", "freeze-exhausted"), ("freeze-exhausted", "")]


async def test_an_incident_over_a_fifth_of_the_budget_calls_once_for_a_post_mortem_and_for_a_plan(triage: Triage) -> None:
    of = await spent(triage, slo("duty"))
    incident = await triage.incident("duty", START - HOUR, START + HOUR)
    for _ in range(2):
        await triage.app.tick()
    [due] = await told(triage, budget_events_pb2.PostMortemDue)
    assert isinstance(due, budget_events_pb2.PostMortemDue)
    assert (due.incident, due.slo) == (incident, of.name)
    [planned] = await told(triage, budget_events_pb2.PlanningDue)
    assert isinstance(planned, budget_events_pb2.PlanningDue)
    assert planned.incident_class == class_of(Incident(START, components=("duty",), signal="Slow"))
    assert planned.incident_class_title == "Slow of duty"
    uses = (await triage.budgets.GetIncidentBudgetUse(budgets_pb.GetIncidentBudgetUseRequest(incident=incident))).uses
    assert [(each.slo, each.bad) for each in uses] == [(of.name, 6_000)]
    assert uses[0].four_week_share == pytest.approx(due.four_week_share)
    assert uses[0].share == pytest.approx((await triage.budget(of)).used)
    same = await triage.budgets.GetIncidentBudgetUse(budgets_pb.GetIncidentBudgetUseRequest(slo=of.name))
    assert list(same.uses) == list(uses)


async def test_what_an_unknown_incident_used_is_not_found_and_one_must_be_named(triage: Triage) -> None:
    with pytest.raises(NotFound) as unknown:
        await triage.budgets.GetIncidentBudgetUse(budgets_pb.GetIncidentBudgetUseRequest(incident="incidents/none"))
    assert unknown.value.reason == "INCIDENT_NOT_FOUND"
    with pytest.raises(InvalidInput):
        await triage.budgets.GetIncidentBudgetUse(budgets_pb.GetIncidentBudgetUseRequest())


@pytest.mark.parametrize("days", [-1, 0, 4_000, 3_652_500])
async def test_a_time_to_look_back_that_cannot_be_is_refused_by_field(triage: Triage, days: int) -> None:
    lookback = duration_to_pb(timedelta(days=days))
    with pytest.raises(InvalidInput) as refused:
        await triage.budgets.GetIncidentBudgetUse(budgets_pb.GetIncidentBudgetUseRequest(slo="slos/any", lookback=lookback))
    assert [each.field for each in refused.value.violations] == ["lookback"]
