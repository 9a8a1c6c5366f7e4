"""Gathering: questions that come while another is under way are asked together, so that the busier it is, the less each one costs."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Key = TypeVar("Key")
Answer = TypeVar("Answer")

_MOST_TOGETHER = 500


class Gathering(Generic[Key, Answer]):
    """Asks about many keys at once. No answer is older than its question: who asks while the same is asked waits for the next turn.

    `answer` gets keys that differ and returns as many answers, in their order; what it raises, each of these callers gets. It belongs to
    none of them: it sees neither who calls nor what transaction a caller is in.
    """

    def __init__(self, answer: Callable[[Sequence[Key]], Awaitable[Sequence[Answer]]]) -> None:
        self._answer = answer
        self._waiting: dict[Key, list[asyncio.Future[Answer]]] = {}
        self._task: asyncio.Task[None] | None = None

    def ask(self, key: Key) -> "asyncio.Future[Answer]":
        """Returns what is to be awaited; who gives up leaves the others their answers."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        self._waiting.setdefault(key, []).append(future)
        if self._task is None:
            self._task = loop.create_task(self._run(), context=contextvars.Context())
        return future

    async def _run(self) -> None:
        try:
            while self._waiting:
                keys = list(self._waiting)[:_MOST_TOGETHER]
                asked = [self._waiting.pop(key) for key in keys]
                try:
                    answers = await self._answer(keys)
                except Exception as error:  # noqa: BLE001 - it is theirs who asked
                    _settle(asked, error)
                else:
                    for futures, answer in zip(asked, answers, strict=True):
                        _settle([futures], answer)
        finally:
            self._task = None


def _settle(asked: "Sequence[list[asyncio.Future[Answer]]]", answer: Answer | Exception) -> None:
    for future in (each for futures in asked for each in futures if not each.done()):
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
