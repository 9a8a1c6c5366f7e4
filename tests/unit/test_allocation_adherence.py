"""Adherence and drift: planned shares by time, charts with the false alarms they promise, and what trips them."""

import random
from datetime import timedelta
from decimal import Decimal
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.allocation.domain.adherence import Held, SprintWork, planned_share
from services.allocation.domain.adherence_series import AdherenceState, assess
from services.allocation.domain.drift import PRIOR_SPREAD, ChartDesign, DriftKind, chart, findings
from tests.support.allocation import moment, team

DESIGN = ChartDesign()


def work(number: int, remediation: float = 80, roadmap: float = 160, planned: int | None = 333_333, **more: Any) -> SprintWork:
    sprint = team().cadence.sprint(number)
    fields: dict[str, Any] = {"capacity_hours": Decimal(240), "other_hours": Decimal(0)} | more
    return SprintWork(
        sprint, fields.pop("until", sprint.end_at), planned_share=planned, remediation_hours=Decimal(str(remediation)),
        roadmap_hours=Decimal(str(roadmap)), **fields,
    )  # fmt: skip


def kinds(*works: SprintWork) -> set[DriftKind]:
    return {each.kind for each in assess(works, DESIGN)[-1].findings}


def test_the_planned_share_is_weighted_by_how_long_each_was_in_force() -> None:
    held = [Held(moment(1, -3), 200_000), Held(moment(1, 7), 400_000)]
    assert planned_share(held, moment(1, 0), moment(2, 0)) == 300_000
    assert planned_share(held, moment(1, 0), moment(1, 3)) == 200_000
    assert planned_share(held[1:], moment(1, 0), moment(2, 0)) == 400_000
    assert planned_share(held, moment(1, -5), moment(1, -4)) is None
    assert planned_share([], moment(1, 0), moment(2, 0)) is None


@given(st.lists(st.tuples(st.integers(-20, 30), st.integers(0, 10**6)), min_size=1, max_size=6))
def test_the_planned_share_lies_among_those_that_held(told: list[tuple[int, int]]) -> None:
    held = [Held(moment(1, 0) + timedelta(days=day), share) for day, share in sorted(told)]
    found = planned_share(held, moment(1, 0), moment(2, 0))
    assert found is None or min(each.share for each in held) <= found <= max(each.share for each in held)


def test_the_chart_is_the_published_one_for_its_run_length() -> None:
    # (λ, L) = (.20, 2.860) has an in-control run length of 370 (decision-maths §4).
    assert DESIGN.width == pytest.approx(2.860, abs=0.002)


def test_false_alarms_come_about_as_often_as_the_chart_was_designed_for() -> None:
    chance, lengths = random.Random(7), []
    design = ChartDesign(50)
    for _ in range(300):
        points = chart([chance.gauss(0, PRIOR_SPREAD) for _ in range(400)], design)
        lengths.append(next((place for place, point in enumerate(points, 1) if point.is_beyond), 400))
    # The spread is estimated: near what was designed for, not exactly it.
    assert 35 < fmean(lengths) < 70


def test_a_point_stays_where_it_was_as_sprints_are_added() -> None:
    chance = random.Random(3)
    differences = [chance.gauss(0, 0.2) for _ in range(30)]
    assert chart(differences, DESIGN)[:12] == chart(differences[:12], DESIGN)


def test_a_plan_that_is_followed_by_no_more_than_chance_apart_is_followed() -> None:
    assessed = assess([work(number, 80 + number % 3 * 10) for number in range(1, 9)], DESIGN)
    assert {each.state for each in assessed} == {AdherenceState.FOLLOWED}


def test_a_split_nobody_follows_trips_within_a_few_sprints_to_either_side() -> None:
    assert kinds(*(work(number, 200, 20) for number in range(1, 4))) == {DriftKind.POLICY_UNFOLLOWED}
    assert kinds(*(work(number, 0, 200) for number in range(1, 5))) == {DriftKind.POLICY_UNFOLLOWED}


