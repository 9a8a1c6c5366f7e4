"""The circuit breaker: when a change is not made by rule but put to people, whatever its size."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum

from services.allocation.domain.decision import Decision, DecisionInput, Unit
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.quantity import counted, figure, hours
from services.allocation.domain.situation import Situation
from services.allocation.domain.standing import ApprovalGround


class Direction(Enum):
    """Where a signal points: to more incidents and longer ones, to fewer and shorter ones, or nowhere."""

    UP = 1
    DOWN = -1
    LEVEL = 0


@dataclass(frozen=True, slots=True)
class Directions:
    """Where the three signals point; None where one cannot tell."""

    frequency: Direction | None
    restore: Direction | None
    open: Direction | None

    @property
    def contradict(self) -> bool:
        """Incidents come more often, and yet are over sooner and none is grave: rather alerts that were split than trouble."""
        return (self.frequency, self.restore, self.open) == (Direction.UP, Direction.DOWN, Direction.DOWN)


def cautions(decision: Decision, situation: Situation) -> tuple[ApprovalGround, ...]:
    """Returns why the change is not to be made by rule alone."""
    return tuple(_cautions(decision, situation))


def breaker_inputs(situation: Situation, now: datetime) -> Iterator[DecisionInput]:
    """Yields what the breaker is judged on, for those of its parts that are switched on."""
    limit = situation.policy.circuit_breaker.changes_per_sprint
    if limit is not None:
        changes = Decimal(len(situation.changes_in(now)))
        yield DecisionInput("changes_in_sprint", changes, Unit.CHANGES, len(situation.changes))
        yield DecisionInput("changes_per_sprint", Decimal(limit), Unit.CHANGES)
    if situation.stale_after is not None:
        if situation.heard_at is not None:
            yield DecisionInput("hours_since_triage_was_heard", _hours(now - situation.heard_at), Unit.HOURS, 1)
        yield DecisionInput("stale_after", _hours(situation.stale_after), Unit.HOURS)


def directions(inputs: tuple[DecisionInput, ...], policy: AllocationPolicy) -> Directions:
    """Reads where the signals point from a decision's inputs: up beyond the trigger's ratio, down below one part of it."""
    told = {each.input: each for each in inputs}
    frequency, restore = policy.incident_frequency, policy.time_to_restore
    grave = told.get("open_grave_incidents")
    return Directions(
        _compared(told.get("incident_count"), told.get("incident_mean"), frequency.ratio) if frequency else None,
        _compared(told.get("time_to_restore_median"), told.get("time_to_restore_history_median"), restore.ratio) if restore else None,
        None if grave is None else (Direction.UP if grave.value else Direction.DOWN),
    )


def _compared(recent: DecisionInput | None, earlier: DecisionInput | None, ratio: Decimal) -> Direction | None:
    """A median that was not reached has another name, and so is not found: a lower bound points nowhere."""
    if recent is None or earlier is None:
        return None
    if recent.value > ratio * earlier.value:
        return Direction.UP
    return Direction.DOWN if recent.value * ratio < earlier.value else Direction.LEVEL


def _cautions(decision: Decision, situation: Situation) -> Iterator[ApprovalGround]:
    breaker, now = situation.policy.circuit_breaker, decision.created_at
    made, limit = len(situation.changes_in(now)), breaker.changes_per_sprint
    if limit is not None and made >= limit:
        yield ApprovalGround(
            "too_many_changes", f"The share changed {counted(made, 'time')} in this sprint, and the policy lets the rule change it {limit}."
        )
    if breaker.contradicting_signals and directions(decision.inputs, situation.policy).contradict:
        yield ApprovalGround(
            "contradicting_signals",
            "The signals contradict each other: incidents come more often, yet they are over sooner and no grave one is open.",
        )
    if situation.stale_after is not None:
        yield from _stale(situation, situation.stale_after, now)


def _stale(situation: Situation, stale_after: timedelta, now: datetime) -> Iterator[ApprovalGround]:
    limit = f"{figure(_hours(stale_after))} h"
    if situation.heard_at is None:
        yield ApprovalGround("stale_inputs", f"Triage was never heard of, and after {limit} what is known counts as stale.")
    elif now - situation.heard_at > stale_after:
        age = figure(_hours(now - situation.heard_at))
        yield ApprovalGround("stale_inputs", f"Triage was last heard of {age} h ago, and after {limit} what is known counts as stale.")


def _hours(span: timedelta) -> Decimal:
    return hours(Decimal(span // timedelta(microseconds=1)) / Decimal(timedelta(hours=1) // timedelta(microseconds=1)))
