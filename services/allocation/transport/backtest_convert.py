"""Back-tests to protobuf and back."""

from datetime import timedelta

from ballast.allocation.v1 import backtest_pb2
from ballast.allocation.v1 import backtest_service_pb2 as pb

from services.allocation.domain.backtest import MOST_SHOWN, USUAL_WARM_UP, Backtest, Design, Result, TeamResult
from services.allocation.domain.backtest_comparison import Comparison
from services.allocation.domain.backtest_effect import Effect
from services.allocation.domain.backtest_interval import Estimate
from services.allocation.domain.backtest_past import GivenPeriod
from services.allocation.domain.backtest_recorded import MOST_SPRINTS
from services.allocation.domain.backtest_score import Score
from services.allocation.domain.demand_forecast import FORMULA_VERSION
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.transport.convert import policy_from_pb
from services.allocation.usecases.backtests import BacktestAsked, GivenPast, Progress, StoredPolicy

_USUAL_DAYS = 14.0
_DAY = timedelta(days=1)


def asked_from_pb(request: pb.BacktestPolicyRequest) -> BacktestAsked:
    level = request.service_level if request.HasField("service_level") else None
    warm_up = request.warm_up_periods if request.HasField("warm_up_periods") else USUAL_WARM_UP
    return BacktestAsked(
        tuple(_policy(each) for each in request.policies),
        tuple(request.teams),
        tuple(_given(each) for each in request.histories),
        request.period_count or MOST_SPRINTS,
        Design((), level, warm_up, with_teams=request.with_teams, with_shares=request.with_shares),
    )


def _policy(asked: pb.BacktestedPolicy) -> StoredPolicy | AllocationPolicy:
    if asked.WhichOneof("policy") == "body":
        return policy_from_pb(asked.body)
    return StoredPolicy(asked.name, asked.revision)


def _given(history: backtest_pb2.BacktestHistory) -> GivenPast:
    capacity = history.capacity_hours if history.HasField("capacity_hours") else None
    worth = history.roadmap_value_per_hour if history.HasField("roadmap_value_per_hour") else None
    days = history.period.ToTimedelta() / _DAY if history.HasField("period") else _USUAL_DAYS
    return GivenPast(history.team, tuple(_period(each, capacity, worth) for each in history.periods), days)


def _period(period: backtest_pb2.BacktestPeriod, capacity: float | None, worth: float | None) -> GivenPeriod:
    return GivenPeriod(
        period.number,
        period.count,
        tuple(period.effort_hours),
        tuple(period.restore_hours),
        tuple(period.severities),
        period.capacity_hours if period.HasField("capacity_hours") else capacity,
        period.roadmap_value_per_hour if period.HasField("roadmap_value_per_hour") else worth,
        period.remediation_share if period.HasField("remediation_share") else None,
    )


def response_to_pb(state: Progress | Backtest, request: pb.BacktestPolicyRequest) -> pb.BacktestPolicyResponse:
    if isinstance(state, Progress):
        return pb.BacktestPolicyResponse(done_count=state.done, total_count=state.total)
    return pb.BacktestPolicyResponse(summary=_summary(state, request))


def _summary(found: Backtest, request: pb.BacktestPolicyRequest) -> pb.BacktestSummary:
    return pb.BacktestSummary(
        results=[_result(each, found.level) for each in found.results],
        comparisons=[_comparison(each) for each in found.comparisons],
        team_count=len(found.cells.teams),
        period_count=found.period_count,
        judged_count=len(found.cells),
        service_level=found.level,
        pasts=_pasts(found) if request.with_shares else [],
        warnings=found.warnings,
        formula_version=FORMULA_VERSION,
    )


def _pasts(found: Backtest) -> list[pb.BacktestTeamPast]:
    cells = found.cells
    return [
        pb.BacktestTeamPast(
            team=team,
            first_number=int(cells.number[cells.of(place)][0]) - found.offsets[place],
            demand_hours=cells.demand[cells.of(place)].tolist(),
            capacity_hours=cells.capacity[cells.of(place)].tolist(),
        )
        for place, team in enumerate(cells.teams[:MOST_SHOWN])
    ]


def _result(result: Result, level: float) -> backtest_pb2.BacktestResult:
    return backtest_pb2.BacktestResult(
        contender=result.contender.key,
        kind=backtest_pb2.ContenderKind.ValueType(result.contender.kind),
        pooled=_score(result.pooled, level),
        teams=[_team(each, level) for each in result.teams],
        demand_effect=_effect(result.demand_effect),
        restore_effect=_effect(result.restore_effect),
    )


def _team(result: TeamResult, level: float) -> backtest_pb2.BacktestTeamScore:
    return backtest_pb2.BacktestTeamScore(team=result.team, score=_score(result.score, level), shares=result.shares)


def _score(score: Score, level: float) -> backtest_pb2.BacktestScore:
    told = score.coverage
    return backtest_pb2.BacktestScore(
        period_count=score.count,
        mean_share=score.mean_share,
        loss=_estimate(score.loss),
        coverage=backtest_pb2.BacktestCoverage(
            level=level,
            covered=_estimate(told.covered),
            breach_count=told.breaches,
            likelihood_ratio=told.ratio,
            p_value=told.p_value,
            verdict=backtest_pb2.PromiseVerdict.ValueType(told.verdict),
        ),
        backlog=backtest_pb2.BacktestBacklog(
            chance=score.backlog_chance, mean_hours=_estimate(score.backlog_mean), most_hours=score.backlog_most
        ),
        roadmap_hours=_estimate(score.roadmap_hours),
        roadmap_value=_estimate(score.roadmap_value) if score.roadmap_value else None,
        change_count=score.changes,
        flip_count=score.flips,
        raise_count=score.raises,
        false_alarm_count=score.false_alarms,
        rebound_count=score.rebounds,
    )


def _comparison(found: Comparison) -> backtest_pb2.BacktestComparison:
    return backtest_pb2.BacktestComparison(
        contender=found.contender,
        against=found.against,
        measure=backtest_pb2.BacktestMeasure.ValueType(found.measure),
        difference=_estimate(found.difference),
        verdict=backtest_pb2.BacktestVerdict.ValueType(found.verdict),
        reason=found.reason,
    )


def _effect(effect: Effect) -> backtest_pb2.BeforeAfter:
    ratio = effect.ratio
    return backtest_pb2.BeforeAfter(
        raise_count=effect.raises,
        naive_ratio=effect.naive,
        ratio=ratio.value if ratio else None,
        low=ratio.low if ratio else None,
        high=ratio.high if ratio else None,
        cannot_tell=effect.cannot_tell,
    )


def _estimate(found: Estimate) -> backtest_pb2.BacktestEstimate:
    return backtest_pb2.BacktestEstimate(value=found.value, low=found.low, high=found.high)
