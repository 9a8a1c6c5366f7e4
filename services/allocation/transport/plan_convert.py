"""Plans to the wire, and requests for them from it."""

from collections.abc import Iterable
from decimal import Decimal

from ballast.allocation.v1 import plan_pb2, plan_service_pb2

from services.allocation.domain.conflict import Conflict
from services.allocation.domain.decision import DisplacedItem
from services.allocation.domain.plan import Deadline
from services.allocation.domain.program import SOLVER
from services.allocation.domain.quantity import figure, hours, share_from_float, share_to_float
from services.allocation.domain.roadmap_import import Defaults, ImportedRow
from services.allocation.domain.roadmap_plan import Alternative, RoadmapPlan, Roadmaps, TeamRoadmap
from services.allocation.transport.convert import item_from_pb
from services.allocation.transport.decisions import displaced_to_pb
from services.allocation.usecases.plans import PlanChange, SimulatedPlan
from services.allocation.usecases.roadmap_imports import ImportSummary, LandedRow, RowOutcome
from shared.money import Money
from shared.rpc.wellknown import money_from_pb, money_to_pb, time_to_pb

_MOST_REFUSED = 1_000


def plan_to_pb(made: RoadmapPlan) -> plan_pb2.RoadmapPlan:
    roadmaps = made.roadmaps
    return plan_pb2.RoadmapPlan(
        items=[_item_to_pb(made, position) for position in range(len(roadmaps.items))],
        teams=[_team_to_pb(made, position, team) for position, team in enumerate(roadmaps.teams)],
        horizon_sprints=roadmaps.terms.horizon,
        value=money_to_pb(roadmaps.money(made.value)),
        ranked_value=money_to_pb(roadmaps.money(made.ranked_value)),
        optimality_gap=made.plan.gap,
        solver=SOLVER,
        conflicts=[conflict_to_pb(roadmaps, each) for each in made.conflicts],
        late_items=made.late,
        blocked_items=sorted(roadmaps.blocked),
        unplanned_dependencies=roadmaps.unplanned,
        effort_quantile=roadmaps.terms.quantile,
    )


def conflict_to_pb(roadmaps: Roadmaps, conflict: Conflict) -> plan_pb2.PlanConflict:
    message = plan_pb2.PlanConflict(explanation=_explanation(roadmaps, conflict))
    for way in conflict.ways:
        item = roadmaps.items[way.deadline.item]
        message.deadlines.add(
            roadmap_item=item.name,
            finish_by_at=time_to_pb(roadmaps.finish_at(item, way.deadline.sprint)),
            protects=way.deadline.protects,
            resolved_at=time_to_pb(roadmaps.finish_at(item, way.sprint)),
        )
    if lacking := conflict.overload:
        team = roadmaps.teams[lacking.crew].team.name
        message.team = team
        message.skills.extend(skill for skill, _ in lacking.chosen if skill and not any(not other for other, _ in lacking.chosen))
        message.needed_hours, message.available_hours = float(lacking.needed_hours), float(lacking.available_hours)
        message.by_at.FromDatetime(roadmaps.sprint(team, max(sprint for _, sprint in lacking.chosen)).end_at)
    return message


def simulated_to_pb(made: SimulatedPlan) -> plan_service_pb2.SimulatePlanResponse:
    displaced = [item for item in made.moved if item.delay.days > 0]
    return plan_service_pb2.SimulatePlanResponse(
        plan=plan_to_pb(made.plan),
        present=plan_to_pb(made.present),
        displaced=[displaced_to_pb(item) for item in displaced],
        advanced=[displaced_to_pb(item) for item in made.moved if item.delay.days < 0],
        value_at_risk=money_to_pb(_sum(displaced, made.plan.roadmaps.currency)),
        alternatives=[_alternative_to_pb(made.plan.roadmaps, each, moved) for each, moved in made.alternatives],
    )


def change_from_pb(request: plan_service_pb2.SimulatePlanRequest) -> PlanChange:
    churn = money_from_pb(request.churn_cost_per_sprint).amount if request.HasField("churn_cost_per_sprint") else 0
    return PlanChange(
        shares={each.team: share_from_float(each.remediation_share) for each in request.splits},
        items=tuple(item_from_pb(each) for each in request.items),
        without=tuple(request.without_items),
        horizon=request.horizon_sprints,
        quantile=request.effort_quantile,
        churn=int(churn * 10**9),
        keep=tuple(request.keep_items),
        quick=request.effort == plan_service_pb2.PLAN_EFFORT_QUICK,
    )


def defaults_from_pb(request: plan_service_pb2.ImportRoadmapItemsRequest) -> Defaults:
    cost = money_from_pb(request.default_cost_of_delay_per_week) if request.HasField("default_cost_of_delay_per_week") else None
    return Defaults(request.team, hours(request.default_effort_hours) or None, cost)


