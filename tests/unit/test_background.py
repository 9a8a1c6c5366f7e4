"""Background work: it goes on until it is stopped, comes back when it fails, and is waited for when it ends."""

import asyncio

import pytest

from shared import background
from shared.background import Background
from tests.support.waiting import until


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_RESTART_SECONDS", 0.0)


async def test_work_runs_until_it_is_stopped_and_what_it_does_at_the_end_is_waited_for() -> None:
    told: list[str] = []

    async def work() -> None:
        told.append("began")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            told.append("ended")

    works = Background()
    works.add("work", work)
    works.start()
    await until(lambda: told == ["began"])
    await works.stop()
    assert told == ["began", "ended"]


async def test_work_that_fails_starts_again_and_leaves_its_neighbours_alone() -> None:
    tries: list[int] = []
    neighbours: list[str] = []

    async def fails_twice() -> None:
        tries.append(len(tries))
        if len(tries) < 3:
            raise ZeroDivisionError

    async def neighbour() -> None:
        neighbours.append("began")
        await asyncio.Event().wait()

    works = Background()
    works.add("fails twice", fails_twice)
    works.add("neighbour", neighbour)
    works.start()
    await until(lambda: len(tries) == 3)
    await works.stop()
    assert (tries, neighbours) == ([0, 1, 2], ["began"])


async def test_stopping_what_never_started_does_nothing() -> None:
    works = Background()
    works.add("work", lambda: asyncio.sleep(0))
    await works.stop()
