"""When a template applies: a condition in CEL over what is known of an incident."""

from typing import Any

from cel_expr_python import cel

from services.playbook.domain.fact import IncidentFacts, Severity
from services.playbook.domain.figure import name_figure
from services.playbook.domain.practice import practice_for
from shared.condition import Condition, ConditionFailed, Language, Words

_T = cel.Type
MOST_NAMES = 64
LANGUAGE = Language(
    {
        "severity": _T.INT,  # 1 to 5, 1 when unknown: if unsure, take the higher
        "is_assessed": _T.BOOL,
        "state": _T.STRING,  # empty when unknown
        "components": _T.List(_T.STRING),  # ids that the catalogue knows
        "teams": _T.List(_T.STRING),
        "alert_count": _T.INT,
        "firing_count": _T.INT,
        "recent_change": _T.STRING,  # yes, no or unknown, as the three that follow
        "data_loss": _T.STRING,
        "security": _T.STRING,
        "safety": _T.STRING,
        "post_mortem_due": _T.BOOL,
        "decision_count": _T.INT,
        "displaced_count": _T.INT,
    },
    Words("severity is a whole number from 1 to 5, texts stand in quotes", "severity <= 2"),
)


def condition_of(text: str) -> Condition:
    """Raises ConditionRefused."""
    return LANGUAGE.condition(text)


def applies(condition: Condition | None, facts: IncidentFacts) -> bool:
    """Whether a template applies; one whose condition cannot be evaluated on these facts does not."""
    if condition is None:
        return True
    try:
        return condition.holds(LANGUAGE.facts(_values(facts)))
    except ConditionFailed:
        return False


def _values(facts: IncidentFacts) -> dict[str, Any]:
    incident, assessment = facts.incident, facts.assessment
    newest = facts.newest_decision
    severity = assessment.severity if assessment else (newest.severity if newest else None)
    either = incident or assessment
    evidence = incident.evidence if incident else None
    return {
        "severity": int(severity or Severity.SEV1),
        "is_assessed": assessment is not None,
        "state": either.state.value if either else "",
        "components": _ids(assessment.components if assessment else ()),
        "teams": _ids(assessment.teams if assessment else ()),
        "alert_count": incident.alert_count if incident else 0,
        "firing_count": incident.firing_count if incident else 0,
        **{name: _answer(getattr(evidence, name, None)) for name in ("recent_change", "data_loss", "security", "safety")},
        "post_mortem_due": bool(practice_for(severity).post_mortem),
        "decision_count": len(facts.decisions),
        "displaced_count": sum(len(decision.displaced) for decision in facts.decisions),
    }


def _ids(names: tuple[str, ...]) -> list[str]:
    return [name.split("/", 1)[1] for name in names[:MOST_NAMES] if name_figure(name)]


def _answer(answer: bool | None) -> str:
    return "unknown" if answer is None else "yes" if answer else "no"
