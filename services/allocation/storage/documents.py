"""Decisions as rows, whose parts are JSON: numbers that must stay exact as strings, durations in microseconds."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from services.allocation.domain.decision import (
    Decision,
    DecisionBound,
    DecisionInput,
    DecisionOutcome,
    DecisionTerm,
    DecisionTrigger,
    DisplacedItem,
    RoadmapImpact,
    Split,
    Unit,
    WeighedIncident,
)
from services.allocation.storage.policy_rule_rows import memory_from_json, memory_to_json
from services.allocation.storage.standing_rows import standing_from_row, standing_to_row
from shared.ids import name_of, uuid_of
from shared.money import Money

Document = dict[str, Any]
_MICROSECOND = timedelta(microseconds=1)


def decision_from_row(row: Any) -> Decision:
    return Decision(
        name=name_of("decisions", row.id),
        team=row.team,
        sprint_number=row.sprint_number,
        sprint_begin_at=row.sprint_begin_at,
        trigger=DecisionTrigger(row.trigger),
        assessment=row.assessment,
        outcome=DecisionOutcome(row.outcome),
        before=split_from_json(row.before) if row.before else None,
        after=split_from_json(row.after),
        inputs=tuple(DecisionInput(each["input"], Decimal(each["value"]), Unit(each["unit"]), each["sample_count"]) for each in row.inputs),
        terms=tuple(DecisionTerm(**each) for each in row.terms),
        requested_share=row.requested_share,
        bounds=tuple(DecisionBound(**each) for each in row.bounds),
        incidents=tuple(_weighed_from_json(each) for each in row.incidents),
        impact=_impact_from_json(row.impact),
        explanation=row.explanation,
        policy=row.policy,
        policy_revision=row.policy_revision,
        formula_version=row.formula_version,
        trace_id=row.trace_id,
        created_at=row.created_at,
        standing=standing_from_row(row),
        rules=memory_from_json(row.rules),
    )


def decision_to_row(decision: Decision) -> Document:
    return {
        "id": uuid_of(decision.name),
        "team": decision.team,
        "sprint_number": decision.sprint_number,
        "sprint_begin_at": decision.sprint_begin_at,
        "trigger": decision.trigger.value,
        "assessment": decision.assessment,
        "outcome": decision.outcome.value,
        "fired": decision.fired,
        "before": split_to_json(decision.before) if decision.before else None,
        "after": split_to_json(decision.after),
        "inputs": [
            {"input": each.input, "value": str(each.value), "unit": each.unit.value, "sample_count": each.sample_count}
            for each in decision.inputs
        ],
        "terms": [{"term": each.term, "share": each.share, "fired": each.fired, "reason": each.reason} for each in decision.terms],
        "requested_share": decision.requested_share,
        "bounds": [
            {"bound": each.bound, "before_share": each.before_share, "after_share": each.after_share, "reason": each.reason}
            for each in decision.bounds
        ],
        "incidents": [_weighed_to_json(each) for each in decision.incidents],
        "impact": _impact_to_json(decision.impact),
        "explanation": decision.explanation,
        "policy": decision.policy,
        "policy_revision": decision.policy_revision,
        "formula_version": decision.formula_version,
        "trace_id": decision.trace_id,
        "created_at": decision.created_at,
        "rules": memory_to_json(decision.rules),
        **standing_to_row(decision.standing),
    }


def split_from_json(document: Document) -> Split:
    return Split(
        team=document["team"],
        sprint_number=document["sprint_number"],
        remediation_share=document["remediation_share"],
        capacity_hours=Decimal(document["capacity_hours"]),
        decision=document["decision"],
        policy=document["policy"],
        policy_revision=document["policy_revision"],
        effective_at=datetime.fromisoformat(document["effective_at"]),
    )


def split_to_json(split: Split) -> Document:
    return {
        "team": split.team,
        "sprint_number": split.sprint_number,
        "remediation_share": split.remediation_share,
        "capacity_hours": str(split.capacity_hours),
        "decision": split.decision,
        "policy": split.policy,
        "policy_revision": split.policy_revision,
        "effective_at": split.effective_at.isoformat(),
    }


def _weighed_from_json(document: Document) -> WeighedIncident:
    return WeighedIncident(**document | {"time_to_restore": document["time_to_restore"] * _MICROSECOND})


def _weighed_to_json(weighed: WeighedIncident) -> Document:
    return {
        "incident": weighed.incident,
        "assessment": weighed.assessment,
        "assessment_revision": weighed.assessment_revision,
        "severity": weighed.severity,
        "open": weighed.open,
        "time_to_restore": weighed.time_to_restore // _MICROSECOND,
        "trace_id": weighed.trace_id,
        "span_id": weighed.span_id,
    }


def _impact_from_json(document: Document) -> RoadmapImpact:
    return RoadmapImpact(
        displaced=tuple(_displaced_from_json(each) for each in document["displaced"]),
        advanced=tuple(_displaced_from_json(each) for each in document["advanced"]),
        value_at_risk=_money_from_json(document["value_at_risk"]) if document["value_at_risk"] else None,
        late_items=tuple(document["late_items"]),
        horizon_sprints=document["horizon_sprints"],
        optimality_gap=document["optimality_gap"],
        solver=document["solver"],
    )


def _impact_to_json(impact: RoadmapImpact) -> Document:
    return {
        "displaced": [_displaced_to_json(each) for each in impact.displaced],
        "advanced": [_displaced_to_json(each) for each in impact.advanced],
        "value_at_risk": _money_to_json(impact.value_at_risk) if impact.value_at_risk else None,
        "late_items": list(impact.late_items),
        "horizon_sprints": impact.horizon_sprints,
        "optimality_gap": impact.optimality_gap,
        "solver": impact.solver,
    }


def _displaced_from_json(document: Document) -> DisplacedItem:
    before, after = document["planned_before_at"], document["planned_after_at"]
    return DisplacedItem(
        roadmap_item=document["roadmap_item"],
        title=document["title"],
        delay=document["delay"] * _MICROSECOND,
        value_at_risk=_money_from_json(document["value_at_risk"]),
        planned_before_at=datetime.fromisoformat(before) if before else None,
        planned_after_at=datetime.fromisoformat(after) if after else None,
        protected=document["protected"],
    )


def _displaced_to_json(item: DisplacedItem) -> Document:
    return {
        "roadmap_item": item.roadmap_item,
        "title": item.title,
        "delay": item.delay // _MICROSECOND,
        "value_at_risk": _money_to_json(item.value_at_risk),
        "planned_before_at": item.planned_before_at.isoformat() if item.planned_before_at else None,
        "planned_after_at": item.planned_after_at.isoformat() if item.planned_after_at else None,
        "protected": item.protected,
    }


def _money_from_json(document: Document) -> Money:
    return Money(Decimal(document["amount"]), document["currency"])


def _money_to_json(money: Money) -> Document:
    return {"amount": str(money.amount), "currency": money.currency}
