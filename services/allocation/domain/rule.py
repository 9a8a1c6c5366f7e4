"""The rule: from terms to a share, through the policy's bounds, to a decision."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from services.allocation.domain.approval import grounds_for
from services.allocation.domain.decision import (
    Decision,
    DecisionBound,
    DecisionInput,
    DecisionOutcome,
    DecisionTerm,
    DecisionTrigger,
    Split,
    WeighedIncident,
)
from services.allocation.domain.decision_inputs import inputs_of
from services.allocation.domain.errors import SprintNotBegun
from services.allocation.domain.explanation import explain
from services.allocation.domain.impact import impact_of
from services.allocation.domain.incident import IncidentFact
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.protection import protected_situation
from services.allocation.domain.rest import held_bound, rests_of
from services.allocation.domain.rule_memory import RuleMemory
from services.allocation.domain.ruling import Memory, rule_on
from services.allocation.domain.signal import measured
from services.allocation.domain.situation import Situation
from services.allocation.domain.sprint import Sprint
from services.allocation.domain.standing import ApprovalGround, Standing, first_standing
from shared.principal import SYSTEM

# A change of the ruling, or of a signal, is a new version: decisions of one version can be recomputed from their inputs.
# Guards and the dwell came without one: under a policy that states none, the same facts give the same decision as before.
_PLAIN, _RULED = "2026.1", "2026.2"


def formula_version(policy: AllocationPolicy) -> str:
    """Returns the version that a policy is ruled on by: a reserve and rules came with 2026.2, and change nothing where there are none."""
    return _RULED if policy.reserve is not None or policy.rules else _PLAIN


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why, when and for whom a decision is made; `assessment` and `incident` are empty unless an assessment is the reason."""

    trigger: DecisionTrigger
    now: datetime
    assessment: str = ""
    incident: str = ""
    author: str = SYSTEM


@dataclass(frozen=True, slots=True)
class Weighing:
    """What a share was found from, before limits."""

    share_before: int
    terms: tuple[DecisionTerm, ...]
    inputs: tuple[DecisionInput, ...]
    incidents: tuple[WeighedIncident, ...] = ()
    rolls_back: str = ""
    frozen: bool = False  # roadmap work stops but for protected items
    rules: tuple[RuleMemory, ...] = ()  # what is remembered of the policy's rules from now on

    @property
    def requested(self) -> int:
        return sum(term.share for term in self.terms)


def decide(situation: Situation, occasion: Occasion) -> Decision:
    """Decides the split of the present sprint; the same situation and occasion give the same decision.

    What others must agree to comes out as a proposal. May take tens of milliseconds, for the roadmap's optimum is computed twice when the
    share changes. Raises SprintNotBegun.
    """
    begun_sprint(situation, occasion.now)
    found = measured(situation, occasion.trigger, occasion.now)
    memory = memory_of(situation, occasion.now)
    ruling = rule_on(situation.policy, found.signals, memory, occasion.trigger is DecisionTrigger.SPRINT_BEGAN)
    weighing = Weighing(
        share_before=memory.share,
        terms=ruling.terms,
        inputs=inputs_of(situation, occasion.now, memory.share, found.inputs),
        incidents=_weighed(situation.incidents, found.incidents, occasion),
        frozen=ruling.frozen,
        rules=ruling.memory.rules,
    )
    planned = protected_situation(situation, ruling.protects)
    made = assembled(planned, occasion, weighing, ruling.bounds)
    grounds = grounds_for(made, situation)
    if grounds and (held := held_bound(situation, memory.share, made.after.remediation_share)):
        made, grounds = assembled(planned, occasion, weighing, (*ruling.bounds, held)), ()
    return settled(made, grounds, occasion)


