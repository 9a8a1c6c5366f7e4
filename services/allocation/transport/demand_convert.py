"""Demand to protobuf and back."""

import math
from collections.abc import Sequence

import numpy as np
from ballast.allocation.v1 import demand_pb2, demand_service_pb2

from services.allocation.domain.demand_change import DemandChange, Watch
from services.allocation.domain.demand_distribution import DemandDistribution
from services.allocation.domain.demand_forecast import FORMULA_VERSION, USUAL_LEVELS, DemandForecast, SprintDemand, Wanted
from services.allocation.domain.demand_history import DemandHistory, Effort, numbering_violations
from services.allocation.domain.demand_question import Asked, Refusal
from services.allocation.domain.demand_reserve import USUAL_LEVEL, Costs, Promise
from services.allocation.domain.rate_change import RateChange, Verdict
from services.allocation.usecases.demand import Answered
from shared.errors import Violation
from shared.rpc.salvage import damage_of
from shared.rpc.shape import item_breaches_of
from shared.rpc.wellknown import time_to_pb

_USUAL_DAYS = 14.0
_MOST_DAYS = 366.0
_DAY_SECONDS = 86_400
_CURVE_END = 0.999
_VERDICTS = {
    Verdict.CANNOT_TELL: demand_pb2.RATE_VERDICT_CANNOT_TELL,
    Verdict.ROSE: demand_pb2.RATE_VERDICT_ROSE,
    Verdict.FELL: demand_pb2.RATE_VERDICT_FELL,
}


def asked_from_pb(question: demand_pb2.DemandQuestion) -> Asked | Refusal:
    """Reads a question, or says which rule of its shape it breaks."""
    damage = damage_of(question)
    if damage is not None:
        return Refusal("FIELD_INVALID", damage, "cannot be decoded: its text is no UTF-8; send text as UTF-8")
    if broken := item_breaches_of(question, "question"):
        return Refusal("FIELD_INVALID", broken[0].field.removeprefix("question").lstrip("."), broken[0].description)
    capacity = question.capacity_hours if question.HasField("capacity_hours") else None
    if not question.HasField("history"):
        return Asked(question.team, backlog_hours=question.backlog_hours, capacity_hours=capacity)
    history = _history(question.history)
    if isinstance(history, Refusal):
        return history
    first = question.history.periods[0].number if question.history.periods else 1
    return Asked(question.team, history, first, question.backlog_hours, capacity)


def _history(history: demand_pb2.DemandHistory) -> DemandHistory | Refusal:
    days = history.period.seconds / _DAY_SECONDS if history.HasField("period") else _USUAL_DAYS
    found = numbering_violations("history.periods", [each.number for each in history.periods])
    if not 1 <= days <= _MOST_DAYS:
        found.append(Violation("history.period", f"is {days:g} days; give 1 to {_MOST_DAYS:g}"))
    if found:
        return Refusal("HISTORY_INVALID", found[0].field, found[0].description)
    efforts = tuple(Effort(each.hours, not each.open) for each in history.efforts)
    return DemandHistory(tuple(each.count for each in history.periods), efforts, days)


def wanted_from_pb(request: demand_service_pb2.ForecastDemandRequest) -> Wanted:
    return Wanted(
        tuple(request.quantiles) or USUAL_LEVELS,
        _promise(request),
        request.sprint_count or 1,
        request.typical_effort_hours if request.HasField("typical_effort_hours") else None,
        request.maximum_effort_hours if request.HasField("maximum_effort_hours") else None,
        carry_over=request.with_long_run,
    )


def _promise(request: demand_service_pb2.ForecastDemandRequest) -> Promise:
    clearing = request.clearing_sprints or 1
    if request.WhichOneof("promise") == "costs":
        costs = Costs(request.costs.uncovered_hour, request.costs.idle_hour)
        return Promise(costs.level, clearing, costs)
    return Promise(request.service_level if request.HasField("service_level") else USUAL_LEVEL, clearing)


def forecasts_to_pb(
    answers: Sequence[tuple[Answered, DemandForecast] | Refusal], wanted: Wanted, *, with_curves: bool
) -> demand_service_pb2.ForecastDemandResponse:
    found = [_forecast(*each, wanted, with_curves) for each in answers if not isinstance(each, Refusal)]
    return demand_service_pb2.ForecastDemandResponse(forecasts=found, errors=_errors(answers))


def _forecast(answered: Answered, found: DemandForecast, wanted: Wanted, with_curves: bool) -> demand_pb2.DemandForecast:
    sprints = [sprint_to_pb(place + 1, each, wanted, with_curves=with_curves) for place, each in enumerate(found.sprints)]
    return demand_pb2.DemandForecast(
        team=answered.asked.team,
        begin_at=time_to_pb(answered.begin_at),
        sprints=sprints,
        basis=_basis(answered, found),
        warnings=found.warnings,
        load=_finite(found.load),
        wait_efforts=_finite(found.wait),
        long_run=_long_run(found),
        formula_version=FORMULA_VERSION,
    )


