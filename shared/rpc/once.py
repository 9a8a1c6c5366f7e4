"""Idempotent mutations: a servicer's method marked `once` answers a repeated request_id with its first answer."""

import functools
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol, TypeVar
from uuid import UUID

from google.protobuf.message import Message

from shared.principal import current_principal_name
from shared.progress import Tell, told
from shared.rpc.native import usual_message
from shared.storage.database import Database
from shared.storage.requests import RequestKey
from shared.storage.requests import once as answer_once

Response = TypeVar("Response", bound=Message)


class HasDatabase(Protocol):
    """A servicer whose mutations are in one database."""

    database: Database


Handler = Callable[[Any, Any, Any], Awaitable[Response]]


def request_key(request: Any, method: str) -> RequestKey | None:
    """Returns what identifies this call when repeated; None where the caller gave no request_id."""
    if not request.request_id:
        return None
    return RequestKey(UUID(request.request_id), method, _digest(request))


def by_caller(content: bytes) -> bytes:
    """Returns the digest of what the caller asks for: what one caller was answered is no answer to anybody else."""
    return hashlib.sha256(current_principal_name().encode() + b"\0" + content).digest()


def _digest(request: Any) -> bytes:
    """Returns what tells one call from another.

    Not that of the bytes as they came, which would be cheaper: some libraries write a map in another order each time, and then a
    repetition of the same request would be refused as another one.
    """
    return by_caller(usual_message(request).SerializeToString(deterministic=True))


def once(response: type[Response], *, counted: bool = False) -> Callable[[Handler[Response]], Handler[Response]]:
    """Runs the method in one transaction with the record of its answer, and with an event that tells of it if it recorded none itself.

    Without a request_id no answer is kept. With `validate_only` in the request nothing is recorded: nothing was changed, and the next
    call may be the real one. `counted` is for measurements that come without end: the access log counts them, no event tells of each.
    """

    def mark(method: Handler[Response]) -> Handler[Response]:
        @functools.wraps(method)
        async def answer(self: HasDatabase, request: Any, context: Any) -> Response:
            if getattr(request, "validate_only", False):
                return await method(self, request, context)

            async def run() -> Response:
                found = await method(self, request, context)
                if self.database.witness is not None and not counted:
                    await self.database.witness(request, found)
                return found

            async def run_to_keep() -> bytes:
                return (await run()).SerializeToString()

            if request.request_id:
                kept = await answer_once(self.database, request.request_id, method.__qualname__, _digest(request), run_to_keep)
                return response.FromString(kept)
            if counted:
                return await run()
            async with self.database.transaction():
                return await run()

        answer.is_witnessed = not counted  # type: ignore[attr-defined]  # for whoever looks whether every mutation is told of
        return answer

    return mark


Telling = Callable[[Any, Any, Any, Tell[Response]], Awaitable[Response]]


def once_told(response: type[Response]) -> Callable[[Telling[Response]], Callable[[Any, Any, Any], AsyncIterator[Response]]]:
    """The same for a method that streams how far it is by calling `tell`, and returns the last answer: that one is kept.

    A repetition is answered with that alone.
    """

    def mark(method: Telling[Response]) -> Callable[[Any, Any, Any], AsyncIterator[Response]]:
        @functools.wraps(method)
        def answer(self: Any, request: Any, context: Any) -> AsyncIterator[Response]:
            async def work(tell: Tell[Response]) -> Response:
                @once(response)
                @functools.wraps(method)
                async def whole(self: Any, request: Any, context: Any) -> Response:
                    return await method(self, request, context, tell)

                return await whole(self, request, context)

            return told(work)

        answer.is_witnessed = True  # type: ignore[attr-defined]  # as above
        return answer

    return mark
