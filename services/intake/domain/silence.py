"""Silences: alerts muted for a while by a person, with versions that tell who changed what."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum
from uuid import UUID

from services.intake.domain.errors import MutingRefused, SilenceOver
from services.intake.domain.matcher import Matchers, check_matchers
from shared.errors import Violation

# Long enough for a repair that waits for parts; what is muted for longer is forgotten, and its alert should be mended.
LONGEST = timedelta(days=30)
FURTHEST_AHEAD = timedelta(days=365)
LONGEST_TEXT = 2000  # characters of a reason
MOST_IN_FORCE = 10_000  # at once, those that have not begun among them


class SilenceState(IntEnum):
    """Where a silence stands, seen at some time."""

    PENDING = 1
    ACTIVE = 2
    EXPIRED = 3


class SilenceChange(IntEnum):
    CREATED = 1
    EDITED = 2
    EXPIRED = 3


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts that match are muted from `starts_at` until just before `ends_at`. One version of it."""

    id: UUID
    version: int
    matchers: Matchers
    starts_at: datetime
    ends_at: datetime
    reason: str
    author: str  # of the silence
    change: SilenceChange
    changed_by: str  # the author of this version
    change_reason: str
    created_at: datetime
    updated_at: datetime

    @property
    def name(self) -> str:
        return f"silences/{self.id}"


@dataclass(frozen=True, slots=True)
class SilenceEdit:
    """What is to be changed; None leaves it as it is."""

    matchers: Matchers | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    reason: str | None = None


def state_of(silence: Silence, now: datetime) -> SilenceState:
    if now >= silence.ends_at:
        return SilenceState.EXPIRED
    return SilenceState.PENDING if now < silence.starts_at else SilenceState.ACTIVE


def check_silence(silence: Silence, now: datetime) -> None:
    """Raises MutingRefused or MatchersRefused, naming every field at fault."""
    found = []
    if silence.ends_at <= max(silence.starts_at, now):
        found.append(Violation("ends_at", f"must lie after the begin and after now ({now.isoformat()})"))
    elif silence.ends_at - silence.starts_at > LONGEST:
        description = f"lies more than {LONGEST.days} days after the begin; mend the alert, or plan a maintenance window"
        found.append(Violation("ends_at", description))
    if silence.starts_at - now > FURTHEST_AHEAD:
        found.append(Violation("starts_at", f"lies more than {FURTHEST_AHEAD.days} days ahead"))
    if not silence.reason.strip():
        found.append(Violation("reason", "is empty; say why, for those who find it later"))
    elif len(silence.reason) > LONGEST_TEXT or "\0" in silence.reason:
        found.append(Violation("reason", f"must hold at most {LONGEST_TEXT:,} characters, none of them NUL"))
    if found:
        raise MutingRefused(found)
    check_matchers(silence.matchers, "matchers")


def edit(silence: Silence, changed: SilenceEdit, reason: str, who: str, now: datetime) -> Silence:
    """Returns the next version; the same one where nothing changes. Raises SilenceOver, and what `check_silence` does.

    The begin of a silence that has begun is a fact: it stays as it is. A reason for no change is refused, for no version would keep it.
    """
    if reason.strip() and changed == SilenceEdit():
        description = "comes with no change and would be lost; change matchers, starts_at, ends_at or reason with it, or leave it out"
        raise MutingRefused([Violation("change_reason", description)])
    if state_of(silence, now) is SilenceState.EXPIRED:
        raise SilenceOver(silence.name, silence.ends_at)
    begun = state_of(silence, now) is SilenceState.ACTIVE
    if begun and changed.starts_at not in {None, silence.starts_at}:
        description = f"cannot be changed: the silence began at {silence.starts_at.isoformat()}; leave it out"
        raise MutingRefused([Violation("starts_at", description)])
    after = replace(
        silence,
        matchers=silence.matchers if changed.matchers is None else changed.matchers,
        starts_at=silence.starts_at if changed.starts_at is None else max(changed.starts_at, silence.starts_at if begun else now),
        ends_at=silence.ends_at if changed.ends_at is None else changed.ends_at,
        reason=silence.reason if changed.reason is None else changed.reason,
    )
    if after == silence:
        return silence
    check_silence(after, now)
    return _next(after, SilenceChange.EDITED, reason, who, now)


def expire(silence: Silence, reason: str, who: str, now: datetime) -> Silence:
    """Returns the silence ended at `now`; one that had not begun never mutes anything. Raises SilenceOver."""
    if state_of(silence, now) is SilenceState.EXPIRED:
        raise SilenceOver(silence.name, silence.ends_at)
    ended = replace(silence, starts_at=min(silence.starts_at, now), ends_at=now)
    return _next(ended, SilenceChange.EXPIRED, reason, who, now)


def _next(silence: Silence, change: SilenceChange, reason: str, who: str, now: datetime) -> Silence:
    return replace(silence, version=silence.version + 1, change=change, changed_by=who, change_reason=reason, updated_at=now)
