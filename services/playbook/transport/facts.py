"""Facts as the wire brings them; what cannot be read names its fields."""

import math
from datetime import UTC, datetime

from ballast.allocation.v1 import decision_pb2, roadmap_item_pb2, team_pb2
from ballast.intake.v1 import incident_pb2
from ballast.triage.v1 import assessment_pb2, severity_matrix_pb2
from google.protobuf.message import Message
from google.type.money_pb2 import Money as MoneyMessage

from services.playbook.domain.fact import (
    AssessmentFact,
    Counterfactual,
    DecisionFact,
    Displacement,
    Evidence,
    IncidentFact,
    IncidentState,
    Level,
    Override,
    ServiceImpact,
    Severity,
    Shares,
    SplitOutcome,
    Term,
)
from shared.errors import InvalidInput, Violation
from shared.ids import uuid_of
from shared.money import Money

_STATES = {
    incident_pb2.INCIDENT_STATE_OPEN: IncidentState.OPEN,
    incident_pb2.INCIDENT_STATE_ACKNOWLEDGED: IncidentState.ACKNOWLEDGED,
    incident_pb2.INCIDENT_STATE_RESOLVED: IncidentState.RESOLVED,
    incident_pb2.INCIDENT_STATE_MITIGATED: IncidentState.MITIGATED,
}
_IMPACTS = {
    incident_pb2.SERVICE_IMPACT_INFORMATION: ServiceImpact.INFORMATION,
    incident_pb2.SERVICE_IMPACT_DISRUPTION: ServiceImpact.DISRUPTION,
    incident_pb2.SERVICE_IMPACT_OUTAGE: ServiceImpact.OUTAGE,
}
_LEVELS = {
    severity_matrix_pb2.LEVEL_LOW: Level.LOW,
    severity_matrix_pb2.LEVEL_MEDIUM: Level.MEDIUM,
    severity_matrix_pb2.LEVEL_HIGH: Level.HIGH,
}
_AXES = {assessment_pb2.AXIS_IMPACT: "impact", assessment_pb2.AXIS_URGENCY: "urgency"}
_OUTCOMES = {
    decision_pb2.DECISION_OUTCOME_RAISED: SplitOutcome.RAISED,
    decision_pb2.DECISION_OUTCOME_LOWERED: SplitOutcome.LOWERED,
    decision_pb2.DECISION_OUTCOME_HELD: SplitOutcome.HELD,
}
_SEVERITIES = {severity.value for severity in Severity}


def incident_from_pb(message: incident_pb2.Incident, version: int) -> IncidentFact:
    """Raises InvalidInput naming each field without which the incident cannot be kept."""
    opened_at = _time(message, "opened_at")
    broken = _broken(
        ("incident.name", _is_name("incidents", message.name), "incidents/ and a UUID"),
        ("incident.state", message.state in _STATES, "open, acknowledged, mitigated or resolved"),
        ("incident.opened_at", opened_at is not None, "when it was opened"),
    )
    if broken or opened_at is None:
        raise _malformed(broken)
    return IncidentFact(
        name=message.name,
        version=version,
        title=message.title,
        summary=message.summary,
        state=_STATES[message.state],
        components=tuple(message.components),
        opened_at=opened_at,
        acknowledged_at=_time(message, "acknowledged_at"),
        resolved_at=_time(message, "resolved_at"),
        alert_count=message.alert_count,
        firing_count=message.firing_count,
        evidence=_evidence(message.evidence),
    )


def _evidence(message: incident_pb2.Evidence) -> Evidence:
    return Evidence(
        users_affected=message.users_affected if message.HasField("users_affected") else None,
        service_impact=_IMPACTS.get(message.service_impact),
        data_loss=message.data_loss if message.HasField("data_loss") else None,
        security=message.security if message.HasField("security") else None,
        safety=message.safety if message.HasField("safety") else None,
        workaround=message.workaround if message.HasField("workaround") else None,
        burn_rate=message.burn_rate if message.HasField("burn_rate") and math.isfinite(message.burn_rate) else None,
        recent_change=message.recent_change if message.HasField("recent_change") else None,
    )


