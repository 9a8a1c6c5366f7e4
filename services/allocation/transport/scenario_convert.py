"""Scenarios to protobuf and back."""

from decimal import Decimal

from ballast.allocation.v1 import decision_pb2, scenario_pb2, team_pb2
from ballast.allocation.v1 import scenario_service_pb2 as pb

from services.allocation.domain.demand_forecast import USUAL_LEVELS, Wanted
from services.allocation.domain.member import Member
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.scenario import USUAL_SEVERITY, Scenario, ScenarioSprint, Side, Spike
from services.allocation.transport.convert import item_from_pb, policy_from_pb
from services.allocation.transport.decisions import decision_to_pb, displaced_to_pb
from services.allocation.transport.demand_convert import sprint_to_pb
from services.allocation.usecases.backtests import StoredPolicy
from services.allocation.usecases.scenarios import USUAL_EFFORT, ScenarioAsked, Simulated
from shared.money import Money
from shared.rpc.wellknown import money_to_pb

_WANTED = Wanted(USUAL_LEVELS)


def asked_from_pb(request: pb.SimulateScenarioRequest) -> ScenarioAsked:
    typical = request.typical_effort_hours if request.HasField("typical_effort_hours") else USUAL_EFFORT
    scenario = _scenario(request.scenario)
    return ScenarioAsked(request.team, scenario, _policy(request.scenario), request.horizon_sprints, request.backlog_hours, typical)


def _scenario(told: scenario_pb2.Scenario) -> Scenario:
    return Scenario(
        spike=_spike(told.spike) if told.HasField("spike") else None,
        away=tuple((each.member, each.sprint_count) for each in told.away),
        joining=tuple(_member(each) for each in told.joining),
        items=tuple(item_from_pb(each) for each in told.items),
        without=tuple(told.without_items),
    )


def _spike(told: scenario_pb2.IncidentSpike) -> Spike:
    times = told.times if told.HasField("times") else 1.0
    return Spike(times, told.plus, told.sprint_count, told.severity or USUAL_SEVERITY)


def _member(told: team_pb2.Member) -> Member:
    return Member(told.id, told.weekly_hours, told.focus_factor, tuple(told.skills))


def _policy(told: scenario_pb2.Scenario) -> StoredPolicy | AllocationPolicy | None:
    which = told.WhichOneof("other_policy")
    if which == "policy_body":
        return policy_from_pb(told.policy_body)
    return StoredPolicy(told.policy, told.policy_revision) if which == "policy" else None


def simulated_to_pb(made: Simulated) -> pb.SimulateScenarioResponse:
    displaced = [item for item in made.moved if item.delay.days > 0]
    response = pb.SimulateScenarioResponse(
        without=_side(made.without),
        displaced=[displaced_to_pb(item) for item in displaced],
        advanced=[displaced_to_pb(item) for item in made.moved if item.delay.days < 0],
        warnings=made.warnings,
    )
    getattr(response, "with").CopyFrom(_side(made.within))  # a word of Python's own
    value = sum((item.value_at_risk.amount for item in displaced), Decimal(0))
    response.value_at_risk.CopyFrom(money_to_pb(Money(value, made.within.plan.roadmaps.currency)))
    return response


def _side(side: Side) -> scenario_pb2.ScenarioSide:
    return scenario_pb2.ScenarioSide(
        decision=_unnamed(decision_to_pb(side.decision)),
        sprints=[_sprint(ahead, each) for ahead, each in enumerate(side.sprints, start=1)],
        roadmap_value=money_to_pb(side.plan.roadmaps.money(side.plan.value)),
        late_items=side.plan.late,
    )


def _unnamed(decision: decision_pb2.Decision) -> decision_pb2.Decision:
    """Leaves out the impact of the share alone: what items do between the sides stands beside them."""
    decision.ClearField("impact")
    return decision


def _sprint(ahead: int, sprint: ScenarioSprint) -> scenario_pb2.ScenarioSprint:
    told = scenario_pb2.ScenarioSprint(ahead=ahead, capacity_hours=float(sprint.capacity), remediation_hours=float(sprint.reserved))
    if sprint.demand:
        told.demand.CopyFrom(sprint_to_pb(ahead, sprint.demand, _WANTED, with_curves=False))
    if sprint.backlog:
        told.backlog_chance, told.backlog_mean_hours = sprint.backlog.chance, sprint.backlog.mean
        told.backlog_p90_hours = sprint.backlog.p90
    return told
