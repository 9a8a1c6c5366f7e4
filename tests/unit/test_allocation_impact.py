"""What a change of split does to the roadmap."""

from datetime import timedelta
from decimal import Decimal

from services.allocation.domain.decision import RoadmapImpact
from services.allocation.domain.impact import impact_of
from services.allocation.domain.roadmap import RoadmapItem, RoadmapStage
from shared.money import Money
from tests.support.allocation import FIRST, FORTNIGHT, item, moment, situation, team

# The team has 240 hours a sprint: 160 for the roadmap at a third, 120 at a half.
THIRD, HALF = 333_333, 500_000
NOW = moment(3)


def impact(*items: RoadmapItem, before: int = THIRD, after: int = HALF, recorded: int = 0) -> RoadmapImpact:
    return impact_of(situation(items=items, roadmap_recorded_hours=Decimal(recorded)), before, after, NOW)


def names(found: RoadmapImpact) -> list[str]:
    return [each.roadmap_item.removeprefix("roadmapItems/") for each in found.displaced]


def test_a_displaced_item_has_delay_value_and_both_dates() -> None:
    found = impact(item("big", 150, 2000), item("small", 120, 1100))
    assert names(found) == ["big"]
    big = found.displaced[0]
    assert (big.delay, big.value_at_risk) == (2 * FORTNIGHT, Money(Decimal(8000)))
    assert (big.planned_before_at, big.planned_after_at) == (moment(4, 0), moment(6, 0))
    assert found.value_at_risk == Money(Decimal(8000))
    assert found.advanced[0].roadmap_item == "roadmapItems/small"
    assert found.advanced[0].value_at_risk == Money(Decimal(-2200))


def test_an_unchanged_share_moves_nothing() -> None:
    found = impact(item("a", 150), before=THIRD, after=THIRD)
    assert (found.displaced, found.advanced, found.value_at_risk) == ((), (), Money(Decimal(0)))


def test_a_share_that_changes_without_need_moves_nothing() -> None:
    assert impact(item("a", 100), item("b", 100)).displaced == ()


def test_a_lower_share_brings_items_forward() -> None:
    found = impact(item("a", 150), before=HALF, after=THIRD)
    assert found.displaced == ()
    assert (found.advanced[0].delay, found.advanced[0].value_at_risk) == (-FORTNIGHT, Money(Decimal(-2000)))


def test_hours_given_back_delay_nothing_even_where_another_order_would_be_dearer() -> None:
    # Without the promise the best plan under more hours does `big` first and `small` later than before.
    found = impact(item("big", 150, 2000), item("small", 120, 1100), before=HALF, after=THIRD)
    assert found.displaced == ()
    assert names(impact(item("big", 150, 2000), item("small", 120, 1100), before=THIRD, after=HALF)) == ["big"]


def test_value_at_risk_is_exact_for_sprints_of_odd_length() -> None:
    odd = situation(items=(item("a", 150, 700),), team=team(sprint_length=timedelta(days=15)))
    found = impact_of(odd, 420_000, HALF, NOW)  # 257 hours: 149.1 at 42 %
    assert found.displaced == ()
    found = impact_of(odd, 400_000, HALF, NOW)
    assert found.displaced[0].value_at_risk == Money(Decimal(1500))


def test_displaced_items_come_largest_value_first() -> None:
    found = impact(*(item(name, 150, cost) for name, cost in (("a", 500), ("b", 3000), ("c", 1000))))
    values = [each.value_at_risk.amount for each in found.displaced]
    assert len(values) > 1
    assert values == sorted(values, reverse=True)
    assert found.value_at_risk == Money(sum(values, Decimal(0)))


def test_beyond_the_horizon_the_date_is_absent_and_the_delay_a_lower_bound() -> None:
    found = impact(item("vast", 950))
    assert found.displaced[0].planned_after_at is None
    assert found.displaced[0].delay == FORTNIGHT


def test_an_item_that_never_fits_is_not_displaced() -> None:
    assert impact(item("vast", 5000)).displaced == ()


def test_hours_already_spent_in_the_present_sprint_are_not_spent_again() -> None:
    assert names(impact(item("a", 100))) == []
    assert names(impact(item("a", 100), recorded=60)) == ["a"]


def test_recorded_work_is_taken_off_what_an_item_needs() -> None:
    assert names(impact(item("a", 150))) == ["a"]
    assert names(impact(item("a", 150, recorded_hours=Decimal(40)))) == []


def test_a_protected_item_is_held_while_capacity_allows() -> None:
    cheap, dear = item("cheap", 110, 10), item("dear", 45, 5000)
    assert names(impact(cheap, dear)) == ["cheap"]
    protected = item("cheap", 110, 10, protected=True)
    assert names(impact(protected, dear)) == ["dear"]


def test_a_protected_item_that_capacity_cannot_hold_is_displaced_and_marked() -> None:
    found = impact(item("big", 150, 2000, protected=True))
    assert [(each.roadmap_item, each.protected) for each in found.displaced] == [("roadmapItems/big", True)]


def test_an_item_whose_due_date_the_plan_after_cannot_keep_is_late() -> None:
    found = impact(item("due", 150, 1, due_at=moment(4, 0)), item("other", 20, 9000))
    assert found.late_items == ("roadmapItems/due",)


def test_a_due_date_within_a_sprint_binds_the_sprint_before() -> None:
    assert impact(item("due", 100, due_at=moment(4, 3))).late_items == ()
    assert impact(item("due", 100, due_at=moment(3, 13))).late_items == ("roadmapItems/due",)


def test_a_late_item_is_told_also_when_the_share_is_held() -> None:
    late = impact(item("late", 500, due_at=moment(4, 0)), item("past", 10, due_at=FIRST), before=HALF, after=HALF)
    assert late.late_items == ("roadmapItems/late", "roadmapItems/past")


def test_an_item_that_waits_for_one_given_up_is_never_done_and_late_when_due() -> None:
    dropped = item("dropped", 10, stage=RoadmapStage.DROPPED)
    found = impact(dropped, item("waits", 150, 1000, "dropped"), item("due", 10, 1, "waits", due_at=moment(5, 0)))
    assert names(found) == []
    assert found.late_items == ("roadmapItems/due",)


def test_an_item_done_frees_those_that_wait_for_it() -> None:
    found = impact(item("done", 500, stage=RoadmapStage.DONE), item("waits", 150, 1000, "done"))
    assert names(found) == ["waits"]


def test_a_team_without_a_roadmap_risks_nothing() -> None:
    assert impact().value_at_risk is None


def test_the_answer_names_its_solver_gap_and_horizon() -> None:
    found = impact(item("a", 150))
    assert found.solver.startswith("HiGHS 1.")
    assert (found.optimality_gap, found.horizon_sprints) == (0, 6)
