"""Turns facts into what a template can see: figures and validated names as they are, everything else as text for data blocks."""

from collections.abc import Iterable, Mapping

from services.playbook.domain.fact import AssessmentFact, DecisionFact, Displacement, Evidence, IncidentFacts, Severity
from services.playbook.domain.figure import (
    duration_figure,
    hours_figure,
    money_figure,
    name_figure,
    points_figure,
    share_figure,
    time_figure,
    version_figure,
    word_figure,
    yes_or_no,
)
from services.playbook.domain.place import DEFAULT_PLACES, Places
from services.playbook.domain.practice import practice_for, restore_default
from services.playbook.domain.value import Absent, Record, Text

# How much of a list stands in a bundle: its readers act on the first few, and the rest is one command away.
MOST_TERMS = 5
MOST_OVERRIDES = 3
MOST_NAMES = 12
MOST_DISPLACED = 8
MOST_DECISIONS = 4


def context_of(facts: IncidentFacts, inputs: Mapping[str, object], places: Places = DEFAULT_PLACES) -> dict[str, object]:
    """Returns the values of a render by name; `inputs` are values already checked against the template's manifest."""
    return {
        "incident": _incident(facts),
        "assessment": _assessment(facts.assessment) if facts.assessment else Absent(name="assessment"),
        "decisions": _decisions(facts),
        "practice": _practice(severity_of(facts)),
        "inputs": Record("inputs", inputs),
        "target": Record(
            "target",
            {"name": places.target.value, "facts_page": places.facts_page, "procedure_page": places.procedure_page},
        ),
    }


def severity_of(facts: IncidentFacts) -> Severity | None:
    """Returns the severity as the assessment has it or, before that has arrived, as the newest decision weighed it."""
    if facts.assessment:
        return facts.assessment.severity
    return facts.newest_decision.severity if facts.newest_decision else None


def _incident(facts: IncidentFacts) -> Record:
    incident, assessment = facts.incident, facts.assessment
    either = incident or assessment
    severity = severity_of(facts)
    reported = (incident.components if incident else ()) + (assessment.unknown_components if assessment else ())
    return Record(
        "incident",
        {
            "name": name_figure(facts.name),
            "severity": severity.name if severity else None,
            "title": Text(either.title if either else ""),
            "summary": Text(incident.summary if incident else ""),
            "components": [Text(component) for component in dict.fromkeys(reported)],
            "state": either.state.value if either else None,
            "opened_at": time_figure(either.opened_at) if either else None,
            "acknowledged_at": time_figure(either.acknowledged_at) if either else None,
            "resolved_at": time_figure(either.resolved_at) if either else None,
            "alert_count": incident.alert_count if incident else None,
            "firing_count": incident.firing_count if incident else None,
            **_evidence(incident.evidence if incident else Evidence()),
        },
    )


def _evidence(evidence: Evidence) -> dict[str, object]:
    return {
        "users_affected": None if evidence.users_affected is None else f"{evidence.users_affected:,}",
        "service_impact": evidence.service_impact.value if evidence.service_impact else None,
        "data_loss": yes_or_no(evidence.data_loss),
        "security": yes_or_no(evidence.security),
        "safety": yes_or_no(evidence.safety),
        "workaround": yes_or_no(evidence.workaround),
        "burn_rate": None if evidence.burn_rate is None else f"{evidence.burn_rate:.1f}",
        "recent_change": yes_or_no(evidence.recent_change),
    }


def _assessment(assessment: AssessmentFact) -> Record:
    components = _names(assessment.components)
    target = assessment.restore_target or restore_default(assessment.severity)
    return Record(
        "assessment",
        {
            "name": name_figure(assessment.name),
            "revision": assessment.revision,
            "severity": assessment.severity.name,
            "scored_severity": assessment.scored_severity.name,
            "score": f"{assessment.score:.1f}",
            "impact": assessment.impact.value if assessment.impact else None,
            "urgency": assessment.urgency.value if assessment.urgency else None,
            "model_version": version_figure(assessment.model_version),
            "matrix_revision": assessment.matrix_revision,
            "components": components[:MOST_NAMES],
            "component_ids": [component.removeprefix("components/") for component in components[:MOST_NAMES]],
            "components_more": max(0, len(components) - MOST_NAMES),
            "teams": _names(assessment.teams)[:MOST_NAMES],
            "restore_target": duration_figure(target),
            "halfway": time_figure(assessment.opened_at + target / 2),
            "deadline": time_figure(assessment.opened_at + target),
            "expected_loss_per_hour": money_figure(assessment.expected_loss_per_hour),
            **_why(assessment),
        },
    )


