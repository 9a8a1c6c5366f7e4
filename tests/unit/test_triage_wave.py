"""Waves: nothing in one wave bears on another, and the order holds."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.triage.domain.wave import waves

items = st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abcd")))


@given(items)
def test_no_two_of_a_wave_have_a_mark_in_common_and_all_stand_in_their_order(given_: list[tuple[int, str]]) -> None:
    found = list(waves(given_, set))
    assert [item for wave in found for item in wave] == given_
    for wave in found:
        assert len({mark for item in wave for mark in item}) == 2 * len(wave)
    for before, after in pairwise(found):
        assert any(set(after[0]) & set(item) for item in before)  # or it could have been in the wave before
