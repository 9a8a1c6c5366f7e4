"""Approvals in the form in which they are compared with what events told of them."""

from ballast.events.v1.cloudevents_pb2 import CloudEvent
from ballast.governance.v1 import approval_pb2 as pb
from ballast.governance.v1 import governance_events_pb2
from google.protobuf.message import DecodeError

from services.governance.domain.approval import Approval
from services.governance.domain.attestation import Snapshot
from services.governance.storage.approval_told import Witness
from services.governance.transport.approval_convert import approval_to_pb
from shared.errors import InvalidInput
from shared.events.event import received_event

_KINDS = {kind.DESCRIPTOR.full_name: kind for kind in (governance_events_pb2.ApprovalRequested, governance_events_pb2.ApprovalChanged)}
# By name, and not whatever a message holds: a field that is new is in no event of before, and what follows from others needs no look.
_SETTLED = ("name", "kind", "subject", "digest", "team", "reason", "impact", "author", "requester", "rule", "rules_revision", "create_time")
_MOVING = ("state", "votes", "broken_glass", "expire_time", "decide_time", "update_time")


def snapshot_of(approval: Approval) -> Snapshot:
    return _snapshot(approval_to_pb(approval, approval.updated_at))


def snapshot_of_payload(type_: str, payload: bytes) -> Snapshot:
    """Reads an event as the ledger keeps it. Raises ValueError for one that tells of no approval."""
    try:
        return _snapshot(_KINDS[type_].FromString(payload).approval)
    except (KeyError, DecodeError) as error:
        raise ValueError(str(error)) from None


def snapshot_of_wire(payload: bytes) -> Snapshot:
    """Reads an event as the outbox has it. Raises ValueError for one that tells of no approval."""
    try:
        event = received_event(CloudEvent.FromString(payload))
    except (InvalidInput, DecodeError) as error:
        raise ValueError(str(error)) from None
    return snapshot_of_payload(event.type, event.data.value)


def _snapshot(approval: pb.Approval) -> Snapshot:
    approval.DiscardUnknownFields()
    settled = _part(approval, _SETTLED)
    votes = tuple(each.SerializeToString(deterministic=True) for each in approval.votes)
    return Snapshot(int(approval.etag.removeprefix("v")), settled + _part(approval, _MOVING), settled, votes)


def _part(approval: pb.Approval, fields: tuple[str, ...]) -> bytes:
    part = pb.Approval()
    for name in fields:
        if approval.DESCRIPTOR.fields_by_name[name].is_repeated:
            getattr(part, name).extend(getattr(approval, name))
        elif approval.DESCRIPTOR.fields_by_name[name].message_type is None:
            setattr(part, name, getattr(approval, name))
        elif approval.HasField(name):  # type: ignore[arg-type]  # a name of the lists above
            getattr(part, name).CopyFrom(getattr(approval, name))
    return part.SerializeToString(deterministic=True)


WITNESS = Witness(tuple(_KINDS), snapshot_of, snapshot_of_payload, snapshot_of_wire)