def _why(assessment: AssessmentFact) -> dict[str, object]:
    """Returns the terms, overrides and counterfactuals: names and points to print, their sentences as labelled text."""
    terms = [term for term in assessment.terms if word_figure(term.feature)][:MOST_TERMS]
    overrides = [override for override in assessment.overrides if word_figure(override.reason)][:MOST_OVERRIDES]
    changes = [change for change in assessment.counterfactuals if word_figure(change.feature)][:MOST_TERMS]
    return {
        "terms": [
            Record(
                "assessment.terms",
                {
                    "feature": term.feature,
                    "axis": word_figure(term.axis),
                    "points": points_figure(term.points),
                    "basis": "not known: stated default" if term.missing else "known",
                },
            )
            for term in terms
        ],
        "reasons": [Text(f"{term.value} — {term.reason}", term.feature) for term in terms],
        "overrides": [
            Record(
                "assessment.overrides",
                {"reason": item.reason, "at_least": item.at_least.name, "effect": "raised it" if item.applied else "changed nothing"},
            )
            for item in overrides
        ],
        "counterfactuals": [Text(change.text, change.feature) for change in changes],
    }


def _decisions(facts: IncidentFacts) -> Record:
    shown = facts.decisions[:MOST_DECISIONS]
    titles = [Text(item.title, item.roadmap_item) for decision in shown for item in _displaced(decision)]
    return Record(
        "decisions", {"shown": [_decision(decision) for decision in shown], "titles": titles, "more": len(facts.decisions) - len(shown)}
    )


def _displaced(decision: DecisionFact) -> list[Displacement]:
    return [item for item in decision.displaced if name_figure(item.roadmap_item)][:MOST_DISPLACED]


def _decision(decision: DecisionFact) -> Record:
    shown = _displaced(decision)
    before = decision.before
    return Record(
        "decision",
        {
            "name": name_figure(decision.name),
            "team": name_figure(decision.team),
            "sprint": name_figure(decision.sprint),
            "outcome": decision.outcome.value,
            "before": share_figure(before.remediation_share) if before else None,
            "after": share_figure(decision.after.remediation_share),
            "roadmap_after": share_figure(decision.after.roadmap_share),
            "remediation_hours": hours_figure(decision.after.remediation_hours),
            "roadmap_hours": hours_figure(decision.after.roadmap_hours),
            "capacity_hours": hours_figure(decision.after.capacity_hours),
            "displaced": [
                Record(
                    "decision.displaced",
                    {
                        "roadmap_item": item.roadmap_item,
                        "delay": duration_figure(item.delay),
                        "value_at_risk": money_figure(item.value_at_risk),
                        "planned_after_at": time_figure(item.planned_after_at),
                    },
                )
                for item in shown
            ],
            "displaced_titles": [Text(item.title, item.roadmap_item) for item in shown],
            "displaced_more": len(decision.displaced) - len(shown),
            "late_items": _names(decision.late_items)[:MOST_NAMES],
            "value_at_risk": money_figure(decision.value_at_risk),
            "explanation": Text(decision.explanation),
            "policy": name_figure(decision.policy),
            "policy_revision": decision.policy_revision,
            "formula_version": version_figure(decision.formula_version),
            "decided_at": time_figure(decision.created_at),
        },
    )


def _practice(severity: Severity | None) -> Record:
    practice = practice_for(severity)
    return Record(
        "practice",
        {
            "report_every": duration_figure(practice.report_every),
            "post_mortem": practice.post_mortem,
            "restore_target": duration_figure(restore_default(severity)),
        },
    )


def _names(names: Iterable[str]) -> list[str]:
    return [name for name in names if name_figure(name)]
