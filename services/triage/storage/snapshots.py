"""Incidents as they were when they were last assessed, so that they can be assessed again, and what people said of them."""

from datetime import datetime
from typing import Any

from services.triage.domain.human_override import HumanOverride
from services.triage.domain.incident import Evidence, Incident, IncidentState, ServiceImpact
from services.triage.domain.severity import Severity

_FACTS = ("users_affected", "data_loss", "security", "safety", "workaround", "burn_rate", "recent_change", "redundancy_left", "flap_count")


def incident_to_json(incident: Incident) -> dict[str, Any]:
    return {
        "name": incident.name,
        "title": incident.title,
        "state": incident.state.name,
        "opened_at": incident.opened_at.isoformat(),
        "acknowledged_at": _time_to_json(incident.acknowledged_at),
        "resolved_at": _time_to_json(incident.resolved_at),
        "components": list(incident.components),
        "alert_count": incident.alert_count,
        "evidence": evidence_to_json(incident.evidence),
        "merged_into": incident.merged_into,
        "signal": incident.signal,
        "changed_at": _time_to_json(incident.changed_at),
    }


def incident_from_json(stored: dict[str, Any]) -> Incident:
    return Incident(
        datetime.fromisoformat(stored["opened_at"]),
        name=stored["name"],
        title=stored["title"],
        state=IncidentState[stored["state"]],
        components=tuple(stored["components"]),
        acknowledged_at=_time_from_json(stored["acknowledged_at"]),
        resolved_at=_time_from_json(stored["resolved_at"]),
        alert_count=stored["alert_count"],
        evidence=evidence_from_json(stored["evidence"]),
        merged_into=stored["merged_into"],
        signal=stored["signal"],
        changed_at=_time_from_json(stored.get("changed_at")),  # not kept before model 2026.2, as were two facts of the evidence
    )


def evidence_to_json(evidence: Evidence) -> dict[str, Any]:
    impact = evidence.service_impact.name if evidence.service_impact else None
    return {name: getattr(evidence, name) for name in _FACTS} | {"service_impact": impact}


def evidence_from_json(stored: dict[str, Any]) -> Evidence:
    impact = stored["service_impact"]
    return Evidence(service_impact=ServiceImpact[impact] if impact else None, **{name: stored.get(name) for name in _FACTS})


def override_to_json(override: HumanOverride | None) -> dict[str, Any] | None:
    if override is None:
        return None
    return {
        "severity": override.severity.name,
        "reason": override.reason,
        "author": override.author,
        "create_time": override.create_time.isoformat(),
    }


def override_from_json(stored: dict[str, Any] | None) -> HumanOverride | None:
    if stored is None:
        return None
    when = datetime.fromisoformat(stored["create_time"])
    return HumanOverride(Severity[stored["severity"]], stored["reason"], stored["author"], when)


def _time_to_json(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()


def _time_from_json(stored: str | None) -> datetime | None:
    return None if stored is None else datetime.fromisoformat(stored)
