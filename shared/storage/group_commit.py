"""Group commit: calls that come together share one transaction, and with it one wait for the disk."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from shared.storage.failure import is_connection_failure

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class GroupCommit(Generic[Item, Answer]):
    """Runs items in groups: while some groups are under way, what comes waits and forms the next one; nothing waits on an idle system.

    `run` applies a group in one transaction and returns an answer, or an exception, for each item. When it raises, the items are
    tried one by one, so that one that cannot be stored does not take its neighbours with it.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Awaitable[Sequence[Answer | Exception]]],
        weight: Callable[[Item], int],
        *,
        most_weight: int = 2_000,
        workers: int = 2,
    ) -> None:
        self._run = run
        self._weight = weight
        self._most_weight = most_weight
        self._waiting: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._idle = workers
        self._tasks: set[asyncio.Task[None]] = set()

    async def submit(self, item: Item) -> Answer:
        """Returns the item's answer once its group's transaction has committed, or raises its error.

        A caller that gives up while it waits leaves its item to be applied or not, as with any lost answer.
        """
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._idle:
            self._idle -= 1
            task = asyncio.create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._apply(self._take())
        finally:
            self._idle += 1

    def _take(self) -> list[tuple[Item, asyncio.Future[Answer]]]:
        group: list[tuple[Item, asyncio.Future[Answer]]] = []
        weight = 0
        while self._waiting and (not group or weight + self._weight(self._waiting[0][0]) <= self._most_weight):
            weight += self._weight(self._waiting[0][0])
            group.append(self._waiting.popleft())
        return [pair for pair in group if not pair[1].cancelled()]

    async def _apply(self, group: list[tuple[Item, asyncio.Future[Answer]]]) -> None:
        try:
            answers: Sequence[Answer | Exception] = await self._run([item for item, _ in group]) if group else []
        except Exception as error:  # noqa: BLE001 - every caller of the group gets an answer, whatever went wrong
            if len(group) > 1 and not is_connection_failure(error):
                for pair in group:
                    await self._apply([pair])
                return
            answers = [error] * len(group)
        for (_, future), answer in zip(group, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
