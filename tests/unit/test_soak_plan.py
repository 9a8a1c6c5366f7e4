"""The plan of the endurance run."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from soak.plan import LONGEST_SECONDS, SHORTEST_SECONDS, Fault, plan


@given(st.integers(0, 100), st.integers(0, 20), st.integers())
def test_a_plan_holds_as_many_of_each_fault_as_asked_at_random_moments(kills: int, others: int, seed: int) -> None:
    steps = plan(kills, others, seed)
    counted = Counter(step.fault for step in steps)
    assert counted[Fault.KILL] == kills
    assert all(counted[fault] == others for fault in Fault if fault is not Fault.KILL)
    assert all(SHORTEST_SECONDS <= step.wait_seconds <= LONGEST_SECONDS for step in steps)


def test_a_seed_gives_the_same_plan_again_and_another_seed_another() -> None:
    assert plan(20, 3, seed=7) == plan(20, 3, seed=7) != plan(20, 3, seed=8)
