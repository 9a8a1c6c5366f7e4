"""Which service keeps a document or an amendment: all that may are asked at once, and it is said which of them is away."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from ballast.amendments.v1 import amendment_messages_pb2 as pb
from ballast.amendments.v1 import amendment_pb2

from clients.cli.connection import every_page
from clients.cli.failures import ExitCode
from clients.cli.session import Session
from shared.errors import BallastError, DeadlineExceeded, NotFound, Unavailable

KEEPERS = ("intake", "triage", "allocation")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Answers(Generic[Answer]):
    """What services answered, and why others did not, each by service."""

    found: Mapping[str, Answer]
    away: Mapping[str, BallastError]

    def told(self, session: Session) -> ExitCode:
        """Says which services are missing from what was answered; returns the exit code."""
        for error in self.away.values():
            session.output.note(f"not complete: {error.message}")
        return ExitCode.AWAY if self.away else ExitCode.OK


@dataclass(frozen=True, slots=True)
class Kept:
    """An amendment, and the service that keeps it."""

    service: str
    amendment: amendment_pb2.Amendment


async def ask(session: Session, call: Callable[[str], Awaitable[Answer]]) -> Answers[Answer]:
    """Calls every service that keeps documents. Raises what one refuses, and Unavailable where none answers."""

    async def one(service: str) -> tuple[Answer | None, BallastError | None]:
        try:
            return await call(service), None
        except (Unavailable, DeadlineExceeded) as error:
            return None, session.connection.explained(error, service)

    asked = dict(zip(KEEPERS, await asyncio.gather(*(one(each) for each in KEEPERS)), strict=True))
    away = {service: error for service, (_, error) in asked.items() if error is not None}
    if len(away) == len(KEEPERS):
        raise Unavailable("none of them answers")
    return Answers({service: answer for service, (answer, _) in asked.items() if service not in away}, away)  # type: ignore[misc]


async def ask_documents(session: Session) -> Answers[pb.ListDocumentsResponse]:
    async def call(service: str) -> pb.ListDocumentsResponse:
        return await every_page(session.connection.amendments(service).ListDocuments, pb.ListDocumentsRequest(), "documents", 0)

    return await ask(session, call)


async def find_document(session: Session, name: str) -> tuple[str, amendment_pb2.Document]:
    """Returns the service that keeps the document, and what it says of it, or of another of the same collection.

    Raises NotFound where no service knows it, and Unavailable where one that may is away.
    """
    answers = await ask_documents(session)
    listed = [(service, each) for service, response in answers.found.items() for each in response.documents]
    for service, each in listed:
        if each.name == name:
            return service, each
    collection, slash, _ = name.partition("/")
    for service, each in listed:
        if slash and each.name.startswith(f"{collection}/"):
            return service, each
    raise _unknown(name, answers, f"there are {', '.join(each.name for _, each in listed)}", "DOCUMENT_UNKNOWN")


async def find_amendment(session: Session, name: str) -> Kept:
    """Raises NotFound where no service knows it, and Unavailable where one that may is away."""

    async def call(service: str) -> amendment_pb2.Amendment | None:
        try:
            return (await session.connection.amendments(service).GetAmendment(pb.GetAmendmentRequest(name=name))).amendment
        except NotFound:
            return None

    answers = await ask(session, call)
    for service, found in answers.found.items():
        if found is not None:
            return Kept(service, found)
    raise _unknown(name, answers, "ballast amendments list shows those there are", "AMENDMENT_NOT_FOUND")


async def ask_amendments(session: Session, request: pb.ListAmendmentsRequest, limit: int) -> Answers[pb.ListAmendmentsResponse]:
    async def call(service: str) -> pb.ListAmendmentsResponse:
        return await every_page(session.connection.amendments(service).ListAmendments, request, "amendments", limit)

    return await ask(session, call)


def newest_of(answers: Answers[pb.ListAmendmentsResponse], limit: int) -> tuple[list[Kept], bool]:
    """Returns the amendments of all services, newest first, at most so many (all when zero), and whether there are more."""
    kept = [Kept(service, each) for service, response in answers.found.items() for each in response.amendments]
    kept.sort(key=lambda each: each.amendment.create_time.ToNanoseconds(), reverse=True)
    more = any(response.next_page_token for response in answers.found.values()) or bool(limit and len(kept) > limit)
    return kept[: limit or None], more


def _unknown(name: str, answers: Answers[Answer], known: str, reason: str) -> BallastError:
    message = f"{name} is known to none of {', '.join(answers.found)}; {known}"
    if not answers.away:
        return NotFound(message, reason=reason)
    return Unavailable("; ".join([message, *(error.message for error in answers.away.values())]), reason="KEEPER_AWAY")
