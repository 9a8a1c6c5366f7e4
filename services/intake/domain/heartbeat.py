"""Heartbeats: signals that must keep coming; what stands at a time, and what has to be told of it, as functions of (heartbeat, now)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import IntEnum

from services.intake.domain.item import Refusal, time_fault

SOURCE = "heartbeats"


class HeartbeatState(IntEnum):
    WAITING = 1
    HEALTHY = 2
    OVERDUE = 3
    PAUSED = 4


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What a person sets: how often beats are due, and the alert that fires when they stop."""

    interval: timedelta
    grace: timedelta
    component: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    is_paused: bool = False


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A signal that must keep coming. `version` counts what people set; beats leave it alone.

    `firing_since` is the begin of the alert that was raised, or is just being raised: it is noted before the alert is reported, and
    `is_told` after, so that whoever goes on after a crash knows what may have been said.
    """

    id: str
    version: int
    rhythm: Rhythm
    waits_since: datetime
    last_beat_at: datetime | None
    firing_since: datetime | None
    is_told: bool
    is_removed: bool
    created_at: datetime
    updated_at: datetime

    @property
    def name(self) -> str:
        return f"heartbeats/{self.id}"

    @property
    def due_at(self) -> datetime:
        """When the next beat is due: an interval after the last, or after waiting began."""
        return max(self.last_beat_at or self.waits_since, self.waits_since) + self.rhythm.interval

    @property
    def overdue_at(self) -> datetime:
        """When a beat that has not come by then is missed."""
        return self.due_at + self.rhythm.grace


class Say(IntEnum):
    """What has to be reported of a heartbeat's alert."""

    FIRING = 1
    RESOLVED = 2


@dataclass(frozen=True, slots=True)
class Telling:
    """A report that has to be made: the alert fires since `at`, or ended at `at`."""

    say: Say
    at: datetime


def set_up(heartbeat_id: str, rhythm: Rhythm, now: datetime) -> Heartbeat:
    """Returns a new heartbeat; the first beat is due an interval from now."""
    return Heartbeat(heartbeat_id, 1, rhythm, now, None, None, is_told=False, is_removed=False, created_at=now, updated_at=now)


def adjusted(known: Heartbeat, rhythm: Rhythm, now: datetime) -> Heartbeat:
    """Returns the heartbeat set anew; the same one when nothing differs.

    With another rhythm, and after a pause, waiting begins anew: whoever beats has not been told of it before.
    """
    if known.is_removed:  # set again before its alert was resolved: a new one, which still has to say so
        again = set_up(known.id, rhythm, now)
        return replace(again, firing_since=known.firing_since, is_told=known.is_told)
    if rhythm == known.rhythm:
        return known
    before = known.rhythm
    anew = (rhythm.interval, rhythm.grace) != (before.interval, before.grace) or (before.is_paused and not rhythm.is_paused)
    return replace(
        known,
        version=known.version + 1,
        rhythm=rhythm,
        waits_since=now if anew else known.waits_since,
        is_told=False,  # the alert's labels may differ
        updated_at=now,
    )


def removed(known: Heartbeat, now: datetime) -> Heartbeat:
    """Returns the heartbeat on its way out: it stays until its alert was resolved."""
    return replace(known, is_removed=True, updated_at=now)


def beaten(known: Heartbeat, at: datetime, now: datetime) -> Heartbeat:
    """Returns the heartbeat after a beat. The latest beat counts, in whatever order they come; nobody beats in the future."""
    at = min(at, now)
    if known.last_beat_at is not None and at <= known.last_beat_at:
        return known
    return replace(known, last_beat_at=at)


def state_of(heartbeat: Heartbeat, now: datetime) -> HeartbeatState:
    """Returns where the heartbeat stands at `now`."""
    if heartbeat.rhythm.is_paused or heartbeat.is_removed:
        return HeartbeatState.PAUSED
    if now >= heartbeat.overdue_at:
        return HeartbeatState.OVERDUE
    return HeartbeatState.HEALTHY if heartbeat.last_beat_at is not None else HeartbeatState.WAITING


def telling_of(heartbeat: Heartbeat, now: datetime) -> Telling | None:
    """Returns what has to be reported of the alert at `now`; None when all is said.

    The alert begins when the beat was due. Once it fires it keeps its begin, though a late beat may move the time the next was due.
    """
    since = heartbeat.firing_since
    if state_of(heartbeat, now) is HeartbeatState.OVERDUE:
        return None if since is not None and heartbeat.is_told else Telling(Say.FIRING, since or heartbeat.due_at)
    return Telling(Say.RESOLVED, _end_of(heartbeat, since, now)) if since is not None else None


def _end_of(heartbeat: Heartbeat, since: datetime, now: datetime) -> datetime:
    """Returns when the alert ended: with the beat that came, or when the waiting ended or began anew; never before it began."""
    ends = [each for each in (heartbeat.last_beat_at, heartbeat.waits_since) if each is not None and each >= since]
    is_waited_for = not (heartbeat.rhythm.is_paused or heartbeat.is_removed)
    return min(ends, default=since if is_waited_for else max(since, now))


def noted(heartbeat: Heartbeat, telling: Telling | None) -> Heartbeat:
    """Returns the heartbeat before a report is made; that an alert ended needs no note, as what is noted says that it fires."""
    if telling is None or telling.say is Say.RESOLVED:
        return heartbeat
    return replace(heartbeat, firing_since=telling.at, is_told=False)


def told(known: Heartbeat, before: Heartbeat, telling: Telling) -> Heartbeat:
    """Returns the heartbeat after a report of it, as it stood `before`, became durable; what changed meanwhile is still to be told."""
    if known.firing_since != before.firing_since:
        return known
    if telling.say is Say.RESOLVED:
        return replace(known, firing_since=None, is_told=False)
    return replace(known, is_told=known.version == before.version)


def check_at(heartbeat: Heartbeat, now: datetime) -> datetime | None:
    """Returns when the heartbeat has to be looked at next; None when only a beat or a person can alter what stands."""
    if heartbeat.is_removed or telling_of(heartbeat, now) is not None:
        return now
    if state_of(heartbeat, now) in {HeartbeatState.PAUSED, HeartbeatState.OVERDUE}:
        return None
    return heartbeat.overdue_at


def check_beat(at: datetime | None, place: str, now: datetime) -> Refusal | None:
    """Returns why a beat that stands at `place` cannot have happened; None when it can."""
    fault = time_fault(at, now)
    return Refusal("BEAT_TIME_INVALID", f"{place}.occurred_at", fault) if fault else None


def labels_of(heartbeat: Heartbeat, component_label: str) -> dict[str, str]:
    """Returns the labels of the heartbeat's alert."""
    component = {component_label: heartbeat.rhythm.component} if heartbeat.rhythm.component else {}
    return {"alertname": "HeartbeatMissed", "heartbeat": heartbeat.id, **component, **heartbeat.rhythm.labels}


def annotations_of(heartbeat: Heartbeat) -> dict[str, str]:
    """Returns the annotations of the heartbeat's alert."""
    rhythm = heartbeat.rhythm
    summary = f"No beat of {heartbeat.id}: one is due every {_span(rhythm.interval)}, and {_span(rhythm.grace)} later at most"
    return {"summary": summary, **rhythm.annotations}


def _span(span: timedelta) -> str:
    seconds = span.total_seconds()
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:g} s"
