"""Alerts: the identity of a signal, and what a report of it means given what is known."""

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum
from uuid import UUID

import orjson

from services.intake.domain.episode import Episode, bounded
from shared.errors import Violation
from shared.ids import uuid_from_bytes

# Senders' clocks differ; a time further ahead than this is a mistake, and would keep an alert from ever being resolved.
LARGEST_SKEW = timedelta(minutes=10)
EARLIEST = timedelta(days=366 * 20)


class AlertState(IntEnum):
    FIRING = 1
    RESOLVED = 2


class Disposition(IntEnum):
    """What intake did with an alert beside keeping it."""

    GROUPED = 1  # it is in the incident of its group
    MUTED = 2  # a silence, a maintenance window or another alert keeps it from opening or joining one
    HELD = 3  # its rule waits for more of its kind
    SUMMARISED = 4  # it is in the summary incident of a storm


class ReportOutcome(IntEnum):
    OPENED = 1
    REPEATED = 2
    RESOLVED = 3
    STALE = 4
    REFUSED = 5
    MUTED = 6
    HELD = 7
    REFIRED = 8
    SUMMARISED = 9


# What the receipt of a newly opened alert says.
OPENING: dict[int, ReportOutcome] = {
    Disposition.GROUPED: ReportOutcome.OPENED,
    Disposition.MUTED: ReportOutcome.MUTED,
    Disposition.HELD: ReportOutcome.HELD,
    Disposition.SUMMARISED: ReportOutcome.SUMMARISED,
}


@dataclass(frozen=True, slots=True)
class Alert:
    """One signal from its first firing until it is resolved; `incident_id` is None while it is muted or held."""

    id: UUID
    incident_id: UUID | None
    fingerprint: UUID
    source: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    disposition: Disposition
    mute: str  # the resource that mutes or muted it, at `mute_version`
    mute_version: int
    group_key: str
    rule: str
    rule_revision: int
    storm_id: UUID | None  # the storm under way when it came
    life: Episode
    generator_url: str
    report_count: int
    is_flapping: bool
    created_at: datetime
    updated_at: datetime

    @property
    def name(self) -> str:
        return f"alerts/{self.id}"

    @property
    def state(self) -> AlertState:
        return AlertState.FIRING if self.life.is_firing else AlertState.RESOLVED


@dataclass(frozen=True, slots=True)
class KnownAlert:
    """The newest alert of a signal, as far as a report's meaning depends on it."""

    id: UUID
    incident_id: UUID | None
    disposition: Disposition
    life: Episode
    stamp: int
    group_key: str = ""


class Effect(IntEnum):
    """What has to be done about a report of a known signal."""

    REPEAT = 1  # nothing but counting, and keeping what describes it
    NOTE = 2  # it fires already; another begin was told, which a late end may make an alert of its own
    RESOLVE = 3
    REFIRE = 4  # the same alert goes on
    RENEW = 5  # it fires again as a new alert
    STALE = 6
    REVISE = 7  # it changes the past: all that was told of the signal has to be read again


def fingerprint_of(source: str, key: str, labels: Mapping[str, str]) -> UUID:
    """Returns the identity of a signal: the labels', whoever sends them, or the sender's key within its source."""
    # Canonical JSON: sorted names, no white space. The length of each part is in its quotes, so no two sets of labels read the same.
    return digest_of(canonical(["key", source, key] if key else dict(labels)))


def canonical(identity: object) -> bytes:
    return orjson.dumps(identity, option=orjson.OPT_SORT_KEYS)


def digest_of(identity: bytes) -> UUID:
    return uuid_from_bytes(hashlib.blake2b(identity, digest_size=16).digest())


def stamp_of(labels: bytes, annotations: bytes, generator_url: str) -> int:
    """Returns 63 bits that change when what describes an alert does. Two texts of equal length share them once in 2³²."""
    sum_ = zlib.crc32(annotations, zlib.crc32(labels))
    if generator_url:
        sum_ = zlib.crc32(generator_url.encode(), sum_)
    return (len(labels) + len(annotations) + len(generator_url)) % 2**31 << 32 | sum_


def effect_of(known: KnownAlert, starts_at: datetime | None, ends_at: datetime | None, now: datetime, rejoin: timedelta) -> Effect:
    """Returns what a report of a known signal asks for; event time decides, so late, doubled and shuffled reports end alike."""
    life = known.life
    if ends_at is not None:
        return _effect_of_end(life, starts_at, ends_at, rejoin)
    if starts_at is None and life.is_firing:
        return Effect.REPEAT
    begin = starts_at or now
    if begin in life.starts:
        return Effect.REPEAT if life.is_firing else Effect.STALE
    if life.is_firing:
        return Effect.NOTE if begin > life.starts_at else Effect.REVISE
    if begin > life.ends[-1]:
        return Effect.REFIRE if begin - life.ends[-1] <= rejoin else Effect.RENEW
    return Effect.REVISE


def _effect_of_end(life: Episode, starts_at: datetime | None, ends_at: datetime, rejoin: timedelta) -> Effect:
    if starts_at is not None and not life.is_firing and starts_at - life.ends[-1] > rejoin:
        return Effect.RENEW  # and over by now
    told_begin = starts_at is None or starts_at in life.starts
    if told_begin and life.is_firing and ends_at >= life.starts[-1]:
        return Effect.RESOLVE
    if told_begin and ends_at in life.ends:
        return Effect.STALE
    return Effect.REVISE


def begun_again(life: Episode, at: datetime) -> Episode:
    """Returns the episode with another begin, which is later than its first."""
    return replace(life, starts=bounded(sorted({*life.starts, at})))


def ended(life: Episode, at: datetime) -> Episode:
    return replace(life, ends=tuple(sorted({*life.ends, at})))


def time_fault(starts_at: datetime | None, ends_at: datetime | None, now: datetime, oldest: timedelta) -> Violation | None:
    """Returns the first rule that a report's times break at `now`, with the remedy; None when they can be true."""
    for field, value in (("starts_at", starts_at), ("ends_at", ends_at)):
        if value is None:
            continue
        if value > now + LARGEST_SKEW:
            return Violation(field, f"{value.isoformat()} lies in the future by more than 10 min; mend the sender's clock")
        if value < now - oldest:
            return Violation(field, f"{value.isoformat()} lies more than {oldest.days} days back; leave it out if it is unknown")
    if starts_at is not None and ends_at is not None and ends_at < starts_at:
        return Violation("ends_at", "lies before starts_at; leave it out while the alert fires")
    return None
