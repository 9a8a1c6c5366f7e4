"""Builders for playbook's tests: each takes what matters and fills in the rest."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from services.playbook.domain.fact import (
    AssessmentFact,
    Counterfactual,
    DecisionFact,
    Displacement,
    Evidence,
    IncidentFact,
    IncidentFacts,
    IncidentState,
    Level,
    Override,
    ServiceImpact,
    Severity,
    Shares,
    SplitOutcome,
    Term,
)
from services.playbook.domain.rendering import CompiledTemplate
from services.playbook.domain.template import Manifest, Template, TemplateFile, TemplateInput, content_hash_of
from services.playbook.storage.template_folder import load_templates
from shared.money import Money

BEGAN = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
INCIDENT = "incidents/01990000-0000-7000-8000-000000000001"
ASSESSMENT = "assessments/01990000-0000-7000-8000-000000000002"
DECISION = "decisions/01990000-0000-7000-8000-00000000000{}"
TRACE = "0af7651916cd43dd8448eb211c80319c"


def shipped() -> CompiledTemplate:
    return load_templates()["templates/incident-response"]


def incident_fact(version: int = 1, **changes: Any) -> IncidentFact:
    fact = IncidentFact(
        name=INCIDENT,
        version=version,
        title="Checkout answers 500",
        summary="More than one request in ten fails.",
        state=IncidentState.ACKNOWLEDGED,
        components=("checkout", "old-cart"),
        opened_at=BEGAN,
        acknowledged_at=BEGAN + timedelta(minutes=7),
        alert_count=12,
        firing_count=9,
        evidence=Evidence(users_affected=12_000, service_impact=ServiceImpact.OUTAGE, data_loss=False, burn_rate=14.4, recent_change=True),
    )
    return replace(fact, **changes)


def assessment_fact(revision: int = 1, severity: Severity = Severity.SEV2, **changes: Any) -> AssessmentFact:
    fact = AssessmentFact(
        name=ASSESSMENT,
        incident=INCIDENT,
        revision=revision,
        severity=severity,
        scored_severity=Severity.SEV3,
        score=612.0,
        impact=Level.HIGH,
        urgency=Level.MEDIUM,
        terms=(
            Term("users_affected", "impact", 88.2, missing=False, value="12,000 users", reason="more than 10,000 users are affected"),
            Term("redundancy", "urgency", -3.1, missing=True, value="unknown", reason="nothing was reported"),
        ),
        overrides=(Override("DATA_LOSS", Severity.SEV2, applied=True),),
        counterfactuals=(Counterfactual("users_affected", Severity.SEV3, "drops if fewer than 1,200 users are affected"),),
        model_version="2026.2",
        matrix_revision=1,
        components=("components/checkout",),
        unknown_components=("old-cart",),
        teams=("teams/payments",),
        title="Checkout answers 500",
        state=IncidentState.OPEN,
        opened_at=BEGAN,
        restore_target=timedelta(hours=1),
        expected_loss_per_hour=Money(Decimal(84_000)),
        trace_id=TRACE,
    )
    return replace(fact, **changes)


def displacement(item: str = "wallet", title: str = "One-click wallet", days: float = 10.5) -> Displacement:
    return Displacement(f"roadmapItems/{item}", title, timedelta(days=days), Money(Decimal(12_000)), BEGAN, BEGAN + timedelta(days=30))


def decision_fact(number: int = 3, team: str = "payments", minutes: int = 9, **changes: Any) -> DecisionFact:
    fact = DecisionFact(
        name=DECISION.format(number),
        team=f"teams/{team}",
        sprint=f"teams/{team}/sprints/5",
        assessment=ASSESSMENT,
        incident=INCIDENT,
        severity=Severity.SEV2,
        outcome=SplitOutcome.RAISED,
        before=Shares(1 / 3, 2 / 3, 140.0, 46.7, 93.3),
        after=Shares(0.45, 0.55, 140.0, 63.0, 77.0),
        displaced=(displacement(),),
        late_items=("roadmapItems/wallet",),
        value_at_risk=Money(Decimal(12_000)),
        explanation="Raised from 33.3 % to 45.0 %: four incidents in this sprint, 1.5 is usual.",
        policy="allocationPolicies/default",
        policy_revision=3,
        formula_version="2026.1",
        created_at=BEGAN + timedelta(minutes=minutes),
        trace_id=TRACE,
    )
    return replace(fact, **changes)


def facts(**changes: Any) -> IncidentFacts:
    """All facts of one incident, unless told otherwise."""
    whole = IncidentFacts(INCIDENT, incident_fact(), assessment_fact(), (decision_fact(),))
    return replace(whole, **changes)


def template_of(
    body: str, inputs: tuple[TemplateInput, ...] = (), path: str = "NOTES.md", sources: Mapping[str, str] = MappingProxyType({})
) -> CompiledTemplate:
    """Compiles a template of one file, and perhaps of sources it includes (`part` stands for `part.j2`)."""
    texts = {"body.j2": body, "template.yaml": "files: body.j2", **{f"{name}.j2": text for name, text in sources.items()}}
    manifest = Manifest("small", "1.0.0", "Small.", "teams/a", BEGAN.date(), inputs, (TemplateFile("body.j2", path),))
    return CompiledTemplate(Template(manifest, texts, "templates/small", content_hash_of(texts)))