def assembled(situation: Situation, occasion: Occasion, weighing: Weighing, bounds: tuple[DecisionBound, ...]) -> Decision:
    """Returns the decision that the limits lead to, with its impact; not yet where it stands, and without words."""
    team, policy, now = situation.team, situation.policy, occasion.now
    sprint = team.cadence.sprint_at(now)
    share = bounds[-1].after_share if bounds else weighing.requested
    return Decision(
        name="",
        team=team.name,
        sprint_number=sprint.number,
        sprint_begin_at=sprint.begin_at,
        trigger=occasion.trigger,
        assessment=occasion.assessment,
        outcome=outcome_of(weighing.share_before, share),
        before=situation.split,
        after=split_after(situation, share, now),
        inputs=weighing.inputs,
        terms=weighing.terms,
        requested_share=weighing.requested,
        bounds=bounds,
        incidents=weighing.incidents,
        impact=impact_of(situation, weighing.share_before, share, now, frozen=weighing.frozen),
        explanation="",
        policy=policy.name,
        policy_revision=policy.revision,
        formula_version=formula_version(policy),
        trace_id="",
        created_at=now,
        standing=Standing(rolls_back=weighing.rolls_back),
        rules=weighing.rules,
    )


def settled(made: Decision, grounds: tuple[ApprovalGround, ...], occasion: Occasion) -> Decision:
    """Returns the decision as it is made: in force, or waiting on these grounds, and put into words."""
    standing = first_standing(grounds, occasion.author, occasion.now, made.standing.rolls_back)
    placed = replace(made, standing=standing)
    return replace(placed, explanation=explain(placed))


def begun_sprint(situation: Situation, now: datetime) -> Sprint:
    """Returns the present sprint. Raises SprintNotBegun."""
    sprint = situation.team.cadence.sprint_at(now)
    if sprint.number < 1:
        raise SprintNotBegun(situation.team.name, situation.team.first_sprint_at.isoformat())
    return sprint


def share_in_force(situation: Situation) -> int:
    """Returns the remediation share that holds; before a team's first decision, the policy's baseline."""
    return situation.split.remediation_share if situation.split else situation.policy.baseline_share


def memory_of(situation: Situation, now: datetime) -> Memory:
    """Returns what is remembered of the team's decisions."""
    sprint = situation.team.cadence.sprint_at(now)
    return Memory(
        share=share_in_force(situation),
        quiet_sprints=situation.quiet_sprints_before(sprint.number),
        fired=situation.has_fired_in(sprint),
        rules=situation.rules,
        rests=rests_of(situation),
    )


def outcome_of(before: int, after: int) -> DecisionOutcome:
    if after == before:
        return DecisionOutcome.HELD
    return DecisionOutcome.RAISED if after > before else DecisionOutcome.LOWERED


def split_after(situation: Situation, share: int, now: datetime) -> Split:
    """Returns the split that holds from now; the one that held goes on, under the decision that set it, when nothing about it changed."""
    team, policy, held = situation.team, situation.policy, situation.split
    sprint = team.cadence.sprint_at(now)
    new = Split(team.name, sprint.number, share, team.capacity_in(sprint), "", policy.name, policy.revision, now)
    if held and replace(new, decision=held.decision, effective_at=held.effective_at) == held:
        return held
    return new


def _weighed(known: Iterable[IncidentFact], entered: Iterable[IncidentFact], occasion: Occasion) -> tuple[WeighedIncident, ...]:
    """Returns the incidents that entered a signal, and the one that is the occasion: gravest first, then oldest."""
    names = {fact.incident for fact in entered} | {occasion.incident}
    chosen = sorted((fact for fact in known if fact.incident in names), key=lambda fact: (fact.severity, fact.opened_at, fact.incident))
    return tuple(
        WeighedIncident(
            incident=fact.incident,
            assessment=fact.assessment,
            assessment_revision=fact.revision,
            severity=fact.severity,
            open=fact.is_open_at(occasion.now),
            time_to_restore=fact.lasted_until(occasion.now),
            trace_id=fact.trace_id,
            span_id=fact.span_id,
        )
        for fact in chosen
    )
