"""Group commit: calls that come together share one transaction, and with it one wait for the disk; nobody's flood holds up others."""

import asyncio
import contextvars
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Generic, TypeVar

from shared.errors import Exhausted
from shared.storage.failure import is_connection_failure

Item = TypeVar("Item")
Answer = TypeVar("Answer")

_SHORTEST_WAIT = timedelta(milliseconds=200)
_LONGEST_WAIT = timedelta(seconds=30)

# Callers that were answered together mostly call again together.
_LONGEST_GATHERING = 0.005  # seconds
# Small items wait for the group under way rather than make one of their own beside it, but not for longer than this.
_LONGEST_BESIDE = 0.05  # seconds


class Overloaded(Exhausted):
    """More waits than may; nothing of what was submitted was taken."""

    reason = "OVERLOADED"


class GroupCommit(Generic[Item, Answer]):
    """Runs items in groups: while a group is under way, what comes waits and forms the next one; nothing waits on an idle system.

    A transaction costs much the same for one item as for fifty, so groups are kept few: another begins beside the one under way only
    for a quarter of what a group may weigh, or what has waited for 50 ms; and after a light group of several callers the next waits as
    long as that took, 5 ms at most, for more of them to come.

    `run` applies a group in one transaction and returns an answer, or an exception, for each item. When it raises, the items are
    tried one by one, so that one that cannot be stored does not take its neighbours with it.

    A group belongs to none of its callers: `run` sees neither who calls nor what transaction a caller is in. Who is in one has to apply
    its item within that: it would else hold a connection while it waits for others to get one.

    Items wait in lanes, one for each `lane` a caller names, and groups take from the lanes in turn. At most `most_waiting` weight waits,
    and no lane may take more of that than it leaves free: one alone half of it, each of two a third, each of n an (n + 1)th. So a lane
    that has little waiting always finds room, however many flood.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Awaitable[Sequence[Answer | Exception]]],
        weight: Callable[[Item], int],
        *,
        most_weight: int = 500,
        workers: int = 2,
        most_waiting: int = 50_000,
    ) -> None:
        self._run = run
        self._weight = weight
        self._most_weight = most_weight
        self.most_waiting = most_waiting
        self._lanes: dict[str, deque[tuple[Item, asyncio.Future[Answer]]]] = {}
        self._weights: dict[str, int] = {}
        self.waiting = 0  # weight
        self._count = 0  # items that wait
        self.shed: dict[str, int] = {}  # weight refused, by lane
        self._workers = workers
        self._idle = workers
        self._beside: asyncio.TimerHandle | None = None
        self._back: tuple[int, asyncio.Future[None]] | None = None  # how many are to be back, and who waits for that
        self._tasks: set[asyncio.Task[None]] = set()
        self._per_second = 0.0  # weight taken, smoothed

    async def submit(self, item: Item, lane: str = "") -> Answer:
        """Returns the item's answer once its group's transaction has committed, or raises its error, or Overloaded.

        A caller that gives up while it waits leaves its item to be applied or not, as with any lost answer.
        """
        weight = self._weight(item)
        self._admit(lane, weight)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._lanes.setdefault(lane, deque()).append((item, future))
        self._weights[lane] = self._weights.get(lane, 0) + weight
        self.waiting += weight
        self._count += 1
        self._begin()
        return await future

    def waiting_of(self) -> dict[str, int]:
        """Returns the weight that waits in each lane."""
        return dict(self._weights)

    def _admit(self, lane: str, weight: int) -> None:
        held = self._weights.get(lane, 0)
        if not self.waiting or held + weight <= self.most_waiting - self.waiting - weight:
            return
        if len(self.shed) < 10_000 or lane in self.shed:  # lanes are named by callers
            self.shed[lane] = self.shed.get(lane, 0) + weight
        wait = timedelta(seconds=self.waiting / self._per_second) if self._per_second else _SHORTEST_WAIT
        raise Overloaded(
            f"{self.waiting:,} items wait for storage, {held:,} of them from this sender; nothing was taken: send this again later",
            retry_after=min(max(wait, _SHORTEST_WAIT), _LONGEST_WAIT),
        )

    def _begin(self) -> None:
        """Has what waits taken: at once when nothing is under way or it is much, else by the group under way or a little later."""
        if self._back is not None and self._count >= self._back[0] and not self._back[1].done():
            self._back[1].set_result(None)
        if not self._idle:
            return
        if self._idle == self._workers or self.waiting >= self._most_weight // 4:
            self._start()
        elif self._beside is None:
            self._beside = asyncio.get_running_loop().call_later(_LONGEST_BESIDE, self._start_beside)

    def _start_beside(self) -> None:
        self._beside = None
        if self._idle and self._lanes:
            self._start()

    def _start(self) -> None:
        self._idle -= 1
        # In a context of its own: in that of the caller who happens to begin it, groups would join that one's transaction.
        task = asyncio.get_running_loop().create_task(self._work(), context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self) -> None:
        try:
            while self._lanes:
                begin = time.monotonic()
                group, weight = self._take()
                await self._apply(group)
                took = max(time.monotonic() - begin, 0.0001)
                self._per_second = weight / took if not self._per_second else 0.8 * self._per_second + 0.2 * weight / took
                if len(group) > 1 and weight < self._most_weight // 4 and self._back is None:
                    await self._gather(2 * len(group), min(took, _LONGEST_GATHERING))
        finally:
            self._idle += 1

    async def _gather(self, count: int, seconds: float) -> None:
        """Waits until so many items wait, but no longer than this."""
        back = asyncio.get_running_loop().create_future()
        self._back = count, back
        try:
            if self._count < count:
                await asyncio.wait((back,), timeout=seconds)
        finally:
            self._back = None

    def _take(self) -> tuple[list[tuple[Item, asyncio.Future[Answer]]], int]:
        """Takes one item from each lane in turn until the group is full."""
        group: list[tuple[Item, asyncio.Future[Answer]]] = []
        total = 0
        while self._lanes:
            lane = next(iter(self._lanes))
            waiting = self._lanes[lane]
            weight = self._weight(waiting[0][0])
            if group and total + weight > self._most_weight:
                break
            pair = waiting.popleft()
            self._count -= 1
            self._settle(lane, weight)
            if not pair[1].cancelled():
                group.append(pair)
                total += weight
        return group, total

    def _settle(self, lane: str, weight: int) -> None:
        """Notes that this much left the lane, and lets the next lane come first."""
        self.waiting -= weight
        self._weights[lane] -= weight
        waiting = self._lanes.pop(lane)
        if waiting:
            self._lanes[lane] = waiting
        else:
            del self._weights[lane]

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
