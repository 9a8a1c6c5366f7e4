"""Following the amendments of several services as one stream."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from ballast.amendments.v1 import amendment_messages_pb2 as pb

from clients.cli.amendment_services import KEEPERS
from clients.cli.feed import follow
from clients.cli.session import Session
from shared.errors import BallastError, invalid_field


@dataclass(frozen=True, slots=True)
class Change:
    """What a service told."""

    service: str
    response: pb.WatchAmendmentsResponse


@dataclass(frozen=True, slots=True)
class Watched:
    """The services to follow, each from a resume token; from the present where that is empty."""

    tokens: Mapping[str, str]

    @classmethod
    def of(cls, service: str, resume_tokens: Sequence[str]) -> "Watched":
        """Reads the options. Raises InvalidInput for a service that keeps no documents, and for a token of one that is not followed."""
        tokens = dict.fromkeys([_keeper("--service", service)] if service else KEEPERS, "")
        for each in resume_tokens:
            name, equals, token = each.partition("=")
            if not equals or _keeper("--resume-token", name) not in tokens:
                raise invalid_field("--resume-token", f"{each!r} is no SERVICE=TOKEN of {', '.join(tokens)}", reason="ARGUMENT_INVALID")
            tokens[name] = token
        return cls(tokens)


async def watch_changes(session: Session, watched: Watched) -> AsyncIterator[Change]:
    """Yields changes of all services as they come, without end. Raises what following one of them raises."""
    told: asyncio.Queue[Change | BallastError] = asyncio.Queue()
    tasks = [asyncio.create_task(_follow(session, service, token, told)) for service, token in watched.tokens.items()]
    try:
        while True:
            each = await told.get()
            if isinstance(each, BallastError):
                raise each
            yield each
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _follow(session: Session, service: str, token: str, told: "asyncio.Queue[Change | BallastError]") -> None:
    def watch_from(resume_token: str) -> AsyncIterable[pb.WatchAmendmentsResponse]:
        return session.connection.amendments(service).WatchAmendments(pb.WatchAmendmentsRequest(resume_token=resume_token))

    def tell(text: str) -> None:
        session.output.note(f"{service}: {text}")

    try:
        async for response in follow(watch_from, "amendment", token, tell):
            await told.put(Change(service, response))
    except BallastError as error:
        await told.put(error)


def _keeper(option: str, service: str) -> str:
    if service not in KEEPERS:
        raise invalid_field(option, f"{service!r} keeps no documents; give one of {', '.join(KEEPERS)}", reason="SERVICE_UNKNOWN")
    return service
