"""Waiting for what other tasks, processes or servers do."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable

SECONDS = 10.0
_POLL_SECONDS = 0.01


async def until(holds: Callable[[], bool | Awaitable[bool]], seconds: float = SECONDS) -> None:
    """Returns once `holds` does; fails when it does not within the time given."""
    async with asyncio.timeout(seconds):
        while True:
            answer = holds()
            if await answer if inspect.isawaitable(answer) else answer:
                return
            await asyncio.sleep(_POLL_SECONDS)
