"""Episodes: what a signal's begins and ends make of its life is a function of sets, and of nothing else."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.alert import begun_again
from services.intake.domain.episode import MOST_POINTS, Episode, FlapRule, episodes, is_flapping

ZERO = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
REJOIN = timedelta(seconds=15)
FLAPPING = FlapRule(3, timedelta(seconds=100))
seconds = st.integers(0, 200)


def at(second: float) -> datetime:
    return ZERO + timedelta(seconds=second)


def read(starts: Sequence[int], ends: Sequence[int] = (), rejoin: timedelta = REJOIN) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Returns the episodes as their begins and ends in seconds."""
    return [(_seconds(each.starts), _seconds(each.ends)) for each in episodes(map(at, starts), map(at, ends), rejoin)]


def _seconds(points: Sequence[datetime]) -> tuple[int, ...]:
    return tuple(round((each - ZERO).total_seconds()) for each in points)


def life(*points: tuple[int, int | None]) -> Episode:
    """Builds an episode of these begins and ends."""
    return Episode(tuple(at(begin) for begin, _ in points), tuple(at(end) for _, end in points if end is not None))


@given(st.lists(seconds, max_size=12), st.lists(seconds, max_size=12), st.data())
def test_neither_order_nor_repetition_of_what_is_told_matters(starts: list[int], ends: list[int], data: st.DataObject) -> None:
    doubled_starts = data.draw(st.permutations(starts + starts[: len(starts) // 2]))
    doubled_ends = data.draw(st.permutations(ends + ends[: len(ends) // 2]))
    assert read(doubled_starts, doubled_ends) == read(starts, ends)


@given(st.sets(seconds, min_size=1, max_size=12), st.sets(seconds, max_size=12))
def test_every_begin_is_in_one_episode_and_no_two_episodes_overlap(starts: set[int], ends: set[int]) -> None:
    found = read(sorted(starts), sorted(ends))
    assert sorted(begin for begins, _ in found for begin in begins) == sorted(starts)
    for (begins, over), (later, _) in itertools.pairwise(found):
        assert max(begins) <= max(over)
        assert later[0] - max(over) > REJOIN.seconds


@given(st.sets(seconds, min_size=1, max_size=12), st.sets(seconds, max_size=12))
def test_reading_the_points_of_episodes_again_finds_the_same_episodes(starts: set[int], ends: set[int]) -> None:
    found = read(sorted(starts), sorted(ends))
    assert read([each for begins, _ in found for each in begins], [each for _, over in found for each in over]) == found


@given(st.sets(seconds, min_size=1, max_size=6), st.sets(seconds, max_size=6))
def test_only_the_last_episode_can_still_fire(starts: set[int], ends: set[int]) -> None:
    found = episodes(map(at, starts), map(at, ends), REJOIN)
    assert not any(each.is_firing for each in found[:-1])
    assert found[-1].is_firing == (not ends or max(starts) > max(ends))


def test_replicas_that_differ_by_seconds_tell_of_one_episode() -> None:
    assert read([100, 102], [160, 163]) == [((100, 102), (160, 163))]


def test_an_episode_lasts_from_its_first_begin_to_its_last_end() -> None:
    only = episodes([at(100), at(102)], [at(163), at(160)], REJOIN)[0]
    assert (only.starts_at, only.ends_at, only.is_firing, only.refired_count) == (at(100), at(163), False, 0)


def test_an_end_told_before_its_firing_ends_it() -> None:
    assert read([100], [160]) == [((100,), (160,))]


def test_an_end_before_the_first_begin_belongs_to_nothing() -> None:
    assert read([100], [50]) == [((100,), ())]
    assert read([], [50]) == []


def test_an_end_at_the_moment_of_a_begin_ends_it() -> None:
    only = episodes([at(100)], [at(100)], REJOIN)[0]
    assert (only.is_firing, only.ends_at) == (False, at(100))


def test_a_begin_at_the_moment_of_an_end_begins_nothing_new() -> None:
    assert read([100, 160], [160]) == [((100, 160), (160,))]


@pytest.mark.parametrize(("again", "count"), [(160, 1), (175, 1), (176, 2)])
def test_a_begin_within_the_rejoin_time_goes_on_with_the_same_episode(again: int, count: int) -> None:
    assert len(read([100, again], [160])) == count


def test_without_a_rejoin_time_any_later_begin_is_another_episode() -> None:
    assert read([100, 161], [160], timedelta(0)) == [((100,), (160,)), ((161,), ())]


def test_a_late_end_parts_two_begins_that_seemed_to_be_one_firing() -> None:
    assert read([100, 200]) == [((100, 200), ())]
    assert read([100, 200], [150]) == [((100,), (150,)), ((200,), ())]


def test_a_begin_told_while_it_fires_again_goes_on_however_long_after_the_end_that_was_taken_back() -> None:
    assert read([100, 170, 900], [160]) == [((100, 170, 900), (160,))]


def test_an_episode_counts_how_often_it_was_taken_back() -> None:
    only = episodes(map(at, [0, 10, 30]), map(at, [5, 20, 40]), REJOIN)[0]
    assert only.refired_count == 2


def test_an_end_that_two_replicas_tell_is_taken_back_once() -> None:
    only = episodes(map(at, [0, 10]), map(at, [5, 6]), REJOIN)[0]
    assert only.refired_count == 1


def test_of_very_many_points_the_first_and_the_last_are_kept() -> None:
    starts, ends = list(range(0, 1000, 10)), list(range(5, 1005, 10))
    only = episodes(map(at, starts), map(at, ends), REJOIN)[0]
    assert len(only.starts) == len(only.ends) == MOST_POINTS
    assert (only.starts[0], only.starts[-1], only.ends[-1]) == (at(0), at(990), at(995))


def test_an_alert_that_begins_again_and_again_keeps_as_few_points() -> None:
    held = life((0, None))
    for second in range(1, 200):
        held = begun_again(held, at(second))
    assert len(held.starts) == MOST_POINTS
    assert (held.starts[0], held.starts[-1]) == (at(0), at(199))


def test_a_signal_flaps_from_the_stated_number_of_new_begins_on() -> None:
    lives = [life((0, 10), (20, 30)), life((50, 60))]
    assert not is_flapping(lives, at(100), FLAPPING)
    assert is_flapping([*lives, life((80, None))], at(100), FLAPPING)


def test_a_signal_flaps_while_its_ends_lie_within_the_window() -> None:
    lives = [life((0, 10)), life((30, 40)), life((60, 70)), life((90, None))]
    assert is_flapping(lives, at(110), FLAPPING)
    assert not is_flapping(lives, at(111), FLAPPING)


def test_ends_told_by_replicas_are_not_counted_as_flaps() -> None:
    replicated = [Episode((at(0), at(1)), (at(10), at(11), at(12), at(13))), life((40, None))]
    assert not is_flapping(replicated, at(50), FlapRule(2, timedelta(seconds=100)))
