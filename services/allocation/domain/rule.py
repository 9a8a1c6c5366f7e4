"""The rule: from terms to a share, through the policy's bounds, to a decision."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from services.allocation.domain.decision import (
    BASELINE,
    Decision,
    DecisionBound,
    DecisionInput,
    DecisionOutcome,
    DecisionTerm,
    DecisionTrigger,
    Split,
    Unit,
    WeighedIncident,
)
from services.allocation.domain.errors import SprintNotBegun
from services.allocation.domain.explanation import explain
from services.allocation.domain.impact import impact_of
from services.allocation.domain.incident import IncidentFact
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.quantity import counted, percent, share_to_float
from services.allocation.domain.signal import Signal, frequency_signal, open_signal, reading_of, restore_signal
from services.allocation.domain.situation import Situation
from services.allocation.domain.sprint import Sprint

# A change of the rule below, or of a signal, is a new version: decisions of one version can be recomputed from their inputs.
FORMULA_VERSION = "2026.1"


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why and when a decision is made; `assessment` and `incident` are empty unless an assessment is the reason."""

    trigger: DecisionTrigger
    now: datetime
    assessment: str = ""
    incident: str = ""


def decide(situation: Situation, occasion: Occasion) -> Decision:
    """Decides the split of the present sprint; the same situation and occasion give the same decision.

    May take tens of milliseconds, for the roadmap's optimum is computed twice when the share changes. Raises SprintNotBegun.
    """
    team, policy, now = situation.team, situation.policy, occasion.now
    sprint = team.cadence.sprint_at(now)
    if sprint.number < 1:
        raise SprintNotBegun(team.name, team.first_sprint_at.isoformat())
    signals = _signals(situation, occasion)
    terms = (_baseline_term(policy), *(signal.term for signal in signals))
    requested = sum(term.share for term in terms)
    share_before = situation.split.remediation_share if situation.split else policy.baseline_share
    bounds = apply_bounds(requested, share_before, _hold(situation, occasion, sprint), policy)
    share = bounds[-1].after_share if bounds else requested
    after = _split_after(situation, sprint, share, now)
    decision = Decision(
        name="",
        team=team.name,
        sprint_number=sprint.number,
        sprint_begin_at=sprint.begin_at,
        trigger=occasion.trigger,
        assessment=occasion.assessment,
        outcome=_outcome(share_before, share),
        before=situation.split,
        after=after,
        inputs=_inputs(situation, sprint, share_before, signals),
        terms=terms,
        requested_share=requested,
        bounds=bounds,
        incidents=_weighed(situation.incidents, signals, occasion),
        impact=impact_of(situation, share_before, share, now),
        explanation="",
        policy=policy.name,
        policy_revision=policy.revision,
        formula_version=FORMULA_VERSION,
        trace_id="",
        created_at=now,
    )
    return replace(decision, explanation=explain(decision))


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


def _baseline_term(policy: AllocationPolicy) -> DecisionTerm:
    reason = f"The policy's share in calm times is {percent(policy.baseline_share)}."
    return DecisionTerm(BASELINE, policy.baseline_share, True, reason)


def _outcome(before: int, after: int) -> DecisionOutcome:
    if after == before:
        return DecisionOutcome.HELD
    return DecisionOutcome.RAISED if after > before else DecisionOutcome.LOWERED


def _split_after(situation: Situation, sprint: Sprint, share: int, now: datetime) -> Split:
    """Returns the split that holds from now; the one that held goes on, under the decision that set it, when nothing about it changed."""
    team, policy, held = situation.team, situation.policy, situation.split
    new = Split(team.name, sprint.number, share, team.capacity_hours, "", policy.name, policy.revision, now)
    if held and replace(new, decision=held.decision, effective_at=held.effective_at) == held:
        return held
    return new


def _inputs(situation: Situation, sprint: Sprint, share_before: int, signals: Sequence[Signal]) -> tuple[DecisionInput, ...]:
    policy = situation.policy
    facts = [
        DecisionInput("capacity", situation.team.capacity_hours, Unit.HOURS, len(situation.team.members)),
        _share_input("remediation_share_before", share_before),
        *(fact for signal in signals for fact in signal.inputs),
        DecisionInput("quiet_sprints", Decimal(situation.quiet_sprints_before(sprint.number)), Unit.SPRINTS, len(situation.marks)),
    ]
    return (*facts, *_settings(policy))


def _settings(policy: AllocationPolicy) -> Iterable[DecisionInput]:
    yield _share_input("baseline_share", policy.baseline_share)
    yield _share_input("floor_share", policy.floor_share)
    yield _share_input("cap_share", policy.cap_share)
    yield _share_input("largest_step", policy.largest_step)
    yield DecisionInput("quiet_sprints_needed", Decimal(policy.quiet_sprints), Unit.SPRINTS)
    if frequency := policy.incident_frequency:
        yield DecisionInput("incident_frequency_ratio", frequency.ratio, Unit.RATIO)
        yield DecisionInput("incident_frequency_minimum_count", Decimal(frequency.minimum_count), Unit.INCIDENTS)
        yield _share_input("incident_frequency_raise_by", frequency.raise_by)
    if restore := policy.time_to_restore:
        yield DecisionInput("time_to_restore_ratio", restore.ratio, Unit.RATIO)
        yield DecisionInput("time_to_restore_minimum_count", Decimal(restore.minimum_count), Unit.INCIDENTS)
        yield _share_input("time_to_restore_raise_by", restore.raise_by)
    if grave := policy.open_incidents:
        yield _share_input("open_incidents_raise_by", grave.raise_by)
        yield _share_input("open_incidents_raise_at_most", grave.raise_at_most)


def _share_input(name: str, share: int) -> DecisionInput:
    return DecisionInput(name, Decimal(str(share_to_float(share))), Unit.SHARE)


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
