"""Amendments: one change of one document, from a draft to a version in force or to where it ended."""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any
from uuid import UUID

from shared.amendments.errors import AmendmentClosed, EffectiveTimeRefused, NotTheAuthor
from shared.ids import name_of


class State(IntEnum):
    """Where an amendment stands; the numbers are those of ballast.amendments.v1.AmendmentState."""

    DRAFT = 1
    PROPOSED = 2
    APPROVED = 3
    IN_FORCE = 4
    SUPERSEDED = 5
    REJECTED = 6
    WITHDRAWN = 7
    LAPSED = 8


WAITING = (State.PROPOSED, State.APPROVED)
"""For approvers, or for its time."""


class Cause(IntEnum):
    """Why an amendment is where it is; the numbers are those of ballast.amendments.v1.AmendmentCause."""

    NONE = 0
    CALLER = 1
    AGREED = 2
    REFUSED = 3
    APPROVAL_WITHDRAWN = 4
    APPROVAL_EXPIRED = 5
    BASE_CHANGED = 6
    DOCUMENT_REFUSED = 7
    REVIEW_OVERDUE = 8
    APPROVAL_MISSING = 9


@dataclass(frozen=True, slots=True)
class Comparison:
    """A body beside the version it is made on: JSON text with sorted keys, the number of that version, and how they differ."""

    body: str
    base: int
    difference: str  # unified diff of both in YAML
    restored: int = 0  # the version whose body it brings back; 0 for none


@dataclass(frozen=True, slots=True)
class Agreement:
    """What approvers were asked, if anybody was: `requester` is who asked for it."""

    is_needed: bool
    approval: str = ""
    requester: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Amendment:
    """At one moment of its life."""

    id: UUID
    document: str
    kind: str
    state: State
    comparison: Comparison
    author: str
    reason: str
    created_at: datetime
    updated_at: datetime
    version: int = 1
    cause: Cause = Cause.NONE
    detail: str = ""
    revision: int = 0  # that it made
    impact: str = ""  # JSON of a ballast.governance.v1.ImpactPreview
    agreement: Agreement = Agreement(False)
    effective_at: datetime | None = None
    proposed_at: datetime | None = None
    forced_at: datetime | None = None

    @property
    def name(self) -> str:
        return name_of("amendments", self.id)

    @property
    def digest(self) -> str:
        """SHA-256 of what is proposed, hex; empty in drafts. It has the amendment's own name, so an approval holds for no other."""
        if self.proposed_at is None:
            return ""
        told = {
            "amendment": self.name,
            "author": self.author,
            "base": self.comparison.base,
            "body": _read(self.comparison.body),
            "document": self.document,
            "effective": _utc(self.effective_at),
            "kind": self.kind,
            "reason": self.reason,
        }
        return hashlib.sha256(json_text(told).encode()).hexdigest()

    def revised(self, comparison: Comparison, reason: str, by: str, now: datetime) -> "Amendment":
        """Raises AmendmentClosed unless it is a draft, NotTheAuthor."""
        self.check_draft(by)
        return self._moved(now, comparison=comparison, reason=reason or self.reason)

    def proposed(self, comparison: Comparison, effective_at: datetime | None, by: str, now: datetime) -> "Amendment":
        """Fixes the draft. Raises AmendmentClosed unless it is a draft, NotTheAuthor, EffectiveTimeRefused for what has passed."""
        self.check_draft(by)
        if effective_at is not None and effective_at <= now:
            raise EffectiveTimeRefused(f"{_utc(effective_at)} has passed; leave it out to have it come in force as soon as it may")
        return self._moved(now, state=State.PROPOSED, comparison=comparison, effective_at=effective_at, proposed_at=now)

    def asked(self, agreement: Agreement) -> "Amendment":
        """Notes what approvers were asked."""
        return replace(self, agreement=agreement)

    def withdrawn(self, by: str, note: str, now: datetime, *, is_admin: bool) -> "Amendment":
        """Raises AmendmentClosed when it neither is a draft nor waits, NotTheAuthor."""
        if self.state is not State.DRAFT and self.state not in WAITING:
            raise AmendmentClosed(self.name, self.state.name)
        if by != self.author and not is_admin:
            raise NotTheAuthor(self.name, self.author)
        return self.closed(State.WITHDRAWN, Cause.CALLER, note, now)

    def agreed(self, now: datetime) -> "Amendment":
        """Agreed to; it waits for its time, if it has one."""
        return self if self.state is State.APPROVED else self._moved(now, state=State.APPROVED, cause=Cause.AGREED, detail="")

    def suspended(self, cause: Cause, detail: str, now: datetime) -> "Amendment":
        """Kept from coming in force for as long as that lasts."""
        return self if (self.cause, self.detail) == (cause, detail) else self._moved(now, cause=cause, detail=detail)

    def in_force(self, revision: int, now: datetime) -> "Amendment":
        return self._moved(now, state=State.IN_FORCE, cause=Cause.AGREED, detail="", revision=revision, forced_at=now)

    def closed(self, state: State, cause: Cause, detail: str, now: datetime) -> "Amendment":
        return self._moved(now, state=state, cause=cause, detail=detail)

    def is_due(self, now: datetime) -> bool:
        return self.effective_at is None or self.effective_at <= now

    def check_draft(self, by: str) -> None:
        """Raises AmendmentClosed unless it is a draft, NotTheAuthor."""
        if self.state is not State.DRAFT:
            raise AmendmentClosed(self.name, self.state.name)
        if by != self.author:
            raise NotTheAuthor(self.name, self.author)

    def _moved(self, now: datetime, **changes: Any) -> "Amendment":
        return replace(self, version=self.version + 1, updated_at=now, **changes)


def _read(body: str) -> object:
    """Returns the body; as the text it is where it is no JSON, so that it is at least not what was agreed to."""
    try:
        return json.loads(body)
    except ValueError:
        return body


def json_text(value: object) -> str:
    """Returns JSON with sorted keys and no blanks: of equal values the same text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _utc(time: datetime | None) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z") if time else ""