def sprint_to_pb(ahead: int, sprint: SprintDemand, wanted: Wanted, *, with_curves: bool) -> demand_pb2.SprintDemand:
    told = demand_pb2.SprintDemand(
        ahead=ahead, incident_mean=sprint.count_mean, incident_vmr=sprint.count_ratio, over_capacity=sprint.over_capacity
    )
    if sprint.hours is None or sprint.reserve is None:
        return told
    told.mean_hours, told.sd_hours = sprint.hours.mean, sprint.hours.deviation
    for level, hours in zip(wanted.levels, sprint.quantiles, strict=True):
        told.quantiles.add(level=level, hours=hours)
    kept = sprint.reserve
    told.reserve.hours, told.reserve.quantile_hours, told.reserve.clearing_hours = kept.hours, kept.quantile_hours, kept.clearing_hours
    told.reserve.short_hours, told.reserve.idle_hours = kept.short_hours, kept.idle_hours
    told.reserve.level, told.reserve.reason = wanted.promise.level, kept.reason
    if with_curves:
        told.curve.CopyFrom(_curve(sprint.hours))
    return told


def _curve(hours: DemandDistribution) -> demand_pb2.DemandCurve:
    end = int(np.searchsorted(hours.cumulated, _CURVE_END)) + 1
    return demand_pb2.DemandCurve(step_hours=hours.step, chances=hours.masses[:end].tolist())


def _basis(answered: Answered, found: DemandForecast) -> demand_pb2.DemandBasis:
    history, pool = found.history, found.pool
    return demand_pb2.DemandBasis(
        period_count=len(history.counts),
        incident_count=sum(history.counts),
        effort_count=len(history.efforts),
        open_effort_count=history.open_count,
        pooled_team_count=pool.rate.team_count,
        pooled_effort_count=pool.effort.effort_count if pool.effort else 0,
        vmr=found.clustering,
        memory_periods=pool.rate.memory,
        anchor_periods=pool.rate.anchor,
        effort_mean_hours=found.effort_mean,
        maximum_effort_hours=pool.effort.maximum if pool.effort else None,
        capacity_hours=answered.asked.capacity_hours,
    )


def _long_run(found: DemandForecast) -> demand_pb2.LongRunBacklog | None:
    if found.carried_over is None:
        return None
    return demand_pb2.LongRunBacklog(chance=found.carried_over.chance, mean_hours=_finite(found.carried_over.mean_hours))


def watch_from_pb(request: demand_service_pb2.GetDemandChangeRequest) -> Watch:
    usual = Watch()
    return Watch(
        request.watched_periods or usual.watched_periods,
        request.rise if request.HasField("rise") else usual.rise,
        request.false_alarm_periods if request.HasField("false_alarm_periods") else usual.run_length,
    )


def changes_to_pb(answers: Sequence[tuple[Answered, DemandChange] | Refusal]) -> demand_service_pb2.GetDemandChangeResponse:
    found = [_change(*each) for each in answers if not isinstance(each, Refusal)]
    return demand_service_pb2.GetDemandChangeResponse(changes=found, errors=_errors(answers))


def _change(answered: Answered, found: DemandChange) -> demand_pb2.DemandChange:
    first = answered.asked.first_number
    told = demand_pb2.DemandChange(
        team=answered.asked.team,
        alarm=found.alarm_period is not None,
        alarm_period=first + found.alarm_period if found.alarm_period is not None else 0,
        since_period=first + found.since_period if found.since_period is not None else 0,
        total=found.total,
        reference_period_count=found.reference_periods,
        reference_mean=found.reference_mean,
        assumed_mean=found.assumed_mean,
        vmr=found.clustering,
        comparison=_comparison(found.change),
        cannot_tell=found.cannot_tell,
    )
    if found.design is not None:
        told.limit, told.false_alarm_periods = found.design.chart.limit, found.design.in_control
        told.detection_periods = found.design.after_change
    return told


def _comparison(change: RateChange | None) -> demand_pb2.RateComparison | None:
    if change is None:
        return None
    return demand_pb2.RateComparison(
        ratio=_finite(change.ratio),
        low=change.low,
        high=_finite(change.high),
        p_value=change.p_value,
        verdict=_VERDICTS[change.verdict],
        reason=change.reason,
    )


def _errors(answers: Sequence[object]) -> list[demand_service_pb2.DemandError]:
    return [
        demand_service_pb2.DemandError(
            index=place,
            reason=each.reason,
            field=f"questions[{place}].{each.field}" if each.field else f"questions[{place}]",
            description=each.description,
        )
        for place, each in enumerate(answers)
        if isinstance(each, Refusal)
    ]


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
