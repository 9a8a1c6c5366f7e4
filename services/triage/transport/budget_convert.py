"""Error budgets to protobuf and back."""

from datetime import timedelta

from ballast.triage.v1 import budget_policy_pb2, error_budget_pb2
from ballast.triage.v1 import error_budget_service_pb2 as pb

from services.triage.domain.budget_adjustment import AdjustmentUnit, BudgetAdjustment
from services.triage.domain.budget_policy import Standing
from services.triage.domain.budget_report import BudgetReport, Exclusion, WindowBurn
from services.triage.domain.burn_alert import BurnRule, BurnVerdict
from services.triage.domain.incident_budget import IncidentUse
from services.triage.usecases.budgets import AdjustmentOrder, BudgetQuery, BurnDownPoint
from shared.errors import invalid_field
from shared.rpc.wellknown import duration_to_pb, time_from_pb, time_to_pb


def report_to_pb(report: BudgetReport) -> error_budget_pb2.ErrorBudget:
    lasts = report.exhausted_in
    return error_budget_pb2.ErrorBudget(
        slo=report.slo.name,
        objective=report.objective,
        component=report.slo.component,
        team=report.team,
        target=report.target,
        window_starts_at=time_to_pb(report.window.starts_at),
        window_ends_at=time_to_pb(report.window.ends_at),
        good=report.good,
        total=report.total,
        used=report.used,
        adjusted=report.adjusted,
        remaining=report.remaining,
        time_to_exhaustion=None if lasts is None else duration_to_pb(lasts),
        burns=[_burn_to_pb(each) for each in report.burns],
        alerts=[_alert_to_pb(rule, verdict) for rule, verdict in report.alerts],
        counted=duration_to_pb(report.counted),
        excluded=duration_to_pb(report.excluded),
        partial=report.is_partial,
        stale=report.is_stale,
        newest_sample_at=time_to_pb(report.newest_sample),
        exclusions=[_exclusion_to_pb(each) for each in report.exclusions],
        standing=standing_to_pb(report.standing),
        evaluated_at=time_to_pb(report.now),
    )


def standing_to_pb(standing: Standing) -> budget_policy_pb2.BudgetStanding:
    return budget_policy_pb2.BudgetStanding(
        step=standing.step,
        effect=standing.effect.value,  # type: ignore[arg-type]  # the numbers are the contract's
        cause=standing.cause.value,  # type: ignore[arg-type]
        reason=standing.reason,
        reliability_share=standing.reliability_share,
    )


def adjustment_to_pb(adjustment: BudgetAdjustment) -> error_budget_pb2.BudgetAdjustment:
    return error_budget_pb2.BudgetAdjustment(
        name=adjustment.name,
        slo=adjustment.slo,
        objective=adjustment.objective,
        amount=adjustment.amount,
        unit=adjustment.unit.value,  # type: ignore[arg-type]
        reason=adjustment.reason,
        approver=adjustment.approver,
        author=adjustment.author,
        valid_from=time_to_pb(adjustment.valid_from),
        valid_until=time_to_pb(adjustment.valid_until),
        create_time=time_to_pb(adjustment.created_at),
    )


def order_from_pb(request: pb.AdjustErrorBudgetRequest) -> AdjustmentOrder:
    return AdjustmentOrder(
        slo=request.slo,
        objective=request.objective,
        amount=request.amount,
        unit=AdjustmentUnit(request.unit),
        reason=request.reason,
        approver=request.approver,
        valid_from=time_from_pb(request, "valid_from"),
        valid_until=time_from_pb(request, "valid_until"),
    )


def query_from_pb(request: pb.ListErrorBudgetsRequest) -> BudgetQuery:
    return BudgetQuery(request.filter.component, request.filter.team, request.filter.step)


def check_one_named(request: pb.GetIncidentBudgetUseRequest) -> None:
    """Raises InvalidInput unless exactly one of incident and SLO is named."""
    if bool(request.incident) is bool(request.slo):
        raise invalid_field("incident", "stands beside slo, or neither is given; give one of the two", reason="FIELD_INVALID")


def lookback_from_pb(request: pb.GetIncidentBudgetUseRequest) -> timedelta:
    return request.lookback.ToTimedelta() if request.HasField("lookback") else timedelta(days=28)


def point_to_pb(point: BurnDownPoint) -> error_budget_pb2.BurnDownPoint:
    return error_budget_pb2.BurnDownPoint(at=time_to_pb(point.at), remaining=point.remaining, good=point.good, total=point.total)


def use_to_pb(use: IncidentUse) -> error_budget_pb2.IncidentBudgetUse:
    incident = use.incident
    return error_budget_pb2.IncidentBudgetUse(
        incident=incident.name,
        incident_class=incident.class_,
        incident_class_title=incident.class_title,
        cause=incident.cause.value,  # type: ignore[arg-type]
        slo=use.slo,
        objective=use.objective,
        opened_at=time_to_pb(incident.opened_at),
        ended_at=time_to_pb(incident.ended_at),
        bad=use.bad,
        total=use.total,
        share=use.share,
        four_week_share=use.four_week_share,
        quarter_share=use.quarter_share,
    )


def _burn_to_pb(burn: WindowBurn) -> error_budget_pb2.WindowBurn:
    return error_budget_pb2.WindowBurn(
        window=duration_to_pb(burn.window),
        good=burn.good,
        total=burn.total,
        burn=burn.burn,
        too_few_events=burn.is_too_few,
        partial=burn.is_partial,
    )


def _alert_to_pb(rule: BurnRule, verdict: BurnVerdict) -> error_budget_pb2.BurnAlert:
    return error_budget_pb2.BurnAlert(
        action=rule.action.value,  # type: ignore[arg-type]
        long_window=duration_to_pb(rule.long),
        short_window=duration_to_pb(rule.short),
        burn_threshold=round(rule.burn, 9),
        verdict=verdict.value,  # type: ignore[arg-type]
    )


def _exclusion_to_pb(exclusion: Exclusion) -> error_budget_pb2.BudgetExclusion:
    return error_budget_pb2.BudgetExclusion(
        maintenance_window=exclusion.maintenance_window,
        starts_at=time_to_pb(exclusion.span.starts_at),
        ends_at=time_to_pb(exclusion.span.ends_at),
        reason=exclusion.reason,
        approver=exclusion.approver,
    )
