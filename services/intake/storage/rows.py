"""Rows to domain values and back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from services.intake.domain.alert import Alert, Disposition
from services.intake.domain.episode import Episode
from services.intake.domain.evidence import evidence_from_json, evidence_to_json
from services.intake.domain.incident import (
    Assignment,
    Attribution,
    Cause,
    Incident,
    IncidentKind,
    IncidentState,
    Rating,
    Role,
    Severity,
    TimelineEntry,
    TimelineKind,
)


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
        kind=IncidentKind(row.kind),
        rule=row.rule,
        rule_revision=row.rule_revision,
        quiet_period=row.quiet_period,
        last_started_at=row.last_started_at,
        shaped=row.shaped,
        untold=row.untold,
        mitigated_at=row.mitigated_at,
        merged_into=row.merged_into,
        declared_by=row.declared_by,
        rating=_rating(row),
        attribution=_attribution(row),
        roles=tuple(_assignment(each) for each in row.roles),
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
        "kind": incident.kind.value,
        "rule": incident.rule,
        "rule_revision": incident.rule_revision,
        "quiet_period": incident.quiet_period,
        "last_started_at": incident.last_started_at,
        "shaped": incident.shaped,
        "untold": incident.untold,
        "mitigated_at": incident.mitigated_at,
        "merged_into": incident.merged_into,
        "declared_by": incident.declared_by,
        "roles": [_assignment_to_json(each) for each in incident.roles],
        **_rating_to_columns(incident.rating),
        **_attribution_to_columns(incident.attribution),
    }


def alert_from_row(row: Any) -> Alert:
    return Alert(
        id=row.id,
        incident_id=row.incident_id,
        fingerprint=row.fingerprint,
        source=row.source,
        labels=orjson.loads(row.labels),
        annotations=orjson.loads(row.annotations),
        disposition=Disposition(row.disposition),
        mute=row.mute,
        mute_version=row.mute_version,
        group_key=row.group_key,
        rule=row.rule,
        rule_revision=row.rule_revision,
        storm_id=row.storm_id,
        life=life_from_row(row._mapping),  # noqa: SLF001 - the public name of a row's mapping
        generator_url=row.generator_url,
        report_count=row.report_count,
        is_flapping=row.flapping,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def life_from_row(row: Mapping[str, Any]) -> Episode:
    """Reads an alert's begins and ends: kept as arrays only where there is more than one, or an end was taken back."""
    starts, ends = row["starts"], row["ends"]
    return Episode(
        tuple(starts) if starts else (row["starts_at"],),
        tuple(ends) if ends else ((row["ends_at"],) if row["ends_at"] else ()),
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


def _rating(row: Any) -> Rating | None:
    if row.severity is None:
        return None
    return Rating(Severity(row.severity), row.severity_reason, row.severity_set_by, row.severity_set_at)


def _rating_to_columns(rating: Rating | None) -> dict[str, Any]:
    return {
        "severity": rating.severity.value if rating else None,
        "severity_reason": rating.reason if rating else "",
        "severity_set_by": rating.by if rating else "",
        "severity_set_at": rating.at if rating else None,
    }


def _attribution(row: Any) -> Attribution | None:
    if row.cause is None:
        return None
    return Attribution(Cause(row.cause), row.cause_confidence, row.cause_ref, row.cause_note, row.attributed_by, row.attributed_at)


def _attribution_to_columns(attribution: Attribution | None) -> dict[str, Any]:
    return {
        "cause": attribution.cause.value if attribution else None,
        "cause_confidence": attribution.confidence if attribution else None,
        "cause_ref": attribution.ref if attribution else "",
        "cause_note": attribution.note if attribution else "",
        "attributed_by": attribution.by if attribution else "",
        "attributed_at": attribution.at if attribution else None,
    }


def _assignment(stored: Any) -> Assignment:
    return Assignment(Role(stored["role"]), stored["person"], stored["by"], datetime.fromisoformat(stored["at"]))


def _assignment_to_json(assignment: Assignment) -> dict[str, Any]:
    return {"role": assignment.role.value, "person": assignment.person, "by": assignment.by, "at": assignment.at.isoformat()}
