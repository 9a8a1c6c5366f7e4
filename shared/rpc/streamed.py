"""What a caller streams, as its handler reads it: checked message by message, no faster than asked for, and ended when the server stops."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from shared.errors import Unavailable
from shared.rpc.method import Method

Check = Callable[[Method, Any], None]  # sees a message of the caller; raises to refuse it


class StreamEnded(Unavailable):
    reason = "STREAM_ENDED"

    def __init__(self) -> None:
        super().__init__("this server stops: call again, and send what was not answered once more")


class Requests:
    """The messages of a caller that streams, each checked before the handler sees it; the next is read when it is asked for.

    No generator: one that a handler leaves in the middle is closed later, by another task.
    """

    def __init__(self, messages: AsyncIterator[Any], method: Method, check: Check) -> None:
        self._messages = messages
        self._next: Callable[[], Awaitable[Any]] | None = None  # made by the first read: gRPC's iterator complains when none follows
        self._method = method
        self._check = check
        self._reader: asyncio.Task[Any] | None = None
        self._cancelling = 0
        self.was_ended = False  # by us, whatever the caller had still to say

    def __aiter__(self) -> "Requests":
        return self

    async def __anext__(self) -> Any:
        if self.was_ended:
            raise StopAsyncIteration
        if self._next is None:
            self._next = aiter(self._messages).__anext__
        self._reader = reader = asyncio.current_task()
        try:
            message = await self._next()
        except asyncio.CancelledError:
            if not self.was_ended or (reader is not None and reader.uncancel() > self._cancelling):
                raise
            raise StopAsyncIteration from None
        finally:
            self._reader = None
        self._check(self._method, message)
        return message

    def end(self) -> None:
        """Lets whoever reads see the end, now or at the next read."""
        self.was_ended = True
        if self._reader is not None:
            self._cancelling = self._reader.cancelling()
            self._reader.cancel()
