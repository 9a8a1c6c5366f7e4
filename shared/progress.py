"""Work that tells how far it is, read as a stream that ends with its result."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

State = TypeVar("State")
Tell = Callable[[State], None]


async def told(work: Callable[[Tell[State]], Awaitable[State]]) -> AsyncIterator[State]:
    """Yields what `work` tells, and at the end what it returns; raises what it raises.

    To a slow reader only the newest is yielded, so that work never waits for whoever watches it. It is cancelled when the reader leaves.
    """
    newest: list[State] = []
    came = asyncio.Event()

    def tell(state: State) -> None:
        newest[:] = [state]
        came.set()

    task = asyncio.ensure_future(work(tell))
    task.add_done_callback(lambda _: came.set())
    try:
        while newest or not task.done():
            await came.wait()
            came.clear()
            if newest:
                yield newest.pop()
        yield task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
