"""Explanations: a decision in plain sentences with its figures."""

from dataclasses import dataclass

from services.allocation.domain.decision import BASELINE, CAPACITY, ROLLBACK, Decision, DecisionOutcome, DecisionTrigger
from services.allocation.domain.quantity import counted, figure, percent
from services.allocation.domain.reserve_term import RESERVE
from services.allocation.domain.standing import DecisionState

_OCCASION = {
    DecisionTrigger.SPRINT_BEGAN: "As sprint {number} begins",
    DecisionTrigger.ASSESSMENT: "On an assessment in sprint {number}",
    DecisionTrigger.REQUEST: "On request in sprint {number}",
    DecisionTrigger.ROLLBACK: "Rolled back in sprint {number}",
    DecisionTrigger.CAPACITY: "On a change of capacity in sprint {number}",
    DecisionTrigger.BUDGET: "On an error budget in sprint {number}",
}
# A decision that never came in force moved nothing.
_TENSES = {
    DecisionState.PROPOSED: ("is to rise", "is to fall"),
    DecisionState.REJECTED: ("was to rise", "was to fall"),
    DecisionState.LAPSED: ("was to rise", "was to fall"),
}


def explain(decision: Decision) -> str:
    """Returns what was decided and why, then what it does to the roadmap, and who else must agree."""
    sentences = [_verdict(decision), *_nobody(decision), *_reasons(decision), *_roadmap(decision), *_grounds(decision)]
    return " ".join(sentences)


def _verdict(decision: Decision) -> str:
    before, after = percent(decision.share_before), percent(decision.after.remediation_share)
    rises, falls = _TENSES.get(decision.standing.state, ("rises", "falls"))
    movement = {
        DecisionOutcome.RAISED: f"{rises} from {before} to {after}",
        DecisionOutcome.LOWERED: f"{falls} from {before} to {after}",
        DecisionOutcome.HELD: f"stays at {after}",
    }[decision.outcome]
    occasion = _OCCASION[decision.trigger].format(number=decision.sprint_number)
    return (
        f"{occasion}, the reserve for remediation {movement} of {figure(decision.after.capacity_hours)} h: "
        f"{figure(decision.after.remediation_hours)} h for remediation, {figure(decision.after.roadmap_hours)} h for the roadmap."
    )


def _nobody(decision: Decision) -> list[str]:
    return (
        []
        if decision.after.capacity_hours
        else ["Nobody works in this sprint: it has no hours to share out, and the share stands for the next."]
    )


def _reasons(decision: Decision) -> list[str]:
    fired = [term.reason for term in decision.terms if term.term != BASELINE and (term.fired or term.term in {ROLLBACK, CAPACITY})]
    reserved = [term.reason for term in decision.terms if term.term == RESERVE and term.share]
    return (fired or ["No trigger fired."]) + reserved + [bound.reason for bound in decision.bounds]


def _grounds(decision: Decision) -> list[str]:
    grounds = [ground.reason for ground in decision.standing.grounds]
    waits = "It waits for others to agree, and the split stays until then." if decision.standing.waits else "Others had to agree."
    return [waits, *grounds] if grounds else []


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


@dataclass(frozen=True, slots=True)
class Step:
    """One step on the way to the share decided, in millionths: what it adds, and the share after it."""

    step: str
    change: int
    share: int
    reason: str


def steps_to(decision: Decision) -> tuple[Step, ...]:
    """Returns the terms, then the limits that changed something; all changes together are the share decided."""
    steps, share = [], 0
    for term in decision.terms:
        share += term.share
        steps.append(Step(term.term, term.share, share, term.reason))
    limits = [Step(bound.bound, bound.after_share - bound.before_share, bound.after_share, bound.reason) for bound in decision.bounds]
    return (*steps, *limits)


def sentences_of(decision: Decision) -> tuple[str, ...]:
    """Returns what was decided, put as it stands now, and by what rule."""
    standing = decision.standing
    rule = f"It was made under revision {decision.policy_revision} of {decision.policy}, by formula {decision.formula_version}."
    stands = f"It is {standing.state.name.lower().replace('_', ' ')}."
    approval = f"Its approval is {standing.approval}." if standing.approval else ""
    return tuple(each for each in (explain(decision), rule, stands, standing.reason, approval) if each)
