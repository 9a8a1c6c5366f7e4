"""Rows to domain values and back."""

from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from services.playbook.domain.arrival import Trigger
from services.playbook.domain.bundle import Bundle, BundleFile
from services.playbook.domain.fact import AssessmentFact, DecisionFact, IncidentFact
from services.playbook.domain.provenance import Provenance
from shared.ids import uuid_of

# Facts are kept whole, as documents of their own fields: nothing here is asked for by column but what tables.py names.
_INCIDENT = TypeAdapter(IncidentFact)
_ASSESSMENT = TypeAdapter(AssessmentFact)
_DECISION = TypeAdapter(DecisionFact)


def incident_from_json(document: Any) -> IncidentFact:
    return _INCIDENT.validate_python(document)


def incident_to_json(fact: IncidentFact) -> Any:
    return _INCIDENT.dump_python(fact, mode="json")


def assessment_from_json(document: Any) -> AssessmentFact:
    return _ASSESSMENT.validate_python(document)


def assessment_to_json(fact: AssessmentFact) -> Any:
    return _ASSESSMENT.dump_python(fact, mode="json")


def decision_from_json(document: Any) -> DecisionFact:
    return _DECISION.validate_python(document)


def decision_to_json(fact: DecisionFact) -> Any:
    return _DECISION.dump_python(fact, mode="json")


def bundle_from_row(row: Any, files: tuple[BundleFile, ...] = ()) -> Bundle:
    return Bundle(
        name=f"bundles/{row.id}",
        provenance=Provenance(
            template=row.template,
            template_version=row.template_version,
            template_hash=row.template_hash,
            inputs_digest=row.inputs_digest,
            incident=f"incidents/{row.incident_id}",
            assessment=row.assessment,
            assessment_revision=row.assessment_revision,
            decision=row.decision,
            policy_revision=row.policy_revision,
            trace_id=row.fact_trace_id,
        ),
        content_hash=row.content_hash,
        trigger=Trigger(row.trigger),
        trace_id=row.trace_id,
        created_at=row.created_at,
        files=files,
        supersedes=f"bundles/{row.supersedes}" if row.supersedes else "",
    )


def bundle_to_row(bundle: Bundle, supersedes: UUID | None) -> dict[str, Any]:
    provenance = bundle.provenance
    return {
        "id": uuid_of(bundle.name),
        "incident_id": uuid_of(provenance.incident),
        "template": provenance.template,
        "template_version": provenance.template_version,
        "template_hash": provenance.template_hash,
        "inputs_digest": provenance.inputs_digest,
        "content_hash": bundle.content_hash,
        "assessment": provenance.assessment,
        "assessment_revision": provenance.assessment_revision,
        "decision": provenance.decision,
        "policy_revision": provenance.policy_revision,
        "fact_trace_id": provenance.trace_id,
        "trace_id": bundle.trace_id,
        "trigger": bundle.trigger.value,
        "supersedes": supersedes,
        "created_at": bundle.created_at,
    }


def files_to_rows(bundle: Bundle) -> list[dict[str, Any]]:
    return [{"bundle_id": uuid_of(bundle.name), "path": file.path, "content": file.content} for file in bundle.files]


def file_from_row(row: Any) -> BundleFile:
    return BundleFile(row.path, row.content)
