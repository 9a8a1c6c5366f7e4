"""A specimen of every fact a template may use: what its fields are called is checked against this when a template is loaded."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from services.playbook.domain.context import context_of
from services.playbook.domain.fact import AssessmentFact, IncidentFact, IncidentFacts, IncidentState, Severity
from services.playbook.domain.value import Record

_ID = UUID(int=0)
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def known_fields() -> dict[str, frozenset[str]]:
    """Returns the fields of each value a template can use, by the value's name; `inputs` are the manifest's to name."""
    incident = IncidentFact(
        name=f"incidents/{_ID}",
        version=1,
        title="",
        summary="",
        state=IncidentState.OPEN,
        components=(),
        opened_at=_BEGAN,
    )
    assessment = AssessmentFact(
        name=f"assessments/{_ID}",
        incident=incident.name,
        revision=1,
        severity=Severity.SEV3,
        scored_severity=Severity.SEV3,
        score=0.0,
        impact=None,
        urgency=None,
        terms=(),
        overrides=(),
        counterfactuals=(),
        model_version="",
        matrix_revision=1,
        components=(),
        unknown_components=(),
        teams=(),
        title="",
        state=IncidentState.OPEN,
        opened_at=_BEGAN,
        restore_target=timedelta(hours=4),
    )
    values = context_of(IncidentFacts(incident.name, incident, assessment, ()), {})
    return {name: value.names for name, value in values.items() if isinstance(value, Record) and name != "inputs"}
