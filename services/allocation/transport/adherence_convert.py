"""Adherence and drift to protobuf."""

from ballast.allocation.v1 import adherence_pb2 as pb

from services.allocation.domain.adherence import SprintWork
from services.allocation.domain.adherence_series import Assessed
from services.allocation.domain.drift import PRIOR_SPREAD, WEIGHT, Drift, Finding
from services.allocation.domain.quantity import WHOLE, share_to_float
from services.allocation.domain.sprint import sprint_name
from services.allocation.domain.team import Team
from services.allocation.usecases.adherence import AdherenceTerms
from shared.rpc.wellknown import time_to_pb


def adherence_to_pb(team: Team, assessed: Assessed, terms: AdherenceTerms) -> pb.Adherence:
    point = assessed.point
    return pb.Adherence(
        team=team.name,
        sprint=sprint_to_pb(team, assessed),
        drifts=[finding_to_pb(team, assessed.work, each) for each in assessed.findings],
        false_alarm_sprints=terms.design.false_alarm_sprints,
        chart_weight=WEIGHT,
        spread=point.spread if point else PRIOR_SPREAD,
        sprint_count=point.count if point else 0,
    )


def sprint_to_pb(team: Team, assessed: Assessed) -> pb.SprintAdherence:
    work = assessed.work
    # Of a sprint under way it is the chart before it: its own point comes with its end.
    point = assessed.point if work.is_finished else None
    return pb.SprintAdherence(
        sprint=sprint_name(team.name, work.sprint.number),
        number=work.sprint.number,
        begin_at=time_to_pb(work.sprint.begin_at),
        end_at=time_to_pb(work.sprint.end_at),
        counted_until=time_to_pb(work.until),
        capacity_hours=float(work.capacity_hours),
        planned_remediation_share=_share(work.planned_share),
        planned_roadmap_share=_share(None if work.planned_share is None else WHOLE - work.planned_share),
        planned_remediation_hours=float(work.planned_remediation_hours),
        planned_roadmap_hours=float(work.planned_roadmap_hours),
        remediation_hours=float(work.remediation_hours),
        roadmap_hours=float(work.roadmap_hours),
        other_hours=float(work.other_hours),
        unrecorded_hours=float(work.unrecorded_hours),
        recorded_remediation_share=_share(work.recorded_share),
        difference=_share(work.difference),
        chart_value=point.value if point else None,
        chart_limit=point.limit if point else None,
        incidents_begun=work.incidents_begun,
        incidents_ended=work.incidents_ended,
        incidents_open=work.incidents_open,
        items_late=work.items_late,
        state=assessed.state.value,  # type: ignore[arg-type]  # the numbers are the contract's
        notes=assessed.notes,
    )


def finding_to_pb(team: Team, work: SprintWork, finding: Finding) -> pb.Drift:
    """Returns a drift as the figures show it now; when it was told of, ListDrifts says."""
    return _finding_to_pb(Drift(team.name, work.sprint.number, finding, work.until))


def drift_to_pb(drift: Drift) -> pb.Drift:
    message = _finding_to_pb(drift)
    message.detected_at.CopyFrom(time_to_pb(drift.detected_at))
    if drift.ended_at:
        message.ended_at.CopyFrom(time_to_pb(drift.ended_at))
    return message


def _finding_to_pb(drift: Drift) -> pb.Drift:
    finding = drift.finding
    return pb.Drift(
        name=drift.name,
        kind=finding.kind.value,  # type: ignore[arg-type]  # the numbers are the contract's
        sprint=sprint_name(drift.team, drift.sprint_number),
        value=finding.value,
        limit=finding.limit,
        false_alarm_sprints=finding.false_alarm_sprints,
        reason=finding.reason,
    )


def _share(share: int | None) -> float | None:
    return None if share is None else share_to_float(share)
