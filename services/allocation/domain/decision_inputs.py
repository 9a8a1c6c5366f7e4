"""Inputs: every fact a decision rests on, as it is recorded with it."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from services.allocation.domain.breaker import breaker_inputs
from services.allocation.domain.decision import DecisionInput, Unit
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.quantity import hours, share_to_float
from services.allocation.domain.rest import rest_left
from services.allocation.domain.situation import Situation

REST_LEFT = "rest_left"  # after a change of the share


def inputs_of(situation: Situation, now: datetime, share_before: int, signals: Sequence[DecisionInput]) -> tuple[DecisionInput, ...]:
    """Returns every fact a decision rests on: those of its signals, then what the policy sets."""
    sprint = situation.team.cadence.sprint_at(now)
    facts = [
        DecisionInput("capacity", situation.team.capacity_in(sprint), Unit.HOURS, len(situation.team.members)),
        _share_input("remediation_share_before", share_before),
        *signals,
        DecisionInput("quiet_sprints", Decimal(situation.quiet_sprints_before(sprint.number)), Unit.SPRINTS, len(situation.marks)),
    ]
    return (*facts, *_rest(situation, now), *breaker_inputs(situation, now), *_settings(situation.policy))


def _rest(situation: Situation, now: datetime) -> Iterable[DecisionInput]:
    if left := rest_left(situation, now):
        yield DecisionInput(REST_LEFT, hours(Decimal(left // timedelta(seconds=1)) / 3600), Unit.HOURS, len(situation.changes))


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
    if policy.shortest_dwell is not None:
        yield DecisionInput("shortest_dwell", Decimal(policy.shortest_dwell // timedelta(seconds=1)) / 3600, Unit.HOURS)


def _share_input(name: str, share: int) -> DecisionInput:
    return DecisionInput(name, Decimal(str(share_to_float(share))), Unit.SHARE)
