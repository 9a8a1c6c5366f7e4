"""What-if questions, as the wire brings them."""

from ballast.triage.v1 import triage_service_pb2 as pb
from ballast.triage.v1 import what_if_pb2

from services.triage.domain.what_if import InputChange, Supposition
from services.triage.transport.incidents import component_ids, evidence_from_pb
from shared.rpc.wellknown import time_from_pb


def supposition_from_pb(request: pb.SimulateAssessmentRequest) -> Supposition:
    return Supposition(
        incident=request.incident,
        components=component_ids(request.components),
        evidence=evidence_from_pb(request.evidence),
        opened_at=time_from_pb(request, "opened_at"),
        alert_count=request.alert_count,
        changes=tuple(_change_from_pb(each) for each in request.changes),
    )


def _change_from_pb(change: what_if_pb2.InputChange) -> InputChange:
    kind = change.WhichOneof("value")
    return InputChange(change.feature, getattr(change, kind) if kind else None)
