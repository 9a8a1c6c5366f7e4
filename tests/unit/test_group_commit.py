"""Group commit: what waits together is applied together, and each gets its own answer."""

import asyncio
from collections.abc import Sequence

import pytest

from shared.storage.group_commit import GroupCommit


class Store:
    """Applies groups when it is let, and keeps which it applied; refuses "bad" alone, and groups that hold "poison" as a whole."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.open = asyncio.Event()
        self.away = False

    async def run(self, group: Sequence[str]) -> list[str | Exception]:
        await self.open.wait()
        if self.away:
            raise ConnectionError("the store is away")
        if "poison" in group:
            raise ValueError("poison")
        self.groups.append(list(group))
        return [KeyError(item) if item == "bad" else item.upper() for item in group]


def commits(store: Store, *, most: int = 100, workers: int = 1) -> GroupCommit[str, str]:
    return GroupCommit(store.run, len, most_weight=most, workers=workers)


async def test_on_an_idle_system_nothing_waits() -> None:
    store = Store()
    store.open.set()
    commit = commits(store)
    assert [await commit.submit(item) for item in ("a", "b")] == ["A", "B"]
    assert store.groups == [["a"], ["b"]]


async def test_what_comes_while_a_group_is_under_way_forms_the_next_one() -> None:
    store = Store()
    commit = commits(store)
    calls = [asyncio.ensure_future(commit.submit(item)) for item in "abcd"]
    await asyncio.sleep(0)
    late = [asyncio.ensure_future(commit.submit(item)) for item in "ef"]
    await asyncio.sleep(0)
    store.open.set()
    assert await asyncio.gather(*calls, *late) == list("ABCDEF")
    assert [item for group in store.groups for item in group] == list("abcdef")
    assert len(store.groups) < 6


async def test_as_many_groups_as_there_are_workers_are_under_way() -> None:
    store = Store()
    commit = commits(store, workers=3)
    calls = []
    for item in "abcde":
        calls.append(asyncio.ensure_future(commit.submit(item)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    store.open.set()
    await asyncio.gather(*calls)
    assert sorted(store.groups) == [["a"], ["b"], ["c"], ["d", "e"]]


async def test_a_group_holds_no_more_than_its_weight_but_always_one() -> None:
    store = Store()
    commit = commits(store, most=4)
    calls = [asyncio.ensure_future(commit.submit(item)) for item in ("aa", "bb", "c", "dddddd", "e")]
    await asyncio.sleep(0)
    store.open.set()
    await asyncio.gather(*calls)
    assert store.groups == [["aa", "bb"], ["c"], ["dddddd"], ["e"]]


async def test_each_item_gets_its_own_answer_or_error() -> None:
    store = Store()
    commit = commits(store)
    calls = [asyncio.ensure_future(commit.submit(item)) for item in ("a", "bad", "c")]
    store.open.set()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert (answers[0], answers[2]) == ("A", "C")
    assert isinstance(answers[1], KeyError)
    assert len(store.groups) == 1


async def test_one_that_cannot_be_stored_does_not_take_its_neighbours_with_it() -> None:
    store = Store()
    commit = commits(store)
    calls = [asyncio.ensure_future(commit.submit(item)) for item in ("a", "poison", "c")]
    store.open.set()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert (answers[0], answers[2]) == ("A", "C")
    assert isinstance(answers[1], ValueError)
    assert store.groups == [["a"], ["c"]]


async def test_while_the_store_is_away_all_are_told_so_at_once_and_later_calls_go_on() -> None:
    store = Store()
    store.away = True
    commit = commits(store)
    calls = [asyncio.ensure_future(commit.submit(item)) for item in "abc"]
    store.open.set()
    assert [type(each) for each in await asyncio.gather(*calls, return_exceptions=True)] == [ConnectionError] * 3
    store.away = False
    assert await commit.submit("d") == "D"


async def test_who_gives_up_before_its_group_begins_is_left_out() -> None:
    store = Store()
    commit = commits(store)
    first = asyncio.ensure_future(commit.submit("a"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    patient, hasty = (asyncio.ensure_future(commit.submit(item)) for item in "bc")
    await asyncio.sleep(0)
    hasty.cancel()
    store.open.set()
    assert [await first, await patient] == ["A", "B"]
    with pytest.raises(asyncio.CancelledError):
        await hasty
    assert store.groups == [["a"], ["b"]]


async def test_who_gives_up_while_its_group_is_under_way_leaves_the_others_their_answers() -> None:
    store = Store()
    commit = commits(store)
    calls = [asyncio.ensure_future(commit.submit(item)) for item in "abc"]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    calls[1].cancel()
    store.open.set()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert (answers[0], answers[2]) == ("A", "C")
    assert isinstance(answers[1], asyncio.CancelledError)
