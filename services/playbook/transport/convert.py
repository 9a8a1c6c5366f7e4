"""Playbook's domain values to protobuf, and its requests from it."""

from datetime import UTC, date, datetime, time
from uuid import UUID

from ballast.playbook.v1 import bundle_pb2, template_pb2
from ballast.playbook.v1 import playbook_service_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from services.playbook.domain.bundle import Bundle, BundleFile
from services.playbook.domain.errors import BundleNotFound
from services.playbook.domain.template import Template
from services.playbook.storage.bundle_store import BundleQuery
from shared.errors import invalid_field
from shared.ids import uuid_of
from shared.rpc.wellknown import time_to_pb


def template_to_pb(template: Template) -> template_pb2.Template:
    manifest = template.manifest
    inputs = [
        template_pb2.TemplateInput(name=each.name, type=each.type.value, description=each.description, required=each.required)
        for each in manifest.inputs
    ]
    return template_pb2.Template(
        name=template.name,
        version=manifest.version,
        description=manifest.description,
        owner=manifest.owner,
        review_by=_day_to_pb(manifest.review_by),
        inputs=inputs,
        content_hash=template.content_hash,
        paths=[file.path for file in manifest.files],
    )


def _day_to_pb(day: date) -> Timestamp:
    return time_to_pb(datetime.combine(day, time(), UTC))


def bundle_to_pb(bundle: Bundle) -> bundle_pb2.Bundle:
    provenance = bundle.provenance
    return bundle_pb2.Bundle(
        name=bundle.name,
        template=provenance.template,
        template_version=provenance.template_version,
        template_hash=provenance.template_hash,
        inputs_digest=provenance.inputs_digest,
        content_hash=bundle.content_hash,
        incident=provenance.incident,
        assessment=provenance.assessment,
        assessment_revision=provenance.assessment_revision,
        decision=provenance.decision,
        policy_revision=provenance.policy_revision,
        trace_id=bundle.trace_id,
        trigger=bundle.trigger.value,
        create_time=time_to_pb(bundle.created_at),
        files=[_file_to_pb(file) for file in bundle.files],
        supersedes=bundle.supersedes,
    )


def _file_to_pb(file: BundleFile) -> bundle_pb2.BundleFile:
    return bundle_pb2.BundleFile(path=file.path, content=file.content.encode(), content_hash=file.content_hash)


def incident_name_from_pb(request: pb.RenderPlaybookRequest) -> str:
    return _canonical(request.incident, "incident")


def bundle_id_from_pb(request: pb.GetBundleRequest) -> UUID:
    """Raises BundleNotFound for a name whose id is no UUID: there is none like it."""
    try:
        return uuid_of(request.name)
    except ValueError:
        raise BundleNotFound(request.name) from None


def query_from_pb(message: pb.BundleFilter) -> BundleQuery:
    incident = _canonical(message.incident, "filter.incident") if message.incident else ""
    return BundleQuery(incident, message.decision, message.template)


def _canonical(name: str, field: str) -> str:
    """Returns an incident's name as it is kept. Raises InvalidInput when it is not one: the contract's pattern lets some through."""
    try:
        return f"incidents/{uuid_of(name.removeprefix('incidents/'))}"
    except ValueError:
        raise invalid_field(field, f"{name!r} is no incident; send incidents/ and a UUID") from None
