"""Escalations and forecasts to protobuf."""

from datetime import timedelta

from ballast.triage.v1 import escalation_pb2 as pb

from services.triage.domain.escalation import Escalation, OpenIncident, RestoreForecast
from services.triage.domain.estimate import Estimate
from shared.rpc.wellknown import duration_to_pb, time_to_pb


def forecast_to_pb(of: OpenIncident, ahead: RestoreForecast) -> pb.RestoreForecast:
    usual = ahead.usual_length.value
    return pb.RestoreForecast(
        incident=of.incident,
        opened_at=time_to_pb(of.opened_at),
        target_at=time_to_pb(ahead.target_at),
        elapsed=duration_to_pb(ahead.elapsed),
        miss_chance=_chance_to_pb(ahead.miss_chance),
        usual_length=duration_to_pb(timedelta(minutes=usual)) if usual is not None else None,
    )


def escalation_to_pb(found: Escalation) -> pb.Escalation:
    return pb.Escalation(
        incident=found.incident,
        assessment=found.assessment,
        severity=found.severity.value,  # type: ignore[arg-type]
        target_at=time_to_pb(found.target_at),
        miss_chance=_chance_to_pb(found.miss_chance),
        reason=found.reason,
        create_time=time_to_pb(found.create_time),
    )


def _chance_to_pb(chance: Estimate) -> pb.ChanceEstimate:
    return pb.ChanceEstimate(
        chance=chance.value,
        low=chance.low,
        high=chance.high,
        history_count=chance.count,
        censored_count=chance.censored_count,
        cannot_tell=chance.cannot_tell,
    )
