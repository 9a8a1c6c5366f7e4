"""Following a stream of a server for as long as one likes: a lost connection is taken up again at the very place."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import Any, TypeVar

from shared.errors import BallastError, InvalidInput, PermissionDenied, Unauthenticated

Answer = TypeVar("Answer", bound=Any)  # a message with a resume_token

_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 5.0
# What another try would meet again.
_FINAL = (InvalidInput, Unauthenticated, PermissionDenied)


async def follow(
    watch: Callable[[str], AsyncIterable[Answer]], field: str, resume_token: str, tell: Callable[[str], None]
) -> AsyncIterator[Answer]:
    """Yields answers that carry `field`, without end; `watch` opens the stream after a resume token.

    `tell` hears when the connection is lost and when it is back.

    Raises what the first connection raises: a server that was never there is no lost connection.
    """
    token, connected, lost, wait = resume_token, False, False, _FIRST_WAIT_SECONDS
    while True:
        try:
            async for response in watch(token):
                if lost:
                    tell("connection is back; going on where it was lost")
                connected, lost, wait = True, False, _FIRST_WAIT_SECONDS
                token = response.resume_token
                if response.HasField(field):
                    yield response
            reason = "the server ended the stream"
        except _FINAL:
            raise
        except BallastError as error:
            if not connected:
                raise
            reason = error.message
        if not lost:
            tell(f"connection lost ({reason}); trying again until Ctrl-C, from resume token {token}")
        lost = True
        await asyncio.sleep(wait)
        wait = min(2 * wait, _LONGEST_WAIT_SECONDS)
