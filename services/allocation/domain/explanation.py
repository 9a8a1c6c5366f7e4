"""Explanations: a decision in plain sentences with its figures."""

from services.allocation.domain.decision import BASELINE, Decision, DecisionOutcome, DecisionTrigger
from services.allocation.domain.quantity import counted, figure, percent

_OCCASION = {
    DecisionTrigger.SPRINT_BEGAN: "As sprint {number} begins",
    DecisionTrigger.ASSESSMENT: "On an assessment in sprint {number}",
    DecisionTrigger.REQUEST: "On request in sprint {number}",
}


def explain(decision: Decision) -> str:
    """Returns what was decided and why, then what it does to the roadmap."""
    sentences = [_verdict(decision), *_reasons(decision), *_roadmap(decision)]
    return " ".join(sentences)


def _verdict(decision: Decision) -> str:
    before, after = percent(decision.share_before), percent(decision.after.remediation_share)
    movement = {
        DecisionOutcome.RAISED: f"rises from {before} to {after}",
        DecisionOutcome.LOWERED: f"falls from {before} to {after}",
        DecisionOutcome.HELD: f"stays at {after}",
    }[decision.outcome]
    occasion = _OCCASION[decision.trigger].format(number=decision.sprint_number)
    return (
        f"{occasion}, the reserve for remediation {movement} of {figure(decision.after.capacity_hours)} h: "
        f"{figure(decision.after.remediation_hours)} h for remediation, {figure(decision.after.roadmap_hours)} h for the roadmap."
    )


def _reasons(decision: Decision) -> list[str]:
    fired = [term.reason for term in decision.terms if term.fired and term.term != BASELINE]
    return (fired or ["No trigger fired."]) + [bound.reason for bound in decision.bounds]


def _roadmap(decision: Decision) -> list[str]:
    impact = decision.impact
    sentences = []
    if impact.displaced:
        sentences.append(f"This delays {counted(len(impact.displaced), 'roadmap item')}, with {impact.value_at_risk} at risk.")
    if impact.advanced:
        sentences.append(f"This brings {counted(len(impact.advanced), 'roadmap item')} forward.")
    protected = [item.roadmap_item for item in impact.displaced if item.protected]
    if protected:
        sentences.append(f"Capacity does not allow {', '.join(protected)} on time, although protected.")
    if impact.late_items:
        sentences.append(f"The best plan cannot keep the due date of {', '.join(impact.late_items)}.")
    return sentences
