"""Measuring for rules: the signals that a policy's rules and its reserve look at, with the inputs they are recorded as."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from services.allocation.domain.decision import DecisionInput, Unit
from services.allocation.domain.incident import IncidentFact
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.quantity import WHOLE, hours
from services.allocation.domain.reading import Reading, open_at, restoring_of, tally_of
from services.allocation.domain.reserve_term import RESERVE_SHARE, reserved_share
from services.allocation.domain.rule_judgement import facts_of_rules
from services.allocation.domain.signals import FORGIVEN, BudgetSignal, Cause, Signals
from services.allocation.domain.situation import Situation
from services.allocation.domain.surroundings import Surroundings

_GRAVE = 2  # as `incidents.grave_open` counts


def looks_farther(policy: AllocationPolicy) -> bool:
    """Whether a policy looks at more than its three triggers do."""
    return bool(policy.rules) or policy.reserve is not None


def foresees(policy: AllocationPolicy) -> bool:
    """Whether a policy looks at what is foretold."""
    return policy.reserve is not None or bool(_kinds_read(policy) & {"demand", "backlog"})


def watches_budgets(policy: AllocationPolicy) -> bool:
    return "budget" in _kinds_read(policy)


def watches_adherence(policy: AllocationPolicy) -> bool:
    return "adherence" in _kinds_read(policy)


def _kinds_read(policy: AllocationPolicy) -> set[str]:
    return {fact.name.partition(".")[0] for fact in facts_of_rules(policy.rules)}


def with_rule_signals(signals: Signals, situation: Situation, reading: Reading | None) -> Signals:
    """Returns the signals with those of rules and reserve; unchanged for a policy that has neither."""
    if not looks_farther(situation.policy):
        return signals
    everything = _seen(signals, situation, reading, forgiving=False)
    if not any(rule.forgives_causes for rule in situation.policy.rules):
        return everything
    return replace(everything, own=_seen(signals, situation, reading, forgiving=True))


def rule_inputs(signals: Signals, policy: AllocationPolicy) -> Iterator[DecisionInput]:
    """Yields what rules and reserve read, as it is recorded: what cannot be told, is text, or has no bound stands in the terms' reasons."""
    for fact in facts_of_rules(policy.rules):
        value = fact.read(signals)
        if isinstance(value, int | float) and math.isfinite(value):
            yield DecisionInput(fact.name, hours(float(value)), fact.unit_of_input)
    if policy.reserve is None:
        return
    if reserved := reserved_share(policy.reserve, signals):
        yield DecisionInput(RESERVE_SHARE, Decimal(reserved[0]) / WHOLE, Unit.SHARE)
    yield DecisionInput("reserve_level", hours(policy.reserve.promise.level), Unit.RATIO)
    if signals.demand is not None:
        yield DecisionInput("reserve_quantile", hours(signals.demand.quantile(policy.reserve.promise.level)), Unit.HOURS)
    if signals.backlog_hours is not None:
        yield DecisionInput("reserve_backlog", hours(signals.backlog_hours), Unit.HOURS, signals.open_incidents or 0)
        yield DecisionInput("reserve_clearing_sprints", Decimal(policy.reserve.clearing_sprints), Unit.SPRINTS)


def _seen(signals: Signals, situation: Situation, reading: Reading | None, *, forgiving: bool) -> Signals:
    around, now = situation.surroundings, signals.at
    known = [fact for fact in situation.incidents if not (forgiving and around.cause_of(fact.incident) in FORGIVEN)]
    open_now = open_at(known, now)
    begin = situation.team.cadence.sprint_at(now).begin_at
    told = replace(
        signals,
        open_incidents=len(open_now),
        open_grave=len(open_at(known, now, _GRAVE)),
        demand=around.outlook.hours,
        demand_note=around.outlook.note,
        backlog_hours=around.backlog_hours(situation.incidents, begin, now),
        budgets=_budgets(around, now, forgiving=forgiving),
        loss_per_hour=_loss(open_now),
        adherence_drift=around.drift,
        worst_tier=min((tier for fact in open_now for each in fact.components if (tier := around.tiers.get(each))), default=None),
    )
    if reading is None:
        return told
    tally, opened = tally_of(reading, known, situation.policy.history_sprints)
    restore, _ = restoring_of(reading, known, situation.policy.history_sprints)
    return replace(told, incidents=tally, restore=restore, causes=_causes(around, opened))


def _causes(around: Surroundings, opened: Sequence[IncidentFact]) -> dict[Cause, int]:
    found = [around.cause_of(fact.incident) for fact in opened]
    return {cause: found.count(cause) for cause in Cause}


def _budgets(around: Surroundings, now: datetime, *, forgiving: bool) -> tuple[BudgetSignal, ...] | None:
    """Returns them; one that a forgiven cause spent counts as unspent. None where none was told of: no news is not good news."""
    told = around.budgets_at(now)
    if not told:
        return None
    found = [BudgetSignal(each.remaining, each.burn, each.frozen, each.cause, around.tiers.get(each.component)) for each in told]
    return tuple(replace(each, remaining=1.0, burn=0.0, frozen=False) if forgiving and each.cause in FORGIVEN else each for each in found)


def _loss(open_now: Sequence[IncidentFact]) -> Decimal | None:
    """Returns the sum of what is known: a lower bound. None where nothing is, or currencies differ."""
    found = [fact.expected_loss for fact in open_now if fact.expected_loss is not None]
    if (open_now and not found) or len({each.currency for each in found}) > 1:
        return None
    return sum((each.amount for each in found), Decimal(0))
