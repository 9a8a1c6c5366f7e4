"""Explanations as they go over the wire."""

from ballast.intake.v1 import explanation_pb2 as pb

from services.intake.domain.explanation import Explained
from services.intake.transport.convert import alert_to_pb, incident_to_pb
from shared.rpc.wellknown import time_to_pb


def explanation_to_pb(explained: Explained) -> pb.ExplainAlertResponse:
    return pb.ExplainAlertResponse(
        alert=alert_to_pb(explained.alert),
        incident=incident_to_pb(explained.incident) if explained.incident else None,
        summary=explained.summary,
        lines=[
            pb.ExplanationLine(step=each.step.value, text=each.text, resource=each.resource, version=each.version)  # type: ignore[arg-type]
            for each in explained.lines
        ],
        counterfactuals=[
            pb.Counterfactual(
                condition=each.condition,
                disposition=each.disposition.value,  # type: ignore[arg-type]
                group_key=each.group_key,
                incident=each.incident,
                text=each.text,
            )
            for each in explained.otherwise
        ],
        decided_at=time_to_pb(explained.alert.created_at),
    )
