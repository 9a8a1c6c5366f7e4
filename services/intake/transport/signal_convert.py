"""Changes, heartbeats and item errors to protobuf and back."""

from datetime import datetime, timedelta

from ballast.intake.v1 import change_pb2, heartbeat_pb2, item_error_pb2
from ballast.intake.v1 import signal_messages_pb2 as pb

from services.intake.domain.change import Change, ChangeKind, ChangeOutcome, ChangeReport
from services.intake.domain.heartbeat import Heartbeat, HeartbeatState, Rhythm, state_of
from services.intake.domain.item import Refusal
from services.intake.storage.change_store import ChangeQuery
from services.intake.usecases.changes import Taken
from services.intake.usecases.heartbeats import Beat
from services.intake.usecases.publish_events import Answer
from shared.ids import id_of
from shared.rpc.shape import item_breaches_of
from shared.rpc.wellknown import duration_to_pb, time_from_pb, time_to_pb
from shared.storage.etags import etag_of

SHAPE = "FIELD_INVALID"


def refusal_to_pb(refusal: Refusal) -> item_error_pb2.ItemError:
    return item_error_pb2.ItemError(reason=refusal.reason, field=refusal.field, description=refusal.description)


def change_report_from_pb(report: change_pb2.ChangeReport, place: str) -> ChangeReport | Refusal:
    """Reads the report that stands at `place`, or says which shape rule it breaks."""
    if broken := item_breaches_of(report, place):
        return Refusal(SHAPE, broken[0].field, broken[0].description)
    return ChangeReport(
        key=report.key,
        kind=ChangeKind(report.kind),
        components=tuple(report.components),
        environment=report.environment,
        summary=report.summary,
        artifact=report.version,
        url=report.url,
        author=report.author,
        started_at=time_from_pb(report, "started_at"),
        finished_at=time_from_pb(report, "finished_at"),
        outcome=ChangeOutcome(report.outcome) if report.outcome else ChangeOutcome.SUCCEEDED,
    )


def change_to_pb(change: Change) -> change_pb2.Change:
    return change_pb2.Change(
        name=change.name,
        source=change.source,
        key=change.key,
        kind=change.kind.value,  # type: ignore[arg-type]  # the numbers are the contract's
        components=change.components,
        environment=change.environment,
        summary=change.summary,
        version=change.artifact,
        url=change.url,
        author=change.author,
        started_at=time_to_pb(change.started_at),
        finished_at=time_to_pb(change.finished_at),
        outcome=change.outcome.value,  # type: ignore[arg-type]
        create_time=time_to_pb(change.created_at),
        update_time=time_to_pb(change.updated_at),
    )


def change_result_to_pb(taken: Taken | Refusal) -> pb.ChangeResult:
    if isinstance(taken, Refusal):
        return pb.ChangeResult(error=refusal_to_pb(taken))
    change, outcome = taken
    return pb.ChangeResult(change=change.name, outcome=outcome.value)  # type: ignore[arg-type]


def change_query_from_pb(request: pb.ListChangesRequest) -> ChangeQuery:
    chosen = request.filter
    return ChangeQuery(
        components=tuple(chosen.components),
        kinds=tuple(ChangeKind(each) for each in chosen.kinds),
        environment=chosen.environment,
        started_from=time_from_pb(chosen, "started_from"),
        started_before=time_from_pb(chosen, "started_before"),
    )


def rhythm_from_pb(heartbeat: heartbeat_pb2.Heartbeat) -> Rhythm:
    return Rhythm(
        interval=heartbeat.interval.ToTimedelta(),
        grace=heartbeat.grace.ToTimedelta() if heartbeat.HasField("grace") else timedelta(0),
        component=heartbeat.component,
        labels=dict(heartbeat.labels),
        annotations=dict(heartbeat.annotations),
        is_paused=heartbeat.paused,
    )


def heartbeat_to_pb(heartbeat: Heartbeat, now: datetime) -> heartbeat_pb2.Heartbeat:
    rhythm, state = heartbeat.rhythm, state_of(heartbeat, now)
    return heartbeat_pb2.Heartbeat(
        name=heartbeat.name,
        interval=duration_to_pb(rhythm.interval),
        grace=duration_to_pb(rhythm.grace),
        component=rhythm.component,
        labels=rhythm.labels,
        annotations=rhythm.annotations,
        paused=rhythm.is_paused,
        state=state.value,  # type: ignore[arg-type]
        last_beat_at=time_to_pb(heartbeat.last_beat_at),
        overdue_at=None if state is HeartbeatState.PAUSED else time_to_pb(heartbeat.overdue_at),
        etag=etag_of(heartbeat.version),
        create_time=time_to_pb(heartbeat.created_at),
        update_time=time_to_pb(heartbeat.updated_at),
    )


def beat_from_pb(beat: heartbeat_pb2.Beat, place: str) -> Beat | Refusal:
    """Reads the beat that stands at `place`, or says which shape rule it breaks."""
    if broken := item_breaches_of(beat, place):
        return Refusal(SHAPE, broken[0].field, broken[0].description)
    return Beat(id_of(beat.heartbeat), time_from_pb(beat, "occurred_at"))


def beat_result_to_pb(taken: Heartbeat | Refusal, now: datetime) -> pb.BeatResult:
    if isinstance(taken, Refusal):
        return pb.BeatResult(error=refusal_to_pb(taken))
    state = state_of(taken, now)
    overdue_at = None if state is HeartbeatState.PAUSED else time_to_pb(taken.overdue_at)
    return pb.BeatResult(state=state.value, overdue_at=overdue_at)  # type: ignore[arg-type]


def event_result_to_pb(answer: Answer) -> pb.EventResult:
    if isinstance(answer, Refusal):
        return pb.EventResult(error=refusal_to_pb(answer))
    became = answer.became
    return pb.EventResult(
        disposition=became.disposition.value,  # type: ignore[arg-type]
        resource=became.resource,
        duplicate=answer.is_duplicate,
    )
