"""Alerts: the identity of a signal, and what a report of it means given what is known."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from uuid import UUID

import orjson

from services.intake.domain.errors import ReportRefused
from shared.errors import Violation

# Senders' clocks differ; a time further ahead than this is a mistake, and would keep an alert from ever being resolved.
LARGEST_SKEW = timedelta(minutes=10)
EARLIEST = timedelta(days=366 * 20)


class AlertState(IntEnum):
    FIRING = 1
    RESOLVED = 2


class ReportOutcome(IntEnum):
    OPENED = 1
    REPEATED = 2
    RESOLVED = 3
    STALE = 4


@dataclass(frozen=True, slots=True)
class AlertReport:
    """What a sender says of one alert; `ends_at` present means resolved."""

    source: str
    fingerprint: UUID
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime | None
    generator_url: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """One signal from its first firing until it is resolved."""

    id: UUID
    incident_id: UUID
    fingerprint: UUID
    source: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    state: AlertState
    starts_at: datetime
    ends_at: datetime | None
    generator_url: str
    report_count: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class KnownAlert:
    """The newest alert of a signal, as far as a report's meaning depends on it."""

    id: UUID
    incident_id: UUID
    state: AlertState
    starts_at: datetime
    ends_at: datetime | None


def fingerprint_of(source: str, key: str, labels: Mapping[str, str]) -> UUID:
    """Returns the identity of a signal: the labels', whoever sends them, or the sender's key within its source."""
    # Canonical JSON: sorted names, no white space. The length of each part is in its quotes, so no two sets of labels read the same.
    identity: object = ["key", source, key] if key else dict(labels)
    return UUID(bytes=hashlib.blake2b(orjson.dumps(identity, option=orjson.OPT_SORT_KEYS), digest_size=16).digest())


def outcome_of(report: AlertReport, known: KnownAlert | None) -> ReportOutcome:
    """Returns what a report means. Reports may come late, twice, or in the wrong order; event time decides."""
    if report.ends_at is not None:
        firing = known is not None and known.state is AlertState.FIRING
        return ReportOutcome.RESOLVED if firing and known is not None and report.ends_at >= known.starts_at else ReportOutcome.STALE
    if known is None:
        return ReportOutcome.OPENED
    if known.state is AlertState.FIRING:
        return ReportOutcome.REPEATED
    # Resolved before: a report that began before that end is the old firing, told again by a slow replica.
    return ReportOutcome.OPENED if known.ends_at is None or report.starts_at > known.ends_at else ReportOutcome.STALE


Sent = tuple[Mapping[str, str], Mapping[str, str], datetime, datetime | None]


def check_reports(sent: Sequence[Sent], now: datetime) -> None:
    """Raises ReportRefused naming every report whose (labels, annotations, begin, end) cannot be kept or cannot be true at `now`."""
    violations: list[Violation] = []
    for index, (labels, annotations, starts_at, ends_at) in enumerate(sent):
        violations += _text_violations(index, labels, annotations)
        violations += _time_violations(index, starts_at, ends_at, now)
    if violations:
        raise ReportRefused("; ".join(f"{each.field}: {each.description}" for each in violations[:5]), violations)


def _text_violations(index: int, labels: Mapping[str, str], annotations: Mapping[str, str]) -> list[Violation]:
    return [
        Violation(f"reports[{index}].{field}", f"{key!r} holds a NUL character, which no store keeps; take it out")
        for field, pairs in (("labels", labels), ("annotations", annotations))
        for key, value in pairs.items()
        if "\0" in value or "\0" in key
    ]


def _time_violations(index: int, starts_at: datetime, ends_at: datetime | None, now: datetime) -> list[Violation]:
    found = []
    latest, earliest = now + LARGEST_SKEW, now - EARLIEST
    for field, value in (("starts_at", starts_at), ("ends_at", ends_at)):
        if value is not None and value > latest:
            description = f"{value.isoformat()} lies in the future by more than 10 min; mend the sender's clock"
            found.append(Violation(f"reports[{index}].{field}", description))
        if value is not None and value < earliest:
            description = f"{value.isoformat()} lies more than 20 years back; leave it out if it is unknown"
            found.append(Violation(f"reports[{index}].{field}", description))
    if ends_at is not None and ends_at < starts_at:
        found.append(Violation(f"reports[{index}].ends_at", "lies before starts_at; leave it out while the alert fires"))
    return found
