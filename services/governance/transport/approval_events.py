"""Governance's own events in their wire form."""

from ballast.governance.v1 import approval_pb2
from ballast.governance.v1 import governance_events_pb2 as pb

from services.governance.domain.approval_terms import RULES_SUBJECT
from services.governance.domain.events import ApprovalChanged, ApprovalRequested, Event
from services.governance.transport.approval_convert import approval_to_pb
from services.governance.transport.approval_rule_convert import rules_to_pb
from shared.events.event import EncodedEvent


def encode(event: Event) -> EncodedEvent:
    """Returns the event as it is recorded."""
    if isinstance(event, ApprovalRequested):
        made = event.approval
        requested = pb.ApprovalRequested(approval=approval_to_pb(made, made.created_at))
        return EncodedEvent(made.name, made.version, requested, made.created_at)
    if isinstance(event, ApprovalChanged):
        change, after = event.change, event.change.approval
        changed = pb.ApprovalChanged(
            approval=approval_to_pb(after, after.updated_at),
            change=approval_pb2.ApprovalChange.Value(f"APPROVAL_CHANGE_{change.kind.value}"),
            actor=change.actor,
            note=change.note,
        )
        return EncodedEvent(after.name, after.version, changed, after.updated_at)
    rules = event.rules
    changed_rules = pb.ApprovalRulesChanged(rules=rules_to_pb(rules), approval=event.approval)
    return EncodedEvent(RULES_SUBJECT, rules.revision, changed_rules, rules.create_time)
