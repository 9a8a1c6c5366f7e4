"""Errors that cross the wire and come out as the same class on the other side.

    BallastError                what            gRPC status
    ├── InvalidInput            the request     INVALID_ARGUMENT     names field, rule and remedy
    ├── NotFound                no such thing   NOT_FOUND
    ├── AlreadyExists           taken           ALREADY_EXISTS
    ├── Conflict                changed by now  ABORTED              read again, then retry
    ├── PreconditionFailed      not in a state  FAILED_PRECONDITION
    ├── Unauthenticated         who is it       UNAUTHENTICATED
    ├── PermissionDenied        may not         PERMISSION_DENIED
    ├── Exhausted               too much        RESOURCE_EXHAUSTED   retry after a while
    ├── Unavailable             away            UNAVAILABLE          retry after a while
    └── DeadlineExceeded        too late        DEADLINE_EXCEEDED

A service's `domain/errors.py` subclasses these. `reason` is stable and for machines, the message is for people and says what to
do, and what a caller may want to compute with stands in `metadata`.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Violation:
    """One field that breaks one rule: the dotted path of the field, and the rule with its remedy."""

    field: str
    description: str


class BallastError(Exception):
    """An error with a stable reason (`[A-Z][A-Z0-9_]+[A-Z0-9]`); subclasses set the class attribute, or pass one."""

    reason: ClassVar[str] = "UNSPECIFIED"

    def __init__(self, message: str, *, reason: str | None = None, metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.metadata: dict[str, str] = dict(metadata or {})
        if reason is not None:
            self.reason = reason  # type: ignore[misc]  # an instance rebuilt from the wire carries its own


class InvalidInput(BallastError):
    """The request breaks a rule whatever the state of the system; `violations` names every field at fault."""

    reason = "INVALID_INPUT"

    def __init__(
        self,
        message: str,
        violations: Sequence[Violation] = (),
        *,
        reason: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, reason=reason, metadata=metadata)
        self.violations = tuple(violations)


class NotFound(BallastError):
    reason = "NOT_FOUND"


class AlreadyExists(BallastError):
    reason = "ALREADY_EXISTS"


class Conflict(BallastError):
    """Somebody changed it meanwhile, or the etag is old: read again, then decide whether to retry."""

    reason = "ETAG_MISMATCH"


class PreconditionFailed(BallastError):
    """The system is not in a state in which this may happen; retrying alone does not help."""

    reason = "PRECONDITION_FAILED"


class Unauthenticated(BallastError):
    reason = "UNAUTHENTICATED"


class PermissionDenied(BallastError):
    reason = "PERMISSION_DENIED"


class Exhausted(BallastError):
    """Too much at once; the same request may succeed after `retry_after`."""

    reason = "EXHAUSTED"

    def __init__(
        self,
        message: str,
        *,
        retry_after: timedelta = timedelta(seconds=1),
        reason: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, reason=reason, metadata=metadata)
        self.retry_after = retry_after


class Unavailable(Exhausted):
    """Something needed is away for now; the same request may succeed after `retry_after`."""

    reason = "UNAVAILABLE"


class DeadlineExceeded(BallastError):
    """The caller's deadline passed. A mutation may or may not have happened: repeat it with the same request_id."""

    reason = "DEADLINE_EXCEEDED"


# Letters, symbols and marks by their category, of which nothing is to be seen: fillers of Hangul, an empty Braille cell, vowels that
# Khmer does not write.
_UNSEEN = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


def says_nothing(text: str) -> bool:
    """Whether a text has no character that can be seen by itself: blanks, and what only controls, formats or marks others, tell nobody
    anything."""
    return all(character in _UNSEEN or unicodedata.category(character)[0] in "CZM" for character in text)


def check_reason(field: str, text: str) -> None:
    """Raises InvalidInput for a reason that says nothing: REASON_EMPTY."""
    if says_nothing(text):
        raise invalid_field(field, "is empty; say why, it is kept for those who ask later", reason="REASON_EMPTY")


def invalid_field(field: str, description: str, *, reason: str | None = None) -> InvalidInput:
    """Returns the error for one field that breaks one rule."""
    return InvalidInput(f"{field}: {description}", [Violation(field, description)], reason=reason)
