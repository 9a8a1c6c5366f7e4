"""Questions asked together while another is under way."""

import asyncio
from collections.abc import Sequence

import pytest

from shared.gathering import Gathering


class Desk:
    """Answers with how often it was asked so far; each turn waits until it is let go."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.let_go = asyncio.Event()

    async def answer(self, keys: Sequence[str]) -> list[tuple[str, int]]:
        self.asked.append(list(keys))
        turn = len(self.asked)
        await self.let_go.wait()
        if "bad" in keys:
            raise ValueError("bad")
        return [(key, turn) for key in keys]


async def test_what_comes_while_a_question_is_under_way_is_asked_together_and_each_key_once() -> None:
    desk = Desk()
    gathering = Gathering(desk.answer)
    first = gathering.ask("a")
    await asyncio.sleep(0)
    later = [gathering.ask(key) for key in ("b", "c", "b")]
    desk.let_go.set()
    assert await first == ("a", 1)
    assert await asyncio.gather(*later) == [("b", 2), ("c", 2), ("b", 2)]
    assert desk.asked == [["a"], ["b", "c"]]


async def test_no_answer_is_older_than_its_question() -> None:
    desk = Desk()
    gathering = Gathering(desk.answer)
    first = gathering.ask("a")
    await asyncio.sleep(0)
    again = gathering.ask("a")  # what is under way may have been answered from before
    desk.let_go.set()
    assert (await first, await again) == (("a", 1), ("a", 2))


async def test_a_failure_is_of_those_who_asked_with_it_alone() -> None:
    desk = Desk()
    gathering = Gathering(desk.answer)
    bad = gathering.ask("bad")
    await asyncio.sleep(0)
    good = gathering.ask("good")
    desk.let_go.set()
    with pytest.raises(ValueError, match="bad"):
        await bad
    assert await good == ("good", 2)


async def test_who_gives_up_takes_no_answer_from_others() -> None:
    desk = Desk()
    gathering = Gathering(desk.answer)
    patient, hasty = gathering.ask("a"), gathering.ask("a")
    hasty.cancel()
    desk.let_go.set()
    assert await patient == ("a", 1)
    assert await gathering.ask("b") == ("b", 2)


async def test_more_keys_than_go_together_come_in_turns() -> None:
    desk = Desk()
    gathering = Gathering(desk.answer)
    desk.let_go.set()
    answers = await asyncio.gather(*(gathering.ask(str(number)) for number in range(1100)))
    assert [turn for _, turn in answers] == [1] * 500 + [2] * 500 + [3] * 100
