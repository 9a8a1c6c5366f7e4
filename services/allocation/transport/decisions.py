"""Decisions to protobuf, and what a client asks of them."""

from ballast.allocation.v1 import allocation_messages_pb2, decision_pb2, decision_service_pb2, roadmap_item_pb2

from services.allocation.domain.counterfactual import SmallestChange
from services.allocation.domain.decision import Decision, DecisionInput, DecisionOutcome, DisplacedItem, RoadmapImpact, WeighedIncident
from services.allocation.domain.digest import digest_of
from services.allocation.domain.quantity import share_to_float
from services.allocation.domain.sprint import sprint_name
from services.allocation.domain.standing import DecisionState
from services.allocation.storage.decision_query import DecisionQuery
from services.allocation.transport.convert import split_to_pb
from services.allocation.usecases.explanations import Explanation
from shared.errors import invalid_field
from shared.rpc.wellknown import duration_to_pb, money_to_pb, time_to_pb


def decision_to_pb(decision: Decision) -> decision_pb2.Decision:
    standing = decision.standing
    return decision_pb2.Decision(
        name=decision.name,
        team=decision.team,
        sprint=sprint_name(decision.team, decision.sprint_number),
        trigger=decision.trigger.value,  # type: ignore[arg-type]  # the numbers are the contract's
        assessment=decision.assessment,
        outcome=decision.outcome.value,  # type: ignore[arg-type]
        before=split_to_pb(decision.before) if decision.before else None,
        after=split_to_pb(decision.after),
        inputs=[_input_to_pb(each) for each in decision.inputs],
        terms=[
            decision_pb2.DecisionTerm(term=each.term, share=share_to_float(each.share), fired=each.fired, reason=each.reason)
            for each in decision.terms
        ],
        requested_share=share_to_float(decision.requested_share),
        bounds=[
            decision_pb2.DecisionBound(
                bound=each.bound,
                before_share=share_to_float(each.before_share),
                after_share=share_to_float(each.after_share),
                reason=each.reason,
            )
            for each in decision.bounds
        ],
        incidents=[_weighed_to_pb(each) for each in decision.incidents],
        impact=_impact_to_pb(decision.impact),
        explanation=decision.explanation,
        policy=decision.policy,
        policy_revision=decision.policy_revision,
        formula_version=decision.formula_version,
        trace_id=decision.trace_id,
        create_time=time_to_pb(decision.created_at),
        state=standing.state.value,  # type: ignore[arg-type]
        state_reason=standing.reason,
        grounds=[decision_pb2.ApprovalGround(ground=each.ground, reason=each.reason) for each in standing.grounds],
        approval=standing.approval,
        digest=digest_of(decision) if decision.name else "",
        author=standing.author,
        rolls_back=standing.rolls_back,
        in_force_time=time_to_pb(standing.in_force_at),
    )


def explanation_to_pb(explanation: Explanation) -> decision_service_pb2.ExplainDecisionResponse:
    return decision_service_pb2.ExplainDecisionResponse(
        decision=decision_to_pb(explanation.decision),
        sentences=explanation.sentences,
        steps=[
            decision_service_pb2.ExplanationStep(
                step=each.step, change=share_to_float(each.change), share=share_to_float(each.share), reason=each.reason
            )
            for each in explanation.steps
        ],
        smallest_changes=[_change_to_pb(each) for each in explanation.smallest_changes],
    )


def _change_to_pb(change: SmallestChange) -> decision_service_pb2.SmallestChange:
    return decision_service_pb2.SmallestChange(
        input=change.input,
        value=float(change.value),
        needed=float(change.needed),
        beyond=change.beyond,
        unit=change.unit.value,
        outcome=change.outcome.value,  # type: ignore[arg-type]
        share=share_to_float(change.share),
        sentence=change.sentence,
    )


def query_from_pb(chosen: allocation_messages_pb2.DecisionFilter) -> DecisionQuery:
    """Raises InvalidInput when the sprint is not a sprint's name, or is one of another team."""
    team, number = chosen.team, 0
    if chosen.sprint:
        of_team, _, digits = chosen.sprint.partition("/sprints/")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 9 and int(digits)):
            raise invalid_field("filter.sprint", f"{chosen.sprint!r} is no sprint; send one such as teams/web/sprints/3")
        if team and team != of_team:
            raise invalid_field("filter.sprint", f"{chosen.sprint} is no sprint of {team}; leave filter.team empty, or send the same team")
        team, number = of_team, int(digits)
    outcomes, states = (tuple(map(DecisionOutcome, chosen.outcomes)), tuple(map(DecisionState, chosen.states)))
    return DecisionQuery(team, number, chosen.assessment, outcomes, states)


def _input_to_pb(fact: DecisionInput) -> decision_pb2.DecisionInput:
    return decision_pb2.DecisionInput(input=fact.input, value=float(fact.value), unit=fact.unit.value, sample_count=fact.sample_count)


def _weighed_to_pb(weighed: WeighedIncident) -> decision_pb2.WeighedIncident:
    return decision_pb2.WeighedIncident(
        incident=weighed.incident,
        assessment=weighed.assessment,
        assessment_revision=weighed.assessment_revision,
        severity=weighed.severity,
        open=weighed.open,
        time_to_restore=duration_to_pb(weighed.time_to_restore),
        trace_id=weighed.trace_id,
        span_id=weighed.span_id,
    )


def _impact_to_pb(impact: RoadmapImpact) -> roadmap_item_pb2.RoadmapImpact:
    return roadmap_item_pb2.RoadmapImpact(
        displaced=[displaced_to_pb(each) for each in impact.displaced],
        advanced=[displaced_to_pb(each) for each in impact.advanced],
        value_at_risk=money_to_pb(impact.value_at_risk) if impact.value_at_risk else None,
        late_items=impact.late_items,
        horizon_sprints=impact.horizon_sprints,
        optimality_gap=impact.optimality_gap,
        solver=impact.solver,
    )


def displaced_to_pb(item: DisplacedItem) -> roadmap_item_pb2.DisplacedItem:
    return roadmap_item_pb2.DisplacedItem(
        roadmap_item=item.roadmap_item,
        title=item.title,
        delay=duration_to_pb(item.delay),
        value_at_risk=money_to_pb(item.value_at_risk),
        planned_before_at=time_to_pb(item.planned_before_at),
        planned_after_at=time_to_pb(item.planned_after_at),
    )
