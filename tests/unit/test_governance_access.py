"""Calls by the hour: nothing is lost or counted twice, whatever order they come in."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.governance.domain.access import Access, AccessFilter, AccessKey, hourly
from services.governance.domain.errors import TimeRangeEmpty
from tests.conftest import START

_keys = st.builds(AccessKey, *(st.sampled_from(values) for values in (["/s"], ["ada", "bo"], ["x.v1.X/Get"], ["OK"], [""], [""])))


@st.composite
def accesses(draw: st.DrawFn) -> Access:
    last = START + timedelta(minutes=draw(st.integers(0, 300)))
    trace = draw(st.sampled_from(["", "a", "b"]))
    return Access(draw(_keys), "viewer", draw(st.integers(1, 9)), last - timedelta(minutes=draw(st.integers(0, 9))), last, trace)


@given(st.lists(accesses()))
def test_every_call_counts_once_in_the_hour_of_the_last(given_: list[Access]) -> None:
    hours = hourly(given_)
    places = [(each.hour, each.key) for each in hours]
    assert len(set(places)) == len(places)
    for each in hours:
        alike = [one for one in given_ if (one.hour, one.key) == (each.hour, each.key)]
        assert each.count == sum(one.count for one in alike)
        assert (each.first, each.last) == (min(one.first for one in alike), max(one.last for one in alike))


@given(st.lists(accesses()))
def test_the_order_of_rows_is_that_of_their_keys(given_: list[Access]) -> None:
    def order(found: list[Access]) -> list[tuple[object, ...]]:
        return [(each.hour, each.key.principal) for each in found]

    assert order(hourly(given_)) == sorted(order(hourly(given_[::-1])))


def test_the_trace_of_the_last_call_that_has_one_is_kept() -> None:
    key = AccessKey("/s", "eve", "x.v1.X/Set", "PERMISSION_DENIED", "ROLE_MISSING", "10.0.0.1")
    first = Access(key, "admin", 1, START, START, "a")
    second = Access(key, "admin", 1, START, START + timedelta(seconds=1), "b")
    third = Access(key, "admin", 1, START, START + timedelta(seconds=2), "")
    for rows in ([first, second, third], [third, second, first], [second, third, first]):
        (found,) = hourly(rows)
        assert found.trace_id == "b"


def test_a_range_of_time_must_end_after_it_begins() -> None:
    AccessFilter(begin=START, end=START + timedelta(seconds=1))
    with pytest.raises(TimeRangeEmpty, match="is not after begin_time"):
        AccessFilter(begin=START, end=START)
