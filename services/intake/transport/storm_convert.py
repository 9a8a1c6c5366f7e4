"""Storms as they go over the wire."""

from ballast.intake.v1 import storm_pb2

from services.intake.domain.storm import Storm, StormRule
from services.intake.usecases.load import StormState
from shared.rpc.wellknown import duration_to_pb, time_to_pb


def storm_to_pb(storm: Storm) -> storm_pb2.Storm:
    return storm_pb2.Storm(
        name=storm.name,
        incident=f"incidents/{storm.incident_id}",
        started_at=time_to_pb(storm.started_at),
        ended_at=time_to_pb(storm.ended_at),
        last_high_at=time_to_pb(storm.last_high_at),
        entered_count=storm.entered_count,
        alert_count=storm.alert_count,
    )


def rule_to_pb(rule: StormRule) -> storm_pb2.StormRule:
    return storm_pb2.StormRule(
        enter_count=rule.enter_count,
        leave_count=rule.leave_count,
        window=duration_to_pb(rule.window),
        calm=duration_to_pb(rule.calm),
    )


def state_to_pb(state: StormState) -> storm_pb2.GetStormStateResponse:
    return storm_pb2.GetStormStateResponse(
        storm=storm_to_pb(state.storm) if state.storm else None,
        rule=rule_to_pb(state.rule),
        recent_count=state.recent_count,
        waiting_count=state.waiting_count,
        waiting_limit=state.waiting_limit,
        sources=[storm_pb2.SourceLoad(source=each.source, waiting_count=each.waiting, shed_count=each.shed) for each in state.sources],
    )
