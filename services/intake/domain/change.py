"""Changes: what was done to components, how a later report completes an earlier one, and when a change is evidence of an incident."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum
from uuid import UUID

from services.intake.domain.evidence import Evidence, merge
from services.intake.domain.incident import Incident
from services.intake.domain.item import Refusal, time_fault

# Incidents follow their cause closely, mostly: what changed within the hour before is worth a look.
RECENT = timedelta(hours=1)
# A sender may never tell of an end. After this long a change under way no longer counts as one.
LONGEST = timedelta(days=1)
CHANGED = Evidence(recent_change=True)
_NAME = re.compile(r"changes/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


class ChangeKind(IntEnum):
    DEPLOY = 1
    ROLLBACK = 2
    CONFIG = 3
    FLAG = 4
    INFRASTRUCTURE = 5
    DATA = 6
    REMOVAL = 7
    OTHER = 8


class ChangeOutcome(IntEnum):
    UNDER_WAY = 1
    SUCCEEDED = 2
    FAILED = 3
    CANCELLED = 4


class ChangeReportOutcome(IntEnum):
    RECORDED = 1
    UPDATED = 2
    REPEATED = 3


@dataclass(frozen=True, slots=True)
class ChangeReport:
    """What a sender says of one change; absent times were not said."""

    key: str
    kind: ChangeKind
    components: tuple[str, ...] = ()
    environment: str = ""
    summary: str = ""
    artifact: str = ""
    url: str = ""
    author: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    outcome: ChangeOutcome = ChangeOutcome.SUCCEEDED


@dataclass(frozen=True, slots=True)
class Change:
    """One change as all reports of it tell; `finished_at` is None while it is under way, `version` counts its states."""

    id: UUID
    version: int
    source: str
    key: str
    kind: ChangeKind
    components: tuple[str, ...]
    environment: str
    summary: str
    artifact: str
    url: str
    author: str
    started_at: datetime
    finished_at: datetime | None
    outcome: ChangeOutcome
    created_at: datetime
    updated_at: datetime

    @property
    def name(self) -> str:
        return f"changes/{self.id}"

    @property
    def over_at(self) -> datetime:
        """Until when it counts as going on."""
        return self.finished_at or self.started_at + LONGEST


def change_id_of(ref: str) -> UUID | None:
    """Returns the id in the name of a change; None for what is not such a name."""
    found = _NAME.fullmatch(ref)
    return UUID(found[1]) if found else None


@dataclass(frozen=True, slots=True)
class Opening:
    """An incident's opening, as far as it decides which changes are evidence of it."""

    incident_id: UUID
    components: tuple[str, ...]
    opened_at: datetime


def check_change(report: ChangeReport, place: str, now: datetime) -> Refusal | None:
    """Returns why the report that stands at `place` cannot be true; None when it can."""
    for field, value in (("started_at", report.started_at), ("finished_at", report.finished_at)):
        fault = time_fault(value, now)
        if fault:
            return Refusal("CHANGE_TIME_INVALID", f"{place}.{field}", fault)
    if report.finished_at is not None:
        if report.outcome is ChangeOutcome.UNDER_WAY:
            return Refusal("CHANGE_TIME_INVALID", f"{place}.finished_at", "is set, but the outcome says under way; leave one of them out")
        if report.started_at is not None and report.finished_at < report.started_at:
            return Refusal("CHANGE_TIME_INVALID", f"{place}.finished_at", "lies before started_at; mend one of them")
    return None


def begun(report: ChangeReport, change_id: UUID, source: str, now: datetime) -> Change:
    """Returns the change that the first report of it tells of."""
    is_over = report.outcome is not ChangeOutcome.UNDER_WAY
    start = report.started_at or report.finished_at or now
    return Change(
        id=change_id,
        version=1,
        source=source,
        key=report.key,
        kind=report.kind,
        components=tuple(sorted(set(report.components))),
        environment=report.environment,
        summary=report.summary,
        artifact=report.artifact,
        url=report.url,
        author=report.author,
        started_at=start,
        finished_at=(report.finished_at or start) if is_over else None,
        outcome=report.outcome,
        created_at=now,
        updated_at=now,
    )


def continued(known: Change, report: ChangeReport, now: datetime) -> Change:
    """Returns the change with what a further report says; the same change when that is nothing new.

    Reports come late, twice and in the wrong order: the earliest begin and the latest end count, what is over stays over, and the
    report of the end names the rest, what it leaves out excepted. Components only grow.
    """
    told = begun(report, known.id, known.source, now)
    if report.started_at is None and report.finished_at is None:  # said nothing of time: what is known stands
        told = replace(told, started_at=known.started_at)
        if told.finished_at is not None:
            told = replace(told, finished_at=known.finished_at or max(now, known.started_at))
    newer, older = (told, known) if _place(told) >= _place(known) else (known, told)
    merged = replace(
        known,
        kind=newer.kind,
        components=tuple(sorted({*known.components, *told.components})),
        environment=newer.environment or older.environment,
        summary=newer.summary or older.summary,
        artifact=newer.artifact or older.artifact,
        url=newer.url or older.url,
        author=newer.author or older.author,
        started_at=min(known.started_at, told.started_at),
        finished_at=newer.finished_at,
        outcome=newer.outcome,
    )
    return known if merged == known else replace(merged, version=known.version + 1, updated_at=now)


def _place(change: Change) -> tuple[bool, datetime, int]:
    """Orders what reports say of one change: an end after a begin, the later after the earlier."""
    is_over = change.finished_at is not None
    return is_over, change.finished_at or change.started_at, change.outcome


def recent_changes(changes: Iterable[Change], components: Sequence[str], opened_at: datetime, window: timedelta = RECENT) -> list[Change]:
    """Returns the changes that are evidence of an incident of these components, the last begun first.

    A change is one when it was going on at any time in the `window` before the opening; one that began later is none.
    """
    wanted = frozenset(components)
    found = [
        each
        for each in changes
        if wanted.intersection(each.components) and each.started_at <= opened_at and each.over_at >= opened_at - window
    ]
    return sorted(found, key=lambda each: (each.started_at, each.id), reverse=True)


def evidenced(incident: Incident, now: datetime) -> Incident:
    """Returns the incident with the evidence that its components changed shortly before; the same one when that was known."""
    evidence = merge(incident.evidence, CHANGED)
    if evidence == incident.evidence:
        return incident
    return replace(incident, version=incident.version + 1, evidence=evidence, updated_at=now)


def line_of(change: Change) -> str:
    """Returns a change as one line of a time-line."""
    kind = change.kind.name.lower()
    state = {
        ChangeOutcome.UNDER_WAY: "under way",
        ChangeOutcome.SUCCEEDED: "done",
        ChangeOutcome.FAILED: "failed",
        ChangeOutcome.CANCELLED: "cancelled",
    }[change.outcome]
    what = " ".join(part for part in (kind, "of", ", ".join(change.components), change.artifact) if part)
    told = " ".join(change.summary.split())
    return f"{what} {state}{f': {told}' if told else ''} ({change.name}, by {change.author or change.source})"
