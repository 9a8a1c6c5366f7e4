"""What change control refuses, each with its stable reason.

InvalidInput        BodyRefused, EffectiveTimeRefused
NotFound            DocumentUnknown, AmendmentNotFound
PreconditionFailed  AmendmentClosed, AmendmentEmpty, ApprovalRequired
PermissionDenied    NotTheAuthor, RoleMissing
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from shared.errors import InvalidInput, NotFound, PermissionDenied, PreconditionFailed, Violation


class BodyRefused(InvalidInput):
    """A body that is no such document, whatever the state of the system."""

    reason: ClassVar[str] = "BODY_REFUSED"

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__(f"{violations[0].field}: {violations[0].description}", violations)


class EffectiveTimeRefused(InvalidInput):
    reason: ClassVar[str] = "EFFECTIVE_TIME_REFUSED"

    def __init__(self, rule: str) -> None:
        super().__init__(f"effective_time: {rule}", [Violation("effective_time", rule)])


class DocumentUnknown(NotFound):
    reason: ClassVar[str] = "DOCUMENT_UNKNOWN"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"document: {name} is not kept here; it keeps {', '.join(known)}", metadata={"document": name})


class AmendmentNotFound(NotFound):
    reason: ClassVar[str] = "AMENDMENT_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"name: {name} does not exist in this service; ListAmendments lists those there are", metadata={"name": name})


class AmendmentClosed(PreconditionFailed):
    """It is past what was asked for."""

    reason: ClassVar[str] = "AMENDMENT_CLOSED"

    def __init__(self, name: str, state: str) -> None:
        super().__init__(f"{name} is {state}, so this can be done no more; draft another one", metadata={"name": name, "state": state})


class AmendmentEmpty(PreconditionFailed):
    reason: ClassVar[str] = "AMENDMENT_EMPTY"

    def __init__(self, document: str, revision: int) -> None:
        super().__init__(
            f"body: says the same as version {revision} of {document}, which is in force; change something, or leave it as it is",
            metadata={"document": document, "revision": str(revision)},
        )


class ApprovalRequired(PreconditionFailed):
    """A document that others must agree about was to be changed past them."""

    reason: ClassVar[str] = "APPROVAL_REQUIRED"

    def __init__(self, document: str) -> None:
        super().__init__(
            f"{document} is changed only with approval; propose it: DraftAmendment, then ProposeAmendment "
            "of ballast.amendments.v1.AmendmentService (in the CLI: ballast amendments)",
            metadata={"document": document},
        )


class NotTheAuthor(PermissionDenied):
    reason: ClassVar[str] = "NOT_THE_AUTHOR"

    def __init__(self, name: str, author: str) -> None:
        super().__init__(f"{name} is {author}'s; draft one of your own", metadata={"name": name, "author": author})


class RoleMissing(PermissionDenied):
    """Nobody else must agree, so the role counts that changing the document directly takes."""

    reason: ClassVar[str] = "ROLE_MISSING"

    def __init__(self, principal: str, document: str, role: str) -> None:
        super().__init__(
            f"{principal} may not put a version of {document} in force without approval: it needs the role {role} for all teams",
            metadata={"principal": principal, "role": role},
        )
