"""Intake's domain values to protobuf and back."""

from typing import Any
from uuid import UUID

from ballast.intake.v1 import alert_pb2, incident_pb2
from ballast.intake.v1 import intake_service_pb2 as pb

from services.intake.domain.alert import Alert
from services.intake.domain.evidence import Evidence
from services.intake.domain.incident import Assignment, Attribution, Incident, IncidentState, Rating, TimelineEntry
from services.intake.storage.incident_pages import IncidentQuery
from services.intake.usecases.occasion import Occasion
from services.intake.usecases.reports import RawReport
from shared.rpc.wellknown import time_from_pb, time_to_pb
from shared.storage.etags import etag_of


def report_from_pb(report: alert_pb2.AlertReport) -> RawReport:
    """Returns a report that came by itself; batches of them are read into columns (`reports.ReportReader`)."""
    return RawReport(
        key=report.key,
        labels=dict(report.labels),
        annotations=dict(report.annotations),
        starts_at=time_from_pb(report, "starts_at"),
        ends_at=time_from_pb(report, "ends_at"),
        generator_url=report.generator_url,
    )


def alert_to_pb(alert: Alert) -> alert_pb2.Alert:
    return alert_pb2.Alert(
        name=f"alerts/{alert.id}",
        fingerprint=alert.fingerprint.hex,
        source=alert.source,
        labels=alert.labels,
        annotations=alert.annotations,
        state=alert.state.value,  # type: ignore[arg-type]
        starts_at=time_to_pb(alert.life.starts_at),
        ends_at=time_to_pb(alert.life.ends_at),
        generator_url=alert.generator_url,
        incident=f"incidents/{alert.incident_id}" if alert.incident_id else "",
        report_count=alert.report_count,
        create_time=time_to_pb(alert.created_at),
        update_time=time_to_pb(alert.updated_at),
        disposition=alert.disposition.value,  # type: ignore[arg-type]
        mute=alert.mute,
        rule=alert.rule,
        rule_revision=alert.rule_revision,
        flapping=alert.is_flapping,
        refired_count=alert.life.refired_count,
    )


def evidence_to_pb(evidence: Evidence, alert_count: int) -> incident_pb2.Evidence:
    """Without alerts nothing can have flapped, and nothing can be said of that."""
    return incident_pb2.Evidence(
        users_affected=evidence.users_affected,
        service_impact=evidence.service_impact.value,  # type: ignore[arg-type]
        data_loss=evidence.data_loss,
        security=evidence.security,
        safety=evidence.safety,
        workaround=evidence.workaround,
        burn_rate=evidence.burn_rate,
        recent_change=evidence.recent_change,
        redundancy_left=evidence.redundancy_left,
        flap_count=(evidence.flap_count or 0) if alert_count else None,
    )


def incident_to_pb(incident: Incident) -> incident_pb2.Incident:
    return incident_pb2.Incident(
        name=incident.name,
        title=incident.title,
        state=incident.state.value,  # type: ignore[arg-type]
        components=incident.components,
        group_labels=dict(incident.group_labels),
        opened_at=time_to_pb(incident.opened_at),
        acknowledged_at=time_to_pb(incident.acknowledged_at),
        resolved_at=time_to_pb(incident.resolved_at),
        alert_count=incident.alert_count,
        firing_count=incident.firing_count,
        evidence=evidence_to_pb(incident.evidence, incident.alert_count),
        summary=incident.summary,
        etag=etag_of(incident.version),
        create_time=time_to_pb(incident.created_at),
        update_time=time_to_pb(incident.updated_at),
        kind=incident.kind.value,  # type: ignore[arg-type]
        rule=incident.rule,
        rule_revision=incident.rule_revision,
        mitigated_at=time_to_pb(incident.mitigated_at),
        merged_into=_name("incidents", incident.merged_into),
        declared_by=incident.declared_by,
        rating=_rating_to_pb(incident.rating) if incident.rating else None,
        attribution=_attribution_to_pb(incident.attribution) if incident.attribution else None,
        roles=[_assignment_to_pb(each) for each in incident.roles],
    )


def _rating_to_pb(rating: Rating) -> incident_pb2.SeverityRating:
    return incident_pb2.SeverityRating(
        severity=rating.severity.value,  # type: ignore[arg-type]
        reason=rating.reason,
        set_by=rating.by,
        set_at=time_to_pb(rating.at),
    )


def _attribution_to_pb(attribution: Attribution) -> incident_pb2.CauseAttribution:
    return incident_pb2.CauseAttribution(
        cause=attribution.cause.value,  # type: ignore[arg-type]
        confidence=attribution.confidence,
        ref=attribution.ref,
        note=attribution.note,
        attributed_by=attribution.by,
        attributed_at=time_to_pb(attribution.at),
    )


def _assignment_to_pb(assignment: Assignment) -> incident_pb2.RoleAssignment:
    return incident_pb2.RoleAssignment(
        role=assignment.role.value,  # type: ignore[arg-type]
        person=assignment.person,
        assigned_by=assignment.by,
        assigned_at=time_to_pb(assignment.at),
    )


def entry_to_pb(entry: TimelineEntry) -> incident_pb2.TimelineEntry:
    return incident_pb2.TimelineEntry(
        name=f"incidents/{entry.incident_id}/timelineEntries/{entry.id}",
        occurred_at=time_to_pb(entry.occurred_at),
        actor=entry.actor,
        kind=entry.kind.value,  # type: ignore[arg-type]
        text=entry.text,
        evidence_url=entry.evidence_url,
        create_time=time_to_pb(entry.created_at),
    )


def query_from_pb(request: pb.ListIncidentsRequest) -> IncidentQuery:
    chosen = request.filter
    return IncidentQuery(
        states=tuple(IncidentState(state) for state in chosen.states),
        components=tuple(chosen.components),
        opened_from=time_from_pb(chosen, "opened_from"),
        opened_before=time_from_pb(chosen, "opened_before"),
        order_by=request.order_by or "opened_at desc",
    )


def occasion_from_pb(request: Any, text: str) -> Occasion:
    """Reads what every change by a person may carry, as far as this request has it: etag, occurred_at, evidence_url."""
    fields = request.DESCRIPTOR.fields_by_name
    return Occasion(
        etag=request.etag if "etag" in fields else "",
        at=time_from_pb(request, "occurred_at") if "occurred_at" in fields else None,
        text=text,
        evidence_url=request.evidence_url if "evidence_url" in fields else "",
    )


def _name(collection: str, identifier: UUID | None) -> str:
    return f"{collection}/{identifier}" if identifier else ""