def test_a_reserve_not_used_is_over_allocation_only_while_items_are_late() -> None:
    unused = [work(number, 0, 160) for number in range(1, 7)]
    assert DriftKind.OVER_ALLOCATION not in kinds(*unused)
    assert DriftKind.OVER_ALLOCATION in kinds(*unused[:-1], work(6, 0, 160, items_late=2))


def grown(begun: list[int], ended: list[int]) -> list[SprintWork]:
    found, still = [], 0
    for number, (more, fewer) in enumerate(zip(begun, ended, strict=True), 1):
        still += more - fewer
        found.append(work(number, incidents_begun=more, incidents_ended=fewer, incidents_open=still))
    return found


def test_a_backlog_that_grows_by_more_than_chance_is_told_of() -> None:
    assert kinds(*grown([4] * 6, [1] * 6)) == {DriftKind.BACKLOG_GROWTH}
    # By the binomial distribution: 24 of 30 events are beginnings with a chance of 0.07 %.
    (found,) = findings(grown([4] * 6, [1] * 6), None, DESIGN)
    assert found.value == pytest.approx(0.000715, rel=0.01)


def test_a_backlog_that_grew_by_little_or_fell_again_is_not() -> None:
    assert kinds(*grown([4] * 6, [3] * 6)) == set()
    assert kinds(*grown([6, 6, 6, 6, 6, 0], [1, 1, 1, 1, 1, 1])) == set()
    assert kinds(*grown([4] * 5, [0] * 5)) == set()


def test_clustered_incidents_weigh_less() -> None:
    calm, clustered = grown([4] * 6, [1] * 6), grown([12, 0, 0, 3, 3, 6], [1] * 6)
    assert kinds(*calm) == {DriftKind.BACKLOG_GROWTH}
    assert sum(each.incidents_begun for each in clustered) == sum(each.incidents_begun for each in calm)
    assert kinds(*clustered) == set()


def test_too_little_recorded_enters_no_chart_and_is_told_of_after_two_sprints() -> None:
    works = [work(1), work(2, 10, 10), work(3, 10, 10)]
    assessed = assess(works, DESIGN)
    assert [each.state for each in assessed[1:]] == [AdherenceState.CANNOT_TELL] * 2
    assert assessed[2].point is None
    assert kinds(*works) == {DriftKind.UNDER_RECORDING}
    assert kinds(*works[:2]) == set()
    assert kinds(work(1, 0, 0), work(2, 0, 0)) == set()


def test_a_sprint_that_cannot_tell_moves_no_chart() -> None:
    told = [work(1, 100), work(3, 100)]
    assert assess([told[0], work(2, 50, 0), told[1]], DESIGN)[-1].point == assess(told, DESIGN)[-1].point


def test_a_sprint_without_capacity_or_split_cannot_tell_and_says_why() -> None:
    nobody, unplanned = assess([work(1, 0, 0, capacity_hours=Decimal(0)), work(2, planned=None)], DESIGN)
    assert (nobody.state, "Nobody worked" in nobody.notes[0]) == (AdherenceState.CANNOT_TELL, True)
    assert (unplanned.state, "No split" in unplanned.notes[0]) == (AdherenceState.CANNOT_TELL, True)


def test_a_sprint_under_way_has_the_chart_of_the_one_before() -> None:
    before, present = assess([work(1, 120), work(2, 240, 0, until=moment(2, 3))], DESIGN)
    assert present.point == before.point


@given(st.floats(0, 300), st.floats(0, 300), st.integers(0, 10**6))
def test_planned_hours_sum_to_capacity_and_unrecorded_ones_fill_it(remediation: float, roadmap: float, planned: int) -> None:
    found = work(1, round(remediation, 3), round(roadmap, 3), planned)
    assert found.planned_remediation_hours + found.planned_roadmap_hours == found.capacity_hours
    assert found.recorded_hours + found.unrecorded_hours >= found.capacity_hours
