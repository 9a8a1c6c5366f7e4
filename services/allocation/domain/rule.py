"""The rule: from terms to a share, through the policy's bounds, to a decision."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from services.allocation.domain.approval import grounds_for
from services.allocation.domain.decision import (
    BASELINE,
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
from services.allocation.domain.quantity import counted, percent
from services.allocation.domain.rest import held_bound, rest_bounds
from services.allocation.domain.signal import Signal, frequency_signal, open_signal, reading_of, restore_signal
from services.allocation.domain.situation import Situation
from services.allocation.domain.sprint import Sprint
from services.allocation.domain.standing import ApprovalGround, Standing, first_standing
from shared.principal import SYSTEM

# A change of the rule below, or of a signal, is a new version: decisions of one version can be recomputed from their inputs.
# Guards and the dwell came without one: under a policy that states none, the same facts give the same decision as before.
FORMULA_VERSION = "2026.1"


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

    @property
    def requested(self) -> int:
        return sum(term.share for term in self.terms)


def decide(situation: Situation, occasion: Occasion) -> Decision:
    """Decides the split of the present sprint; the same situation and occasion give the same decision.

    What others must agree to comes out as a proposal. May take tens of milliseconds, for the roadmap's optimum is computed twice when the
    share changes. Raises SprintNotBegun.
    """
    sprint, policy = begun_sprint(situation, occasion.now), situation.policy
    signals = _signals(situation, occasion)
    before = share_in_force(situation)
    weighing = Weighing(
        share_before=before,
        terms=(baseline_term(policy), *(signal.term for signal in signals)),
        inputs=inputs_of(situation, occasion.now, before, signals),
        incidents=_weighed(situation.incidents, signals, occasion),
    )
    bounds = apply_bounds(weighing.requested, before, _hold(situation, occasion, sprint), policy)
    share = bounds[-1].after_share if bounds else weighing.requested
    bounds = (*bounds, *rest_bounds(situation, occasion.trigger, occasion.now, before, share))
    made = assembled(situation, occasion, weighing, bounds)
    grounds = grounds_for(made, situation)
    if grounds and (held := held_bound(situation, before, made.after.remediation_share)):
        made, grounds = assembled(situation, occasion, weighing, (*bounds, held)), ()
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
        impact=impact_of(situation, weighing.share_before, share, now),
        explanation="",
        policy=policy.name,
        policy_revision=policy.revision,
        formula_version=FORMULA_VERSION,
        trace_id="",
        created_at=now,
        standing=Standing(rolls_back=weighing.rolls_back),
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


def apply_bounds(requested: int, before: int, hold: str, policy: AllocationPolicy) -> tuple[DecisionBound, ...]:
    """Returns the limits that change the share, in order: floor, cap, largest step, quiet sprints.

    `hold` says why the share may not be lowered now; empty when it may. Shares in millionths.
    """
    step = policy.largest_step
    bounds: list[DecisionBound] = []
    share = requested

    def limit(bound: str, to: int, reason: str) -> None:
        nonlocal share
        if to != share:
            bounds.append(DecisionBound(bound, share, to, reason))
            share = to

    limit("floor", max(share, policy.floor_share), f"The policy's floor is {percent(policy.floor_share)}.")
    limit("cap", min(share, policy.cap_share), f"The policy's cap is {percent(policy.cap_share)}.")
    stepped = min(max(share, before - step), before + step)
    limit("largest_step", stepped, f"The share moves by at most {percent(step)} at once, from {percent(before)}.")
    limit("quiet_sprints", before if hold and share < before else share, hold)
    return tuple(bounds)


def _hold(situation: Situation, occasion: Occasion, sprint: Sprint) -> str:
    """Returns why the share may not be lowered now, or nothing when it may."""
    if occasion.trigger is not DecisionTrigger.SPRINT_BEGAN:
        return "The share is lowered only when a sprint begins."
    if situation.has_fired_in(sprint):
        return f"A trigger fired in sprint {sprint.number} already."
    quiet, needed = situation.quiet_sprints_before(sprint.number), situation.policy.quiet_sprints
    if quiet < needed:
        return f"{counted(quiet, 'quiet sprint')} in a row so far, and it takes {needed} to lower the share."
    return ""


def _signals(situation: Situation, occasion: Occasion) -> list[Signal]:
    policy = situation.policy
    reading = reading_of(situation, occasion.trigger, occasion.now)
    signals = []
    if policy.incident_frequency:
        signals.append(frequency_signal(policy.incident_frequency, reading))
    if policy.time_to_restore:
        signals.append(restore_signal(policy.time_to_restore, reading))
    if policy.open_incidents:
        signals.append(open_signal(policy.open_incidents, situation, occasion.now))
    return signals


def baseline_term(policy: AllocationPolicy) -> DecisionTerm:
    reason = f"The policy's share in calm times is {percent(policy.baseline_share)}."
    return DecisionTerm(BASELINE, policy.baseline_share, True, reason)


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


def _weighed(known: Iterable[IncidentFact], signals: Iterable[Signal], occasion: Occasion) -> tuple[WeighedIncident, ...]:
    """Returns the incidents that entered a signal, and the one that is the occasion: gravest first, then oldest."""
    names = {fact.incident for signal in signals for fact in signal.incidents} | {occasion.incident}
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
