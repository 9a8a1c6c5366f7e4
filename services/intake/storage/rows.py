"""Rows to domain values and back."""

from typing import Any

from services.intake.domain.alert import Alert, AlertState
from services.intake.domain.evidence import evidence_from_json, evidence_to_json
from services.intake.domain.incident import Incident, IncidentState, TimelineEntry, TimelineKind


def incident_from_row(row: Any) -> Incident:
    return Incident(
        id=row.id,
        version=row.version,
        state=IncidentState(row.state),
        title=row.title,
        summary=row.summary,
        group_key=row.group_key,
        group_labels=tuple((key, value) for key, value in row.group_labels),
        components=tuple(row.components),
        opened_at=row.opened_at,
        acknowledged_at=row.acknowledged_at,
        resolved_at=row.resolved_at,
        last_ended_at=row.last_ended_at,
        alert_count=row.alert_count,
        firing_count=row.firing_count,
        evidence=evidence_from_json(row.evidence),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def incident_to_row(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "version": incident.version,
        "state": incident.state.value,
        "title": incident.title,
        "summary": incident.summary,
        "group_key": incident.group_key,
        "group_labels": [list(pair) for pair in incident.group_labels],
        "components": list(incident.components),
        "opened_at": incident.opened_at,
        "acknowledged_at": incident.acknowledged_at,
        "resolved_at": incident.resolved_at,
        "last_ended_at": incident.last_ended_at,
        "alert_count": incident.alert_count,
        "firing_count": incident.firing_count,
        "evidence": evidence_to_json(incident.evidence),
        "created_at": incident.created_at,
        "updated_at": incident.updated_at,
    }


def alert_from_row(row: Any) -> Alert:
    return Alert(
        id=row.id,
        incident_id=row.incident_id,
        fingerprint=row.fingerprint,
        source=row.source,
        labels=row.labels,
        annotations=row.annotations,
        state=AlertState(row.state),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        generator_url=row.generator_url,
        report_count=row.report_count,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def entry_from_row(row: Any) -> TimelineEntry:
    return TimelineEntry(
        id=row.id,
        incident_id=row.incident_id,
        occurred_at=row.occurred_at,
        actor=row.actor,
        kind=TimelineKind(row.kind),
        text=row.text,
        evidence_url=row.evidence_url,
        created_at=row.created_at,
    )


def entry_to_row(entry: TimelineEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "incident_id": entry.incident_id,
        "occurred_at": entry.occurred_at,
        "actor": entry.actor,
        "kind": entry.kind.value,
        "text": entry.text,
        "evidence_url": entry.evidence_url,
        "created_at": entry.created_at,
    }
