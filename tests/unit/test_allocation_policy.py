"""Allocation policies."""

from dataclasses import replace

import pytest

from services.allocation.domain.errors import BaselineOutOfBounds, FieldRefused
from services.allocation.domain.policy import check_policy
from tests.support.allocation import policy


def test_the_default_policy_keeps_its_own_rules() -> None:
    check_policy(policy())


@pytest.mark.parametrize(
    ("change", "field"), [({"floor_share": 400_000}, "policy.floor_share"), ({"cap_share": 300_000}, "policy.cap_share")]
)
def test_bounds_that_exclude_the_baseline_are_refused_by_field(change: dict[str, int], field: str) -> None:
    with pytest.raises(BaselineOutOfBounds) as refused:
        check_policy(policy(**change))
    assert refused.value.violations[0].field == field


def test_bounds_may_touch_the_baseline() -> None:
    check_policy(policy(floor_share=333_333, cap_share=333_333))


def test_a_raise_below_a_millionth_is_refused() -> None:
    frequency = policy().incident_frequency
    assert frequency
    with pytest.raises(FieldRefused, match="incident_frequency"):
        check_policy(policy(incident_frequency=replace(frequency, raise_by=0)))


def test_the_longest_history_is_that_of_any_trigger() -> None:
    frequency = policy().incident_frequency
    assert frequency
    assert policy(incident_frequency=replace(frequency, history_sprints=9)).longest_history == 9
    assert policy(incident_frequency=None, time_to_restore=None).longest_history == 0
