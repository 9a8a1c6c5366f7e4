"""Rows of changes and heartbeats to domain values and back."""

from datetime import datetime
from typing import Any

from services.intake.domain.change import Change, ChangeKind, ChangeOutcome
from services.intake.domain.heartbeat import Heartbeat, Rhythm, check_at


def change_from_row(row: Any) -> Change:
    return Change(
        id=row.id,
        version=row.version,
        source=row.source,
        key=row.key,
        kind=ChangeKind(row.kind),
        components=tuple(row.components),
        environment=row.environment,
        summary=row.summary,
        artifact=row.artifact,
        url=row.url,
        author=row.author,
        started_at=row.started_at,
        finished_at=row.finished_at,
        outcome=ChangeOutcome(row.outcome),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def change_to_row(change: Change) -> dict[str, Any]:
    return {
        "id": change.id,
        "version": change.version,
        "source": change.source,
        "key": change.key,
        "kind": change.kind.value,
        "components": list(change.components),
        "environment": change.environment,
        "summary": change.summary,
        "artifact": change.artifact,
        "url": change.url,
        "author": change.author,
        "started_at": change.started_at,
        "finished_at": change.finished_at,
        "over_at": change.over_at,
        "outcome": change.outcome.value,
        "created_at": change.created_at,
        "updated_at": change.updated_at,
    }


def heartbeat_from_row(row: Any) -> Heartbeat:
    rhythm = Rhythm(
        interval=row.interval,
        grace=row.grace,
        component=row.component,
        labels=row.labels,
        annotations=row.annotations,
        is_paused=row.is_paused,
    )
    return Heartbeat(
        id=row.id,
        version=row.version,
        rhythm=rhythm,
        waits_since=row.waits_since,
        last_beat_at=row.last_beat_at,
        firing_since=row.firing_since,
        is_told=row.is_told,
        is_removed=row.is_removed,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def heartbeat_to_row(heartbeat: Heartbeat, now: datetime) -> dict[str, Any]:
    rhythm = heartbeat.rhythm
    return {
        "id": heartbeat.id,
        "version": heartbeat.version,
        "interval": rhythm.interval,
        "grace": rhythm.grace,
        "component": rhythm.component,
        "labels": dict(rhythm.labels),
        "annotations": dict(rhythm.annotations),
        "is_paused": rhythm.is_paused,
        "waits_since": heartbeat.waits_since,
        "last_beat_at": heartbeat.last_beat_at,
        "firing_since": heartbeat.firing_since,
        "is_told": heartbeat.is_told,
        "is_removed": heartbeat.is_removed,
        "overdue_at": heartbeat.overdue_at,
        "check_at": check_at(heartbeat, now),
        "created_at": heartbeat.created_at,
        "updated_at": heartbeat.updated_at,
    }
