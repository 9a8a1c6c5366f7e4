"""Measuring: what a team's incidents say in the sprint judged and in those before it, as the signals a policy looks at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from services.allocation.domain.decision import DecisionInput, DecisionTrigger, Unit
from services.allocation.domain.incident import IncidentFact
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.quantity import hours
from services.allocation.domain.reading import Reading, open_at, reading_of, restoring_of, tally_of
from services.allocation.domain.rule_signal import rule_inputs, with_rule_signals
from services.allocation.domain.signals import Restoring, Signals, Tally
from services.allocation.domain.situation import Situation
from services.allocation.domain.survival import Median
from services.allocation.domain.term import hours_of


@dataclass(frozen=True, slots=True)
class Measured:
    """Signals, with the inputs they are recorded as and the incidents that entered one."""

    signals: Signals
    inputs: tuple[DecisionInput, ...]
    incidents: tuple[IncidentFact, ...]


def measured(situation: Situation, trigger: DecisionTrigger, now: datetime) -> Measured:
    """Returns what the situation's policy looks at; what its triggers and rules do not read is not computed."""
    policy, reading = situation.policy, reading_of(situation, trigger, now)
    parts = [_frequency(policy, reading), _restore(policy, reading), _open(policy, situation, now)]
    tally, restoring, grave = (part.value for part in parts)
    sprint = situation.team.cadence.sprint_at(now)
    present = sprint.number
    signals = Signals(
        at=now,
        sprint=present,
        judged=reading.sprint.number if reading else present - 1,
        capacity_hours=situation.team.capacity_in(sprint),
        observed=reading is not None,
        frequency=tally if isinstance(tally, Tally) else None,
        restoring=restoring if isinstance(restoring, Restoring) else None,
        grave_open=grave if isinstance(grave, int) else None,
    )
    signals = with_rule_signals(signals, situation, reading)
    inputs = (*(each for part in parts for each in part.inputs), *rule_inputs(signals, policy))
    entered = [each for part in parts for each in part.incidents]
    if policy.rules:
        entered += _of_rules(situation, reading, now)
    return Measured(signals, inputs, tuple(entered))


def _of_rules(situation: Situation, reading: Reading | None, now: datetime) -> list[IncidentFact]:
    """Returns the incidents that rules look at: those opened in the sprint judged, and those open now."""
    opened = tally_of(reading, situation.incidents, 0)[1] if reading else []
    return [*opened, *open_at(situation.incidents, now)]


@dataclass(frozen=True, slots=True)
class _Part:
    value: Tally | Restoring | int | None = None
    inputs: tuple[DecisionInput, ...] = ()
    incidents: Sequence[IncidentFact] = ()


def _frequency(policy: AllocationPolicy, reading: Reading | None) -> _Part:
    trigger = policy.incident_frequency
    if trigger is None or reading is None:
        return _Part()
    tally, opened = tally_of(reading, reading.situation.incidents, trigger.history_sprints, trigger.severity_at_most)
    inputs = [DecisionInput("incident_count", Decimal(tally.count), Unit.INCIDENTS, 1)]
    if tally.mean is not None:
        inputs.append(DecisionInput("incident_mean", hours(tally.mean), Unit.INCIDENTS, tally.history_sprints))
    return _Part(tally, tuple(inputs), opened)


def _restore(policy: AllocationPolicy, reading: Reading | None) -> _Part:
    trigger = policy.time_to_restore
    if trigger is None or reading is None:
        return _Part()
    restoring, weighed = restoring_of(reading, reading.situation.incidents, trigger.history_sprints)
    inputs = (
        *_median_input("time_to_restore_median", restoring.recent, restoring.recent_count),
        *_median_input("time_to_restore_history_median", restoring.earlier, restoring.earlier_count),
    )
    return _Part(restoring, inputs, weighed)


def _open(policy: AllocationPolicy, situation: Situation, now: datetime) -> _Part:
    trigger = policy.open_incidents
    if trigger is None:
        return _Part()
    grave = open_at(situation.incidents, now, trigger.severity_at_most)
    return _Part(len(grave), (DecisionInput("open_grave_incidents", Decimal(len(grave)), Unit.INCIDENTS, len(grave)),), grave)


def _median_input(name: str, value: Median | None, count: int) -> tuple[DecisionInput, ...]:
    if value is None:
        return ()
    return (DecisionInput(name if value.reached else f"{name}_at_least", hours_of(value.length), Unit.HOURS, count),)
