"""The budget policy: steps, effects by cause, what incidents used, and the duties that follow."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.triage.domain.budget_cause import FORGIVEN, BudgetCause, deciding_cause
from services.triage.domain.budget_policy import (
    Acting,
    BudgetEffect,
    BudgetPolicy,
    BudgetStep,
    default_policy,
    places_in_force,
    standing_of,
)
from services.triage.domain.budget_window import Span, without
from services.triage.domain.component_selection import NOTHING
from services.triage.domain.errors import BudgetPolicyRefused
from services.triage.domain.incident_budget import FOUR_WEEKS, BudgetIncident, DutyKind, IncidentUse, duties_of, share_of_budget
from services.triage.domain.planned_work import PlannedWork, excluded_spans

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
POLICY = default_policy()


def step(burns: dict[timedelta, float], remaining: float = 1.0, total: float = 1_000.0) -> str:
    row = np.array([[burns.get(window, np.nan) for window in POLICY.windows]])
    (place,) = places_in_force(POLICY, Acting(POLICY.windows, row, np.array([remaining]), np.array([total])))
    return POLICY.steps[place].name if place >= 0 else ""


@pytest.mark.parametrize(
    ("window", "burn", "name"),
    [
        (HOUR, 9, "page-fast"),
        (12 * HOUR, 3, "page-slow"),
        (7 * DAY, 1.5, "reliability-share"),
        (28 * DAY, 1, "freeze-burn"),
    ],
)
def test_the_default_steps_are_the_printed_ones(window: timedelta, burn: float, name: str) -> None:
    assert step({window: burn}) == name
    assert step({window: burn * 0.99}) == ""


def test_an_exhausted_budget_freezes_and_the_last_step_that_holds_is_in_force() -> None:
    assert step({}, 0) == "freeze-exhausted"
    assert step({HOUR: 20, 7 * DAY: 2}) == "reliability-share"
    assert step({}, 0.01) == ""


def test_of_fewer_than_ten_events_no_budget_is_exhausted() -> None:
    assert step({}, -5, total=9) == ""
    assert step({}, -5, total=10) == "freeze-exhausted"


@pytest.mark.parametrize(
    ("window", "told"), [(HOUR, "over 1 h"), (28 * DAY, "over 28 d"), (DAY + HOUR + timedelta(minutes=5), "over 1 d 1 h 5 min")]
)
def test_the_reason_names_the_window_of_the_burn(window: timedelta, told: str) -> None:
    standing = standing_of(BudgetStep("slow", BudgetEffect.TICKET, window, 3.0), 4.5, 0.4, BudgetCause.UNKNOWN)
    assert f"the burn {told} is 4.5, from 3 on" in standing.reason


def test_a_quarter_of_the_team_goes_to_reliability() -> None:
    share = next(each for each in POLICY.steps if each.effect is BudgetEffect.RELIABILITY_SHARE)
    assert standing_of(share, 1.5, 0.4, BudgetCause.OWN_CHANGE).reliability_share == 0.25
    assert standing_of(share, 1.5, 0.4, BudgetCause.PLATFORM).reliability_share == 0


@pytest.mark.parametrize("cause", BudgetCause)
def test_features_go_on_only_for_a_cause_that_is_not_in_the_teams_hands(cause: BudgetCause) -> None:
    exhausted = POLICY.steps[-1]
    standing = standing_of(exhausted, 0, -0.2, cause)
    frozen = cause in {BudgetCause.UNKNOWN, BudgetCause.OWN_CHANGE, BudgetCause.DEPENDENCY, BudgetCause.MISCATEGORISED}
    assert standing.effect is (BudgetEffect.FREEZE if frozen else BudgetEffect.CONTINUE)
    assert "-20.0% of the budget remains" in standing.reason
    assert cause.name.lower().replace("_", " ") in standing.reason


def test_a_page_is_a_page_whatever_the_cause() -> None:
    assert {POLICY.steps[1].effect_for(cause) for cause in BudgetCause} == {BudgetEffect.PAGE}


# Causes.


def test_the_cause_that_spent_the_most_decides_and_what_no_incident_explains_is_unknown() -> None:
    assert deciding_cause({BudgetCause.PLATFORM: 60}, 100) is BudgetCause.PLATFORM
    assert deciding_cause({BudgetCause.PLATFORM: 40}, 100) is BudgetCause.UNKNOWN
    assert deciding_cause({BudgetCause.PLATFORM: 50, BudgetCause.OWN_CHANGE: 50}, 100) is BudgetCause.OWN_CHANGE
    assert deciding_cause({}, 0) is BudgetCause.UNKNOWN


@given(st.dictionaries(st.sampled_from(BudgetCause), st.floats(0, 1e6)), st.floats(0, 1e6))
def test_a_forgiven_cause_decides_only_when_it_spent_more_than_any_other(spent: dict[BudgetCause, float], unexplained: float) -> None:
    found = deciding_cause(spent, sum(spent.values()) + unexplained)
    if found in FORGIVEN:
        assert all(spent[found] >= each for each in spent.values())
        assert spent[found] > max((each for cause, each in spent.items() if cause not in FORGIVEN), default=0)


# A policy that cannot be.


def refused_fields(policy: BudgetPolicy) -> set[str]:
    with pytest.raises(BudgetPolicyRefused) as refused:
        policy.check()
    return {each.field for each in refused.value.violations}


def test_the_default_policy_is_a_good_one() -> None:
    POLICY.check()


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        (BudgetStep("", BudgetEffect.PAGE, HOUR, 2.0), "name"),
        (BudgetStep("a", BudgetEffect.PAGE, HOUR), "burn"),
        (BudgetStep("a", BudgetEffect.PAGE, HOUR, 2.0, 0.5), "burn"),
        (BudgetStep("a", BudgetEffect.PAGE, HOUR, float("nan")), "burn"),
        (BudgetStep("a", BudgetEffect.PAGE, None, 2.0), "window"),
        (BudgetStep("a", BudgetEffect.PAGE, timedelta(seconds=1), 2.0), "window"),
        (BudgetStep("a", BudgetEffect.PAGE, remaining=1.0), "remaining"),
        (BudgetStep("a", BudgetEffect.RELIABILITY_SHARE, HOUR, 2.0), "reliability_share"),
        (BudgetStep("a", BudgetEffect.PAGE, HOUR, 2.0, reliability_share=0.5), "reliability_share"),
    ],
)
def test_a_step_that_cannot_be_is_refused_with_its_field(broken: BudgetStep, field: str) -> None:
    assert f"policy.steps[0].{field}" in refused_fields(BudgetPolicy((broken,)))


def test_a_policy_without_steps_with_one_twice_or_with_shares_that_cannot_be_is_refused() -> None:
    assert refused_fields(BudgetPolicy(())) == {"policy.steps"}
    assert refused_fields(BudgetPolicy((POLICY.steps[0],) * 2)) == {"policy.steps"}
    assert refused_fields(replace(POLICY, post_mortem_share=0, planning_share=1.1)) == {"policy.post_mortem_share", "policy.planning_share"}


# Duties.


def use(four_weeks: float, quarter: float, class_: str = "5f0c", name: str = "incidents/1") -> IncidentUse:
    incident = BudgetIncident(name, class_, f"title of {class_}", BudgetCause.UNKNOWN, "", (), NOW, None)
    return IncidentUse(incident, "slos/a", 0, 1, 1, 0, four_weeks, quarter)


def test_one_incident_over_a_fifth_of_four_weeks_calls_for_a_post_mortem() -> None:
    assert [each.kind for each in duties_of([use(0.21, 0.1)], 0.2, 0.2)] == [DutyKind.POST_MORTEM]
    assert duties_of([use(0.2, 0.2)], 0.2, 0.2) == []


def test_a_class_over_a_fifth_of_a_quarter_calls_for_a_plan() -> None:
    found = duties_of([use(0.1, 0.11, name=f"incidents/{number}") for number in range(2)], 0.2, 0.2)
    told = [(each.kind, each.about, each.title, round(each.share, 9)) for each in found]
    assert told == [(DutyKind.PLANNING, "5f0c", "title of 5f0c", 0.22)]
    assert duties_of([use(0.1, 0.11, class_=each) for each in "ab"], 0.2, 0.2) == []


def test_what_an_incident_used_is_what_failed_of_what_may() -> None:
    # 1,000 requests a second at 99.9 % may fail 2,419,200 times in four weeks.
    assert share_of_budget(483_840, 0.999, 1_000, FOUR_WEEKS) == pytest.approx(0.2)
    assert share_of_budget(5, 0.999, 0, FOUR_WEEKS) == 0


# Planned work.


def test_a_recurring_window_leaves_out_what_comes_after_it_was_made() -> None:
    work = PlannedWork(
        "maintenanceWindows/1",
        1,
        NOTHING,
        datetime(2026, 3, 1, 2),  # noqa: DTZ001 - wall time
        "UTC",
        HOUR,
        "FREQ=DAILY;COUNT=3",
        "r",
        "g",
        None,
        NOW,
    )
    assert [each.starts_at.day for each in excluded_spans(work)] == [3]
    cancelled = replace(work, made_at=NOW - 9 * DAY, cancelled_at=datetime(2026, 3, 2, 2, 30, tzinfo=UTC))
    assert [each.length for each in excluded_spans(cancelled)] == [HOUR, HOUR / 2]


def test_time_without_other_times_is_what_is_left() -> None:
    whole = Span(NOW, NOW + 4 * HOUR)
    taken = [Span(NOW + HOUR, NOW + 2 * HOUR), Span(NOW + HOUR * 1.5, NOW + 3 * HOUR), Span(NOW - DAY, NOW)]
    assert without(whole, taken) == [Span(NOW, NOW + HOUR), Span(NOW + 3 * HOUR, NOW + 4 * HOUR)]
    assert without(whole, [Span(NOW - DAY, NOW + DAY)]) == []
