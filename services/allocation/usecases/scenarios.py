"""Simulating scenarios: a team as it is and as it would be, side by side; nothing is stored."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from services.allocation.domain.decision import DisplacedItem
from services.allocation.domain.demand_forecast import DemandForecast, Question, Wanted, forecasts, pooled
from services.allocation.domain.demand_history import DemandHistory
from services.allocation.domain.errors import FieldRefused
from services.allocation.domain.plan_change import moved_items
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.policy_check import check_body
from services.allocation.domain.roadmap_plan import RoadmapPlan
from services.allocation.domain.scenario import Scenario, Side, changed, foreseeing, members_with, planned, side_of, sprints_of
from services.allocation.domain.situation import Situation
from services.allocation.domain.surroundings import Outlook, outlook_of
from services.allocation.storage.decision_store import DecisionStore
from services.allocation.storage.demand_store import DemandStore
from services.allocation.storage.policy_store import PolicyStore
from services.allocation.usecases.backtests import StoredPolicy
from shared.clock import Clock

USUAL_EFFORT = 8.0  # person-hours, where nothing is recorded of any


@dataclass(frozen=True, slots=True)
class ScenarioAsked:
    """What is asked of one team; `scenario` without its policy, which is to be found first."""

    team: str
    scenario: Scenario
    policy: StoredPolicy | AllocationPolicy | None = None
    horizon: int = 0
    backlog: float = 0.0
    typical_effort: float = USUAL_EFFORT


@dataclass(frozen=True, slots=True)
class Simulated:
    """Both sides, and the roadmap items that finish at another time."""

    without: Side
    within: Side
    moved: tuple[DisplacedItem, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """What both sides start from: the situation, and the histories of the team and of all others; without any where none was observed."""

    situation: Situation
    tried: Situation  # the same as the scenario's policy looks at it
    own: DemandHistory | None
    histories: tuple[DemandHistory, ...]
    now: datetime


class Scenarios:
    """What would be if."""

    def __init__(self, decisions: DecisionStore, demand: DemandStore, policies: PolicyStore, clock: Clock) -> None:
        self._decisions = decisions
        self._demand = demand
        self._policies = policies
        self._clock = clock

    async def simulate(self, asked: ScenarioAsked) -> Simulated:
        """Raises TeamNotFound, SprintNotBegun, FieldRefused, MemberNotFound and what planning and finding a policy raise."""
        now = self._clock.now()
        scenario = replace(asked.scenario, policy=await self._policy(asked.policy, now))
        if scenario == Scenario():
            raise FieldRefused.at("scenario", "changes nothing; give a spike, members, items or another policy")
        situation = await self._decisions.situation(asked.team, now)
        # Another policy may look at more of what is around.
        tried = await self._decisions.situation(asked.team, now, scenario.policy) if scenario.policy else situation
        known = await self._demand.recorded(now)
        own = known[asked.team].history(now)[0]
        histories = tuple(each.history(now)[0] for each in known.values())
        told = any(each.counts for each in histories)
        return await asyncio.to_thread(
            _simulated, _Known(situation, tried, own if told else None, histories, now), replace(asked, scenario=scenario)
        )

    async def _policy(self, asked: StoredPolicy | AllocationPolicy | None, now: datetime) -> AllocationPolicy | None:
        if isinstance(asked, AllocationPolicy):
            check_body("scenario.policy_body", asked)
            return asked
        if asked is None:
            return None
        return await (self._policies.get(asked.name, asked.revision) if asked.revision else self._policies.newest(asked.name, now))


def _simulated(known: _Known, asked: ScenarioAsked) -> Simulated:
    scenario, situation = asked.scenario, known.situation
    horizon = asked.horizon or situation.policy.horizon_sprints
    outlook, usual, spiked = _foretold(known, asked, horizon)
    added = scenario.spike.added(usual.sprints[0].count_mean if usual else 0.0) if scenario.spike else 0
    cadence = situation.team.cadence
    sprints = [cadence.sprint(cadence.number_at(known.now) + ahead) for ahead in range(horizon)]
    capacities = [members_with(situation.team, scenario, ahead).capacity_in(sprint) for ahead, sprint in enumerate(sprints)]
    after = foreseeing(changed(known.tried, scenario, added, known.now), outlook, spiked)
    # A plan in which those away for a while are there: what is lost of their hours is taken off sprint by sprint.
    for_good = replace(scenario, away=tuple(each for each in scenario.away if not each[1]))
    settled = replace(after, team=members_with(situation.team, for_good, 0))
    lost = [settled.team.capacity_in(sprint) - each for sprint, each in zip(sprints, capacities, strict=True)]
    held = [situation.team.capacity_in(sprint) for sprint in sprints]
    present = foreseeing(situation, outlook, usual)
    without = _side((present, present), (known.now, asked.backlog), (held, [Decimal(0)] * horizon), usual)
    within = _side((after, settled), (known.now, asked.backlog), (capacities, lost), spiked, without.plan)
    return Simulated(without, within, moved_items(without.plan, within.plan), _warnings(known, usual, asked))


def _side(
    of: tuple[Situation, Situation],
    start: tuple[datetime, float],
    hours: tuple[Sequence[Decimal], Sequence[Decimal]],
    forecast: DemandForecast | None,
    present: RoadmapPlan | None = None,
) -> Side:
    """Returns one side, from now on and with so many hours left over; `of` is the situation as decided on, and as planned with."""
    (situation, settled), (now, backlog) = of, start
    capacities, lost = hours
    decision, terms = side_of(situation, now, len(capacities))
    plan = planned(settled, decision, terms, lost, present)
    return Side(decision, sprints_of(capacities, decision.after.remediation_share, forecast, backlog), plan)


def _foretold(known: _Known, asked: ScenarioAsked, horizon: int) -> tuple[Outlook, DemandForecast | None, DemandForecast | None]:
    """Returns what policies may look at, and the forecast without and with the spike."""
    if known.own is None:
        return Outlook(), None, None
    wanted = Wanted(sprints=horizon, typical_effort=asked.typical_effort)
    pool = pooled(known.histories, wanted)
    capacity = float(known.situation.team.capacity_hours)
    surge = asked.scenario.spike.surge if asked.scenario.spike else ()
    usual, spiked = (forecasts([Question(known.own, asked.backlog, capacity, each)], pool, wanted)[0] for each in ((), surge))
    return outlook_of(known.own, pool), usual, spiked


def _warnings(known: _Known, forecast: DemandForecast | None, asked: ScenarioAsked) -> tuple[str, ...]:
    if forecast is None:
        return ("No sprint of any team was observed from its beginning to its end yet, so demand and backlog cannot be foretold.",)
    if not any(each.efforts for each in known.histories):
        return (f"No effort is recorded, so an incident is taken to need {asked.typical_effort:g} h in the median.", *forecast.warnings)
    return forecast.warnings
