"""Work that tells how far it is, as a stream."""

import asyncio
from contextlib import aclosing

import pytest

from shared.progress import Tell, told


async def test_what_is_told_comes_first_and_the_result_last() -> None:
    async def work(tell: Tell[str]) -> str:
        for each in "ab":
            tell(each)
            await asyncio.sleep(0.01)
        return "done"

    assert [each async for each in told(work)] == ["a", "b", "done"]


async def test_a_slow_reader_gets_the_newest_and_never_holds_up_the_work() -> None:
    async def work(tell: Tell[int]) -> int:
        for each in range(1000):
            tell(each)
        return -1

    assert [each async for each in told(work)] == [999, -1]


async def test_what_the_work_raises_reaches_the_reader() -> None:
    async def work(tell: Tell[str]) -> str:
        tell("begun")
        raise ValueError("broken")

    answers = aiter(told(work))
    assert await anext(answers) == "begun"
    with pytest.raises(ValueError, match="broken"):
        await anext(answers)


async def test_a_reader_that_leaves_cancels_the_work() -> None:
    ended = asyncio.Event()

    async def work(tell: Tell[str]) -> str:
        tell("begun")
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        return ""

    async with aclosing(told(work)) as answers:  # type: ignore[type-var]  # an async generator, whatever its annotation
        assert await anext(answers) == "begun"
    assert ended.is_set()
