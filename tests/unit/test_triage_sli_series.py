"""Samples into minutes: counters, resets, late and doubled samples, and slices of time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.triage.domain.sli_series import LATE, Point, Refusal, Sample, accumulate, fault_of, minute_of, summed, take
from services.triage.domain.slo import BudgetingMethod, Indicator, Objective, RollingWindow, Slo
from services.triage.domain.time_slice import Slicing, slice_points, slicings_of

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
FIRST = minute_of(START)


def sample(minute: float, good: float, total: float, *, is_reset: bool = False, source: str = "a") -> Sample:
    return Sample("slos/a", source, START + timedelta(minutes=minute), good, total, is_reset)


def folded(samples: Sequence[Sample], *, is_counter: bool = True) -> list[Point]:
    """Returns the points after taking the samples one by one, in the order given."""
    held: list[Sample] = []
    points: dict[int, Point] = {}
    for each in samples:
        gains = take(held, each, is_counter=is_counter)
        assert not isinstance(gains, Refusal), gains
        if gains:
            points |= {made.minute: made for made in accumulate(list(points.values()), summed(gains))}
            held = sorted([*held, each], key=lambda one: one.at)
    return sorted(points.values(), key=lambda one: one.minute)


def reason_of(held: list[Sample], late: Sample) -> str:
    refused = take(held, late, is_counter=True)
    assert isinstance(refused, Refusal)
    return refused.reason


@st.composite
def counters(draw: st.DrawFn) -> list[Sample]:
    """Draws the samples of a counter that rises, by time."""
    steps = draw(st.lists(st.tuples(st.integers(1, 200), st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=12))
    found, seconds, good, total = [], 0, 0, 0
    for wait, more, bad in steps:
        seconds, good, total = seconds + wait, good + more, total + more + bad
        found.append(sample(seconds / 60, good, total))
    return found


@given(counters(), st.data())
def test_order_and_doubling_of_samples_do_not_matter(samples: list[Sample], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(samples + data.draw(st.lists(st.sampled_from(samples), max_size=5))))
    # A minute without a gain may have no point of its own: what matters is what stands at the end of every minute.
    ordered = {each.minute: each for each in folded(samples)}
    mixed = {each.minute: each for each in folded(shuffled)}
    assert mixed == ordered
    last = folded(samples)[-1]
    assert (last.good, last.total) == (samples[-1].good - samples[0].good, samples[-1].total - samples[0].total)


@given(
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 9), st.integers(0, 9)), min_size=1, unique_by=lambda each: each[0]), st.data()
)
def test_counts_since_the_last_sample_add_up_in_any_order(parts: list[tuple[int, int, int]], data: st.DataObject) -> None:
    samples = [sample(second / 60, good, good + bad) for second, good, bad in parts]
    shuffled = data.draw(st.permutations(samples))
    assert folded(shuffled, is_counter=False) == folded(samples, is_counter=False)


def test_the_first_sample_of_a_counter_only_says_where_it_stands() -> None:
    assert folded([sample(0, 900, 1_000), sample(1, 950, 1_060)]) == [Point(FIRST, 0, 0), Point(FIRST + 1, 50, 60)]


def test_a_marked_reset_counts_from_zero() -> None:
    found = folded([sample(0, 900, 1_000), sample(1, 10, 12, is_reset=True), sample(2, 15, 17)])
    assert found[-1] == Point(FIRST + 2, 15, 17)


def test_a_counter_that_falls_is_refused_unless_it_says_that_it_was_reset() -> None:
    assert reason_of([sample(0, 90, 100)], sample(1, 90, 99)) == "COUNTER_FELL"
    assert reason_of([sample(1, 90, 100)], sample(0, 90, 101)) == "COUNTER_FELL"
    assert reason_of([sample(0, 90, 100)], sample(1, 95, 101)) == "COUNTER_FELL"


def test_a_sample_held_already_adds_nothing_and_another_for_the_same_time_is_refused() -> None:
    assert take([sample(0, 9, 10)], sample(0, 9, 10), is_counter=True) == []
    assert reason_of([sample(0, 9, 10)], sample(0, 8, 10)) == "SAMPLE_DIFFERS"


@pytest.mark.parametrize(
    ("given_sample", "reason"),
    [
        (sample(0, -1, 5), "SAMPLE_INVALID"),
        (sample(0, float("nan"), 5), "SAMPLE_INVALID"),
        (sample(0, 1, float("inf")), "SAMPLE_INVALID"),
        (sample(0, 6, 5), "SAMPLE_INVALID"),
        (sample(11, 1, 5), "SAMPLE_IN_FUTURE"),
        (sample(-61, 1, 5), "SAMPLE_TOO_LATE"),
    ],
)
def test_a_sample_that_cannot_be_is_refused_with_its_reason(given_sample: Sample, reason: str) -> None:
    refused = fault_of(given_sample, FIRST, START)
    assert refused is not None
    assert refused.reason == reason


def test_a_sample_as_late_as_may_be_is_taken() -> None:
    assert fault_of(sample(-(LATE / timedelta(minutes=1)), 1, 5), FIRST, START) is None


# Slices.


def points(*rows: tuple[int, float, float]) -> list[Point]:
    return [Point(FIRST + minute, good, total) for minute, good, total in rows]


def test_a_slice_is_good_from_its_own_target_on_and_one_without_events_is_left_out() -> None:
    assert FIRST % 5 == 0
    events = points((0, 9, 10), (4, 18, 20), (5, 20, 30), (17, 29, 40))
    found = slice_points(events, None, Slicing(5, 0.9), FIRST)
    # Slices of 18/20, 2/10, none, 9/10.
    assert found == points((4, 1, 1), (9, 1, 2), (19, 2, 3))
    last = slice_points(events, None, Slicing(5, None), FIRST)[-1]
    assert (last.minute, round(last.good, 9), last.total) == (FIRST + 19, 2.0, 3)


def test_slices_worked_out_again_from_one_on_are_those_worked_out_at_once() -> None:
    events = points(*((minute, 3 * minute, 4 * minute) for minute in range(1, 40)))
    whole = slice_points(events, None, Slicing(5, 0.75), FIRST)
    begin = FIRST + 17 - (FIRST + 17) % 5
    again = slice_points(
        [each for each in events if each.minute >= begin - 1],
        [each for each in whole if each.minute < begin][-1],
        Slicing(5, 0.75),
        FIRST + 17,
    )
    assert again == [each for each in whole if each.minute >= begin]


def test_a_slice_that_lost_its_events_to_a_late_sample_counts_no_more() -> None:
    early, late = points((0, 0, 0), (12, 9, 10)), points((0, 0, 0), (7, 9, 10), (12, 9, 10))
    assert slice_points(early, None, Slicing(5, 0.9), FIRST)[-1].total == 1
    assert slice_points(late, None, Slicing(5, 0.9), FIRST)[1:] == points((9, 1, 1), (14, 1, 1))


def test_objectives_that_slice_alike_share_a_series() -> None:
    fifths = [Objective(target, slice_length=timedelta(minutes=5), slice_target=0.9) for target in (0.99, 0.999)]
    slo = Slo("slos/a", "components/a", BudgetingMethod.TIMESLICES, RollingWindow(timedelta(days=30)), tuple(fifths), Indicator())
    assert slicings_of(slo) == (Slicing(5, 0.9),)
