"""Findings to JSON and back, without losing a bit: what is read is equal to what was kept."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from services.triage.domain.assessment import Assessment
from services.triage.domain.counterfactual import Counterfactual
from services.triage.domain.difference import Difference
from services.triage.domain.finding import Finding
from services.triage.domain.incident import IncidentState
from services.triage.domain.model import Axis
from services.triage.domain.override import MatchedOverride
from services.triage.domain.recurrence import Recurrence, SimilarIncident
from services.triage.domain.score import Score, ScoreTerm
from services.triage.domain.severity import Level, Severity
from services.triage.domain.severity_chances import SeverityChances
from services.triage.domain.verdict import Verdict
from services.triage.storage.gate_store import answer_from_json, answer_to_json
from services.triage.storage.snapshots import override_from_json, override_to_json
from shared.money import Money


def assessment_from_row(row: Any) -> Assessment:
    told = tuple(Difference(*each) for each in row.differences)
    return Assessment(row.assessment_id, row.revision, finding_from_json(row.finding), row.trigger, row.trace_id, row.created_at, told)


def assessment_to_row(assessment: Assessment) -> dict[str, Any]:
    return {
        "assessment_id": assessment.id,
        "revision": assessment.revision,
        "finding": finding_to_json(assessment.finding),
        "trigger": assessment.trigger,
        "trace_id": assessment.trace_id,
        "created_at": assessment.create_time,
        "differences": [[each.subject, each.before, each.after, each.points] for each in assessment.differences],
    }


def finding_to_json(finding: Finding) -> dict[str, Any]:
    loss = finding.expected_loss_per_hour
    return {
        "incident": finding.incident,
        "title": finding.title,
        "state": finding.state.name,
        "opened_at": finding.opened_at.isoformat(),
        "acknowledged_at": _time_to_json(finding.acknowledged_at),
        "resolved_at": _time_to_json(finding.resolved_at),
        "verdict": _verdict_to_json(finding.verdict),
        "model_version": finding.model_version,
        "weights_hash": finding.weights_hash,
        "matrix_revision": finding.matrix_revision,
        "components": list(finding.components),
        "unknown_components": list(finding.unknown_components),
        "teams": list(finding.teams),
        "restore_target_seconds": finding.restore_target.total_seconds(),
        "expected_loss_per_hour": None if loss is None else [str(loss.amount), loss.currency],
        "merged_into": finding.merged_into,
        "human_override": override_to_json(finding.human_override),
        "gates": answer_to_json(finding.gates),
        "gates_revision": finding.gates_revision,
        "recurrence": _recurrence_to_json(finding.recurrence),
    }


def finding_from_json(stored: dict[str, Any]) -> Finding:
    loss = stored["expected_loss_per_hour"]
    return Finding(
        incident=stored["incident"],
        title=stored["title"],
        state=IncidentState[stored["state"]],
        opened_at=datetime.fromisoformat(stored["opened_at"]),
        acknowledged_at=_time_from_json(stored["acknowledged_at"]),
        resolved_at=_time_from_json(stored["resolved_at"]),
        verdict=_verdict_from_json(stored["verdict"]),
        model_version=stored["model_version"],
        weights_hash=stored["weights_hash"],
        matrix_revision=stored["matrix_revision"],
        components=tuple(stored["components"]),
        unknown_components=tuple(stored["unknown_components"]),
        teams=tuple(stored["teams"]),
        restore_target=timedelta(seconds=stored["restore_target_seconds"]),
        expected_loss_per_hour=None if loss is None else Money(Decimal(loss[0]), loss[1]),
        merged_into=stored.get("merged_into", ""),  # findings of before incidents could be merged have none
        human_override=override_from_json(stored.get("human_override")),  # likewise, and so are those below
        gates=answer_from_json(stored.get("gates")),
        gates_revision=stored.get("gates_revision", 0),
        recurrence=_recurrence_from_json(stored.get("recurrence")),
    )


def _recurrence_to_json(recurrence: Recurrence) -> dict[str, Any]:
    similar = [
        [each.incident, each.title, each.severity.name, each.opened_at.isoformat(), _time_to_json(each.resolved_at)]
        for each in recurrence.similar
    ]
    return {"last_28_days": recurrence.last_28_days, "last_90_days": recurrence.last_90_days, "similar": similar}


def _recurrence_from_json(stored: dict[str, Any] | None) -> Recurrence:
    if stored is None:
        return Recurrence()
    similar = tuple(
        SimilarIncident(incident, title, Severity[severity], datetime.fromisoformat(opened_at), _time_from_json(resolved_at))
        for incident, title, severity, opened_at, resolved_at in stored["similar"]
    )
    return Recurrence(stored["last_28_days"], stored["last_90_days"], similar)


def _verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "score": _score_to_json(verdict.score),
        "impact": verdict.impact.name,
        "urgency": verdict.urgency.name,
        "scored_severity": verdict.scored_severity.name,
        "severity": verdict.severity.name,
        "overrides": [[each.reason, each.at_least.name, each.applied, each.detail] for each in verdict.overrides],
        "counterfactuals": [[each.feature, each.text, each.severity.name] for each in verdict.counterfactuals],
        "chances": verdict.chances.chances if verdict.chances else None,
        "confidence": verdict.confidence,
    }


def _verdict_from_json(stored: dict[str, Any]) -> Verdict:
    return Verdict(
        score=_score_from_json(stored["score"]),
        impact=Level[stored["impact"]],
        urgency=Level[stored["urgency"]],
        scored_severity=Severity[stored["scored_severity"]],
        severity=Severity[stored["severity"]],
        overrides=tuple(MatchedOverride(reason, Severity[at_least], *rest) for reason, at_least, *rest in stored["overrides"]),
        counterfactuals=tuple(Counterfactual(feature, text, Severity[severity]) for feature, text, severity in stored["counterfactuals"]),
        chances=SeverityChances(tuple(stored["chances"])) if stored.get("chances") else None,
        confidence=stored.get("confidence"),
    )


def _score_to_json(score: Score) -> dict[str, Any]:
    terms = [
        {
            "feature": term.feature,
            "axis": term.axis.name,
            "value": term.value,
            "missing": term.missing,
            "contribution": term.contribution,
            "points": term.points,
            "reason": term.reason,
        }
        for term in score.terms
    ]
    return {"terms": terms, "intercept": score.intercept, "offset": score.offset, "factor": score.factor}


def _score_from_json(stored: dict[str, Any]) -> Score:
    terms = tuple(
        ScoreTerm(
            feature=term["feature"],
            axis=Axis[term["axis"]],
            value=term["value"],
            missing=term["missing"],
            contribution=float(term["contribution"]),
            points=float(term["points"]),
            reason=term["reason"],
        )
        for term in stored["terms"]
    )
    return Score(terms, float(stored["intercept"]), float(stored["offset"]), float(stored["factor"]))


def _time_to_json(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()


def _time_from_json(stored: str | None) -> datetime | None:
    return None if stored is None else datetime.fromisoformat(stored)