def assessment_from_pb(message: assessment_pb2.Assessment) -> AssessmentFact:
    """Raises InvalidInput naming each field without which the assessment cannot be kept."""
    opened_at = _time(message, "opened_at")
    broken = _broken(
        ("assessment.name", _is_name("assessments", message.name), "assessments/ and a UUID"),
        ("assessment.incident", _is_name("incidents", message.incident), "incidents/ and a UUID"),
        ("assessment.revision", message.revision > 0, "1 or more"),
        ("assessment.severity", message.severity in _SEVERITIES, "SEV1 to SEV5"),
        ("assessment.scored_severity", message.scored_severity in _SEVERITIES, "SEV1 to SEV5"),
        ("assessment.incident_state", message.incident_state in _STATES, "open, acknowledged, mitigated or resolved"),
        ("assessment.opened_at", opened_at is not None, "when the incident was opened"),
        ("assessment.score", _is_finite(message.score, *(term.points for term in message.terms)), "finite numbers, also in terms"),
    )
    if broken or opened_at is None:
        raise _malformed(broken)
    return AssessmentFact(
        name=message.name,
        incident=message.incident,
        revision=message.revision,
        severity=Severity(message.severity),
        scored_severity=Severity(message.scored_severity),
        score=message.score,
        impact=_LEVELS.get(message.impact),
        urgency=_LEVELS.get(message.urgency),
        terms=tuple(_term(term) for term in message.terms),
        overrides=tuple(
            Override(each.reason, Severity(each.at_least), each.applied) for each in message.overrides if each.at_least in _SEVERITIES
        ),
        counterfactuals=tuple(
            Counterfactual(each.feature, Severity(each.severity), each.text)
            for each in message.counterfactuals
            if each.severity in _SEVERITIES
        ),
        model_version=message.model_version,
        matrix_revision=message.matrix_revision,
        components=tuple(message.components),
        unknown_components=tuple(message.unknown_components),
        teams=tuple(message.teams),
        title=message.title,
        state=_STATES[message.incident_state],
        opened_at=opened_at,
        restore_target=message.restore_target.ToTimedelta() if message.HasField("restore_target") else None,
        expected_loss_per_hour=_money(message.expected_loss_per_hour) if message.HasField("expected_loss_per_hour") else None,
        acknowledged_at=_time(message, "acknowledged_at"),
        resolved_at=_time(message, "resolved_at"),
        trace_id=message.trace_id,
    )


def _term(message: assessment_pb2.ScoreTerm) -> Term:
    return Term(message.feature, _AXES.get(message.axis, ""), message.points, message.missing, message.value, message.reason)


def decision_from_pb(message: decision_pb2.Decision) -> DecisionFact:
    """Raises InvalidInput naming each field without which the decision cannot be kept."""
    # One that waited for approvers is as new as when it came in force.
    created_at = _time(message, "in_force_time" if message.HasField("in_force_time") else "create_time")
    broken = _broken(
        ("decision.name", _is_name("decisions", message.name), "decisions/ and a UUID"),
        ("decision.assessment", _is_name("assessments", message.assessment), "assessments/ and a UUID"),
        ("decision.team", bool(message.team), "teams/ and an id"),
        ("decision.outcome", message.outcome in _OUTCOMES, "raised, lowered or held"),
        ("decision.after", message.HasField("after") and _is_finite(*_figures(message.after)), "the split decided, in finite numbers"),
        ("decision.before", _is_finite(*_figures(message.before)), "finite numbers"),
        ("decision.create_time", created_at is not None, "when it was made"),
    )
    if broken or created_at is None:
        raise _malformed(broken)
    weighed = next((each for each in message.incidents if each.assessment == message.assessment), decision_pb2.WeighedIncident())
    return DecisionFact(
        name=message.name,
        team=message.team,
        sprint=message.sprint,
        assessment=message.assessment,
        incident=weighed.incident if _is_name("incidents", weighed.incident) else "",
        severity=Severity(weighed.severity) if weighed.severity in _SEVERITIES else None,
        outcome=_OUTCOMES[message.outcome],
        before=_shares(message.before) if message.HasField("before") else None,
        after=_shares(message.after),
        displaced=tuple(_displacement(each) for each in message.impact.displaced),
        late_items=tuple(message.impact.late_items),
        value_at_risk=_money(message.impact.value_at_risk) if message.impact.HasField("value_at_risk") else None,
        explanation=message.explanation,
        policy=message.policy,
        policy_revision=message.policy_revision,
        formula_version=message.formula_version,
        created_at=created_at,
        assessment_revision=weighed.assessment_revision,
        trace_id=message.trace_id,
    )


def _figures(split: team_pb2.Split) -> tuple[float, ...]:
    return split.remediation_share, split.roadmap_share, split.capacity_hours, split.remediation_hours, split.roadmap_hours


def _shares(split: team_pb2.Split) -> Shares:
    return Shares(*_figures(split))


def _displacement(message: roadmap_item_pb2.DisplacedItem) -> Displacement:
    return Displacement(
        roadmap_item=message.roadmap_item,
        title=message.title,
        delay=message.delay.ToTimedelta(),
        value_at_risk=_money(message.value_at_risk),
        planned_before_at=_time(message, "planned_before_at"),
        planned_after_at=_time(message, "planned_after_at"),
    )


def _money(message: MoneyMessage) -> Money:
    return Money.from_units_and_nanos(message.units, message.nanos, message.currency_code)


def _time(message: Message, field: str) -> datetime | None:
    return getattr(message, field).ToDatetime(tzinfo=UTC) if message.HasField(field) else None


def _is_name(collection: str, name: str) -> bool:
    try:
        return name == f"{collection}/{uuid_of(name)}"
    except ValueError:
        return False


def _is_finite(*numbers: float) -> bool:
    return all(map(math.isfinite, numbers))


def _broken(*rules: tuple[str, bool, str]) -> list[Violation]:
    """Returns a violation for each (field, whether it is right, what to send) that is not right."""
    return [Violation(field, f"cannot be used; send {remedy}") for field, is_right, remedy in rules if not is_right]


def _malformed(broken: list[Violation]) -> InvalidInput:
    return InvalidInput("; ".join(f"{each.field}: {each.description}" for each in broken), broken, reason="EVENT_MALFORMED")
