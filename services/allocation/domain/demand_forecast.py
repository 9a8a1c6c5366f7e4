"""The hours that remediation will ask of teams, sprint by sprint: rates, efforts and their sum put together, with the reserve."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from services.allocation.domain import demand_effort, demand_rate
from services.allocation.domain.backlog import LongRun, long_run
from services.allocation.domain.demand_distribution import EFFORT_STEPS, DemandDistribution, Floats, aggregated, moments, step_for
from services.allocation.domain.demand_effort import EffortModel, EffortPool, EffortRows
from services.allocation.domain.demand_history import DemandHistory
from services.allocation.domain.demand_rate import RatePool, Rates, Rows
from services.allocation.domain.demand_reserve import Promise, Reserve, reserve_of
from services.allocation.domain.demand_warning import warnings_of
from services.allocation.domain.flow import wait_ratio

FORMULA_VERSION = "2026.1"  # of this forecast: the same version gives the same figures for the same history
MOST_SPRINTS = 26
USUAL_LEVELS = (0.5, 0.75, 0.9)
_COARSE = 256  # steps that suffice to find how fine a grid is needed


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of one team: its history, the hours left over from before, and those of a sprint, if known."""

    history: DemandHistory
    backlog_hours: float = 0.0
    capacity_hours: float | None = None
    surge: tuple[tuple[float, float], ...] = ()  # of the sprints ahead, as far as there are: times the incidents, and so many more


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of every team."""

    levels: tuple[float, ...] = USUAL_LEVELS
    promise: Promise = field(default_factory=Promise)
    sprints: int = 1
    typical_effort: float | None = None  # person-hours, where none was recorded
    maximum_effort: float | None = None  # person-hours
    carry_over: bool = False  # whether to say what backlog the reserve leaves in the long run, which takes as long as all the rest


@dataclass(frozen=True, slots=True)
class DemandPool:
    """What is learned of all teams together."""

    rate: RatePool
    effort: EffortPool | None  # None where nothing says what an incident takes


@dataclass(frozen=True, slots=True)
class SprintDemand:
    """One sprint to come. Hours are None where nothing says what an incident takes."""

    count_mean: float
    count_ratio: float  # variance to mean
    hours: DemandDistribution | None
    quantiles: tuple[float, ...]
    over_capacity: float | None  # P(demand and what is due of the backlog > capacity)
    reserve: Reserve | None


@dataclass(frozen=True, slots=True)
class DemandForecast:
    """A team's forecast with what it rests on."""

    history: DemandHistory
    pool: DemandPool
    clustering: float  # variance-to-mean ratio about the rate
    effort_mean: float | None
    sprints: tuple[SprintDemand, ...]
    carried_over: LongRun | None  # if every sprint were like the first and had its reserve, without today's backlog; when asked for
    load: float | None  # expected hours over that reserve
    wait: float | None  # mean wait in mean efforts
    warnings: tuple[str, ...]


def pooled(histories: Sequence[DemandHistory], wanted: Wanted) -> DemandPool:
    """Returns what the histories have in common."""
    efforts = EffortRows.of([each.efforts for each in histories])
    return DemandPool(demand_rate.learned(_rows(histories)), demand_effort.learned(efforts, wanted.typical_effort, wanted.maximum_effort))


def forecasts(questions: Sequence[Question], pool: DemandPool, wanted: Wanted) -> list[DemandForecast]:
    """Returns the forecast of each team. The same questions, pool and wishes give the same figures; teams do not change each other's."""
    histories = [each.history for each in questions]
    rates = _surged(demand_rate.rates(_rows(histories), pool.rate, wanted.sprints), questions)
    if pool.effort is None:
        return [_counts_only(each, pool, rates, row) for row, each in enumerate(questions)]
    model = demand_effort.modelled(EffortRows.of([each.efforts for each in histories]), pool.effort)
    return [_forecast(each, pool, _Row(rates, model, row), wanted) for row, each in enumerate(questions)]


@dataclass(frozen=True, slots=True)
class _Row:
    """One team's part of what is computed for all."""

    rates: Rates
    model: EffortModel
    row: int

    @property
    def means(self) -> Floats:
        return np.asarray(self.rates.means[self.row])

    @property
    def ratios(self) -> Floats:
        return np.asarray(self.rates.ratios[self.row])

    def step(self) -> float:
        """Returns a step for which the grid holds every sprint."""
        busiest = int(np.argmax(self.means))
        return effort_step(self.model, self.row, float(self.means[busiest]), float(self.ratios[busiest]))


def effort_step(model: EffortModel, row: int, mean: float, ratio: float) -> float:
    """Returns a step, in person-hours, for which the grid holds the sum of that many of a team's efforts."""
    coarse = model.maximum / (_COARSE - 1)
    found, variance = moments(model.masses(row, coarse, _COARSE), coarse, mean, ratio)
    return step_for(found, math.sqrt(variance), model.maximum)


def _surged(rates: Rates, questions: Sequence[Question]) -> Rates:
    """Returns the rates with what is to come on top; they stay as clustered as they are."""
    means = rates.means.copy()
    for row, each in enumerate(questions):
        for ahead, (times, plus) in enumerate(each.surge[: means.shape[1]]):
            means[row, ahead] = means[row, ahead] * times + plus
    return replace(rates, means=means)


def _rows(histories: Sequence[DemandHistory]) -> Rows:
    return Rows.of([each.counts for each in histories], [each.period_days for each in histories])


def _counts_only(question: Question, pool: DemandPool, rates: Rates, row: int) -> DemandForecast:
    sprints = tuple(
        SprintDemand(float(mean), float(ratio), None, (), None, None)
        for mean, ratio in zip(rates.means[row], rates.ratios[row], strict=True)
    )
    told = warnings_of(question.history, pool.rate, 0)
    return DemandForecast(question.history, pool, float(rates.clustering[row]), None, sprints, None, None, None, told)


def _forecast(question: Question, pool: DemandPool, of: _Row, wanted: Wanted) -> DemandForecast:
    step = of.step()
    efforts = of.model.masses(of.row, step, EFFORT_STEPS)
    sums = aggregated(efforts[None, :], of.means, of.ratios)
    sprints = tuple(_sprint(question, of, DemandDistribution(step, sums[place]), place, wanted) for place in range(wanted.sprints))
    first, hours = sprints[0], DemandDistribution(step, efforts)
    assert first.hours is not None
    assert first.reserve is not None
    kept = first.reserve.quantile_hours
    carried = long_run(first.hours, kept) if wanted.carry_over else None
    load = first.hours.mean / kept if kept else math.inf
    variability = (hours.deviation / hours.mean) ** 2 if hours.mean else 0.0
    wait = wait_ratio(load, first.count_ratio, variability)
    assert pool.effort is not None
    told = warnings_of(question.history, pool.rate, pool.effort.effort_count, load, question.backlog_hours)
    clustering = float(of.rates.clustering[of.row])
    return DemandForecast(question.history, pool, clustering, hours.mean, sprints, carried, load, wait, told)


def _sprint(question: Question, of: _Row, hours: DemandDistribution, place: int, wanted: Wanted) -> SprintDemand:
    due = wanted.promise.due(question.backlog_hours, place)
    capacity = question.capacity_hours
    return SprintDemand(
        float(of.means[place]),
        float(of.ratios[place]),
        hours,
        tuple(hours.quantile(level) for level in wanted.levels),
        None if capacity is None else hours.chance_above(capacity - due),
        reserve_of(hours, wanted.promise, due),
    )
