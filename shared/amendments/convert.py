"""Amendments and documents to protobuf."""

import contextlib
from dataclasses import dataclass

from ballast.amendments.v1 import amendment_pb2 as pb
from ballast.governance.v1.approval_pb2 import ImpactPreview
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.json_format import MessageToDict, Parse

from shared.amendments.amendment import Amendment, json_text
from shared.amendments.document import DocumentKind, body_of
from shared.amendments.errors import BodyRefused
from shared.amendments.store import Ownership
from shared.rpc.wellknown import time_to_pb
from shared.storage.etags import etag_of


@dataclass(frozen=True, slots=True)
class KeptDocument:
    """A document under change control, as it stands."""

    name: str
    kind: DocumentKind
    revision: int
    ownership: Ownership
    needs_approval: bool
    waiting_count: int


def amendment_to_pb(made: Amendment, kind: DocumentKind | None) -> pb.Amendment:
    """Returns the amendment; without its kind, as lists show it: without body, difference and impact."""
    message = pb.Amendment(
        name=made.name if made.version else "",
        document=made.document,
        kind=made.kind,
        state=made.state.value,  # type: ignore[arg-type]  # the numbers are the same
        cause=made.cause.value,  # type: ignore[arg-type]
        detail=made.detail,
        base_revision=made.comparison.base,
        revision=made.revision,
        restored_revision=made.comparison.restored,
        digest=made.digest if made.version else "",
        needs_approval=made.agreement.is_needed,
        approval=made.agreement.approval,
        author=made.author,
        reason=made.reason,
        owner=made.agreement.owner,
        effective_time=time_to_pb(made.effective_at),
        create_time=time_to_pb(made.created_at),
        propose_time=time_to_pb(made.proposed_at),
        force_time=time_to_pb(made.forced_at),
        update_time=time_to_pb(made.updated_at),
        etag=etag_of(made.version) if made.version else "",
    )
    if kind is not None:
        message.diff = made.comparison.difference
        with contextlib.suppress(BodyRefused):  # one that this version of the software cannot read any more is left out
            message.body.CopyFrom(_packed(kind, made.comparison.body))
        if made.impact:
            message.impact.CopyFrom(Parse(made.impact, ImpactPreview()))
    return message


def document_to_pb(document: KeptDocument) -> pb.Document:
    return pb.Document(
        name=document.name,
        kind=document.kind.kind,
        type=document.kind.message.DESCRIPTOR.full_name,
        revision=document.revision,
        owner=document.ownership.owner,
        needs_approval=document.needs_approval,
        role=document.kind.role,
        open_amendments=document.waiting_count,
        etag=etag_of(document.ownership.version),
    )


def _packed(kind: DocumentKind, body: str) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(body_of(kind, body), deterministic=True)
    return packed


def impact_json(impact: ImpactPreview) -> str:
    """Returns the impact as it is kept."""
    return json_text(MessageToDict(impact, preserving_proto_field_name=True))