def summary_to_pb(summary: ImportSummary, *, validate_only: bool) -> plan_service_pb2.ImportRoadmapItemsResponse:
    count = len(summary.landed) + len(summary.refused)
    told = plan_service_pb2.RoadmapImportSummary(
        validate_only=validate_only,
        created_count=summary.count(RowOutcome.CREATED),
        changed_count=summary.count(RowOutcome.CHANGED),
        unchanged_count=summary.count(RowOutcome.UNCHANGED),
        refused_count=len(summary.refused),
        refused=[_refused_to_pb(row) for row in summary.refused[:_MOST_REFUSED]],
        landed=[_landed_to_pb(row) for row in summary.landed],
    )
    return plan_service_pb2.ImportRoadmapItemsResponse(done_count=count, total_count=count, summary=told)


def _landed_to_pb(row: LandedRow) -> plan_service_pb2.LandedRoadmapRow:
    outcome = plan_service_pb2.RoadmapRowOutcome.ValueType(row.outcome)
    return plan_service_pb2.LandedRoadmapRow(line=row.line, roadmap_item=row.name, outcome=outcome)


def _refused_to_pb(row: ImportedRow) -> plan_service_pb2.RefusedRoadmapRow:
    return plan_service_pb2.RefusedRoadmapRow(line=row.line, roadmap_item=row.name, error=row.error)


def _item_to_pb(made: RoadmapPlan, position: int) -> plan_pb2.PlannedItem:
    roadmaps = made.roadmaps
    item, sprint = roadmaps.items[position], made.plan.finish[position]
    return plan_pb2.PlannedItem(
        roadmap_item=item.name,
        title=item.title,
        team=item.team,
        remaining_hours=float(roadmaps.problem.items[position].remaining_hours),
        finish_sprint=sprint or 0,
        finish_at=time_to_pb(roadmaps.finish_at(item, sprint)),
        due_at=time_to_pb(item.due_at),
        protected=item.protected,
        dependencies=item.awaited,
    )


def _team_to_pb(made: RoadmapPlan, position: int, of: TeamRoadmap) -> plan_pb2.PlannedTeam:
    there, used = made.roadmaps.roadmap_hours(of), list[float]()
    items = zip(made.roadmaps.problem.items, made.plan.finish, strict=True)
    left = sum(float(item.remaining_hours) for item, sprint in items if sprint and item.crew == position)
    for available in there:
        used.append(min(float(available), left))
        left -= used[-1]
    return plan_pb2.PlannedTeam(
        team=of.team.name,
        remediation_share=share_to_float(of.remediation_share),
        roadmap_hours=[float(each) for each in there],
        used_hours=used,
    )


def _alternative_to_pb(roadmaps: Roadmaps, made: Alternative, moved: Iterable[DisplacedItem]) -> plan_pb2.PlanAlternative:
    message = plan_pb2.PlanAlternative(roadmap_item=made.item.name)
    if made.conflict:
        message.conflict.CopyFrom(conflict_to_pb(roadmaps, made.conflict))
        return message
    if finish := roadmaps.finish_at(made.item, made.sprint):
        message.finish_at.FromDatetime(finish)
    message.cost.CopyFrom(money_to_pb(roadmaps.money(made.cost)))
    message.displaced.extend(displaced_to_pb(item) for item in moved if item.delay.days > 0)
    message.optimality_gap = made.plan.gap if made.plan else 0.0
    return message


def _explanation(roadmaps: Roadmaps, conflict: Conflict) -> str:
    """Says in words what conflicts and what resolves it."""
    names = [_promise(roadmaps, deadline) for deadline in conflict.deadlines]
    text = f"{'; '.join(names)}: no plan keeps {'this' if len(names) == 1 else 'these together'}."
    if lacking := conflict.overload:
        team = roadmaps.teams[lacking.crew].team.name
        skills = sorted({skill for skill, _ in lacking.chosen if skill})
        who = f"{' and '.join(skills)} hours of {team}" if skills else f"hours of {team}"
        text += f" They need {figure(lacking.needed_hours)} {who} where there are {figure(lacking.available_hours)}."
    for way in conflict.ways:
        item = roadmaps.items[way.deadline.item]
        if moved := roadmaps.finish_at(item, way.sprint):
            text += f" Moving {item.name} to {moved.date()} resolves it."
    return text


def _promise(roadmaps: Roadmaps, deadline: Deadline) -> str:
    item = roadmaps.items[deadline.item]
    if item.due_at and not deadline.sprint:
        return f"{item.name} due by {item.due_at.date()}, before any sprint ends"
    by = roadmaps.finish_at(item, deadline.sprint)
    return f"{item.name} {'protected' if deadline.protects else 'due'} by {by.date() if by else 'now'}"


def _sum(items: Iterable[DisplacedItem], currency: str) -> Money:
    return Money(sum((item.value_at_risk.amount for item in items), Decimal(0)), currency)
