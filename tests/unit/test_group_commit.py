"""Group commit: what waits together is applied together, and each gets its own answer."""

import asyncio
import contextvars
from collections.abc import Sequence
from datetime import timedelta

import pytest

from shared.storage.group_commit import GroupCommit, Overloaded
from tests.support.waiting import until


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


async def test_a_group_runs_in_the_context_of_none_of_its_callers() -> None:
    caller: contextvars.ContextVar[str] = contextvars.ContextVar("caller", default="nobody")

    async def run(group: Sequence[str]) -> list[str]:
        return [caller.get() for _ in group]

    caller.set("ada")
    assert await GroupCommit(run, len).submit("a") == "nobody"


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


async def test_as_many_groups_as_there_are_workers_are_under_way_when_what_waits_is_much() -> None:
    store = Store()
    commit = commits(store, workers=3)
    items = [letter * 30 for letter in "abcde"]
    calls = []
    for item in items:
        calls.append(asyncio.ensure_future(commit.submit(item)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    store.open.set()
    await asyncio.gather(*calls)
    assert sorted(store.groups) == [items[0:1], items[1:2], items[2:3], items[3:5]]


async def test_a_light_item_waits_for_the_group_under_way_but_not_for_long() -> None:
    store = Store()
    commit = commits(store, workers=2)
    calls = [asyncio.ensure_future(commit.submit("a"))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    calls += [asyncio.ensure_future(commit.submit(item)) for item in "bc"]
    await asyncio.sleep(0)
    assert commit.waiting == 2
    await until(lambda: commit.waiting == 0, 5)  # though the first group is stuck
    store.open.set()
    assert await asyncio.gather(*calls) == list("ABC")
    assert sorted(store.groups) == [["a"], ["b", "c"]]


async def test_callers_that_come_back_together_share_their_next_group() -> None:
    store = Store()
    commit = commits(store)
    calls = [asyncio.ensure_future(commit.submit(item)) for item in "abc"]
    await asyncio.sleep(0.02)  # for long, so that what follows is long enough for a crowded machine
    store.open.set()

    async def again(call: "asyncio.Future[str]", number: int) -> str:
        await call
        await asyncio.sleep(0.001 * number)
        return await commit.submit("def"[number])

    await asyncio.gather(*(again(call, number) for number, call in enumerate(calls)))
    assert store.groups == [["a", "b", "c"], ["d", "e", "f"]]


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


# Lanes: whoever floods waits for himself.


async def _tell(commit: GroupCommit[str, str], *items: tuple[str, str]) -> "list[asyncio.Task[str]]":
    """Submits (item, lane) pairs one after the other; the first is taken at once, the others wait for the store to open."""
    calls = []
    for item, lane in items:
        calls.append(asyncio.create_task(commit.submit(item, lane)))
        for _ in range(3):
            await asyncio.sleep(0)
    return calls


async def test_a_flood_in_one_lane_delays_another_lane_by_no_more_than_a_group() -> None:
    store = Store()
    commit = commits(store, most=10)
    flood = await _tell(commit, *((f"{number:04}", "flood") for number in range(1000)))
    single = await _tell(commit, ("single", "calm"))
    store.open.set()
    assert await single[0] == "SINGLE"
    place = next(index for index, group in enumerate(store.groups) if "single" in group)
    assert place <= 2  # after the one under way, and at most one more
    await asyncio.gather(*flood)


async def test_a_lane_keeps_the_order_in_which_its_items_came() -> None:
    store = Store()
    commit = commits(store, most=4)
    items = [(f"{lane}{number}", lane) for number in range(9) for lane in "ab"]
    calls = await _tell(commit, *items)
    store.open.set()
    await asyncio.gather(*calls)
    applied = [item for group in store.groups for item in group]
    for lane in "ab":
        assert [item for item in applied if item.startswith(lane)] == [f"{lane}{number}" for number in range(9)]


async def test_groups_take_from_the_lanes_in_turn() -> None:
    store = Store()
    commit = commits(store, most=6)
    first = await _tell(commit, ("x", "x"))
    calls = await _tell(commit, ("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b"), ("c1", "c"))
    store.open.set()
    await asyncio.gather(*first, *calls)
    assert store.groups == [["x"], ["a1", "b1", "c1"], ["a2", "a3"]]


def _limited(store: Store, most_waiting: int) -> GroupCommit[str, str]:
    return GroupCommit(store.run, len, most_weight=10, workers=1, most_waiting=most_waiting)


async def _refused(commit: GroupCommit[str, str], item: str, lane: str) -> Overloaded:
    """Submits what has to be refused at once, and not to wait for the store."""
    with pytest.raises(Overloaded) as error:
        async with asyncio.timeout(1):
            await commit.submit(item, lane)
    return error.value


async def test_below_half_of_the_limit_one_lane_may_take_all_there_is() -> None:
    store = Store()
    commit = _limited(store, 100)
    calls = await _tell(commit, *((f"{number:02}", "flood") for number in range(25)), ("a", "calm"))
    assert (commit.shed, commit.waiting_of()["calm"]) == ({}, 1)
    store.open.set()
    await asyncio.gather(*calls)


async def test_a_lane_that_would_take_more_than_it_leaves_is_shed_and_others_are_taken() -> None:
    store = Store()
    commit = _limited(store, 100)
    flood = await _tell(commit, *((f"{number:02}", "flood") for number in range(26)), ("aa", "calm"))
    await _refused(commit, "zz", "flood")
    calm = await _tell(commit, *((f"c{number}", "calm") for number in range(8)))
    assert commit.shed == {"flood": 2}
    store.open.set()
    await asyncio.gather(*flood, *calm)
    assert "zz" not in [item for group in store.groups for item in group]
    assert not commit.waiting_of()


@pytest.mark.parametrize("size", [1, 3, 10])
@pytest.mark.parametrize("floods", [1, 2, 12, 40])
async def test_however_many_flood_and_how_a_calm_lane_finds_room(floods: int, size: int) -> None:
    store = Store()
    commit = _limited(store, 100)
    flood = [asyncio.ensure_future(commit.submit("x" * size, str(number % floods))) for number in range(500)]
    await asyncio.sleep(0.01)
    assert commit.waiting <= 100
    assert sum(commit.shed.values()) > 0
    calm = await _tell(commit, ("a", "calm"))
    assert "calm" not in commit.shed
    store.open.set()
    assert await asyncio.gather(*calm) == ["A"]
    await asyncio.gather(*flood, return_exceptions=True)


async def test_at_the_limit_everyone_is_shed_and_told_when_to_come_again() -> None:
    store = Store()
    commit = _limited(store, 100)
    calls = await _tell(commit, *(("x", str(number)) for number in range(100)))
    error = await _refused(commit, "y", "new")
    assert error.reason == "OVERLOADED"
    assert "nothing was taken" in str(error)
    assert error.retry_after is not None
    assert timedelta(milliseconds=200) <= error.retry_after <= timedelta(seconds=30)
    store.open.set()
    await asyncio.gather(*calls)
    assert await commit.submit("y", "new") == "Y"


async def test_an_item_heavier_than_the_limit_is_taken_when_nothing_waits() -> None:
    store = Store()
    store.open.set()
    assert await _limited(store, 10).submit("x" * 50) == "X" * 50


async def test_how_long_to_stay_away_follows_how_fast_the_store_is() -> None:
    store = Store()
    commit = _limited(store, 100)
    commit._per_second = 4.0  # as measured of a slow store
    calls = await _tell(commit, *(("x", str(number)) for number in range(105)))
    assert (await _refused(commit, "y", "new")).retry_after == timedelta(seconds=commit.waiting / 4) > timedelta(seconds=20)
    store.open.set()
    await asyncio.gather(*calls, return_exceptions=True)


async def test_a_flood_leaves_room_for_a_lane_that_has_nothing_waiting_yet() -> None:
    store = Store()
    commit = _limited(store, 100)
    flood = [asyncio.ensure_future(commit.submit(f"{number:02}", "flood")) for number in range(80)]
    await asyncio.sleep(0)
    calm = [asyncio.ensure_future(commit.submit(f"c{number}", "calm")) for number in range(8)]
    await asyncio.sleep(0)
    store.open.set()
    assert {type(each) for each in await asyncio.gather(*flood, return_exceptions=True)} == {str, Overloaded}
    assert {type(each) for each in await asyncio.gather(*calm, return_exceptions=True)} == {str}
