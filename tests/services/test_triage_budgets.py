"""Error budgets of a running triage: samples in, budgets out, and what alters them."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from ballast.intake.v1 import matcher_pb2
from ballast.triage.v1 import error_budget_pb2, sli_service_pb2
from ballast.triage.v1 import error_budget_service_pb2 as pb
from sqlalchemy import text

from services.triage.domain.slo import BudgetingMethod, CalendarUnit, CalendarWindow, RollingWindow, Slo
from services.triage.storage.sli_store import SliStore
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput, NotFound
from shared.rpc.wellknown import duration_to_pb
from tests.conftest import START
from tests.support.budgets import MONTH, Triage, sample, slo, stamp, triage_serving

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BURNING, QUIET, TOO_FEW = (
    error_budget_pb2.BURN_VERDICT_BURNING,
    error_budget_pb2.BURN_VERDICT_QUIET,
    error_budget_pb2.BURN_VERDICT_TOO_FEW_EVENTS,
)


@pytest.fixture
async def triage(own_urls: dict[str, str], engines: Engines) -> AsyncIterator[Triage]:
    async with triage_serving(own_urls["triage"], engines, SimulatedClock(START)) as running:
        yield running


async def filled(triage: Triage, of: Slo, bad_last_hour: float = 0, total: float = 1_000) -> Slo:
    """Stores an SLO with a month of hours, all good but for the last one."""
    await triage.put(of)
    await triage.fill(of, [60 * hour for hour in range(720, 1, -1)], total, total)
    await triage.fill(of, range(59, -1, -1), (total - bad_last_hour) / 60, total / 60)
    return of


def burns(budget: error_budget_pb2.ErrorBudget) -> dict[timedelta, float]:
    return {each.window.ToTimedelta(): each.burn for each in budget.burns if each.HasField("burn")}


async def adjust(triage: Triage, of: Slo, amount: float, **more: object) -> pb.AdjustErrorBudgetResponse:
    values: dict[str, object] = {
        "slo": of.name,
        "amount": amount,
        "unit": error_budget_pb2.ADJUSTMENT_UNIT_PERCENT,
        "reason": "the load balancer's fault",
        "approver": "grace",
    }
    return await triage.budgets.AdjustErrorBudget(pb.AdjustErrorBudgetRequest(**(values | more)))  # type: ignore[arg-type]


# What remains.


async def test_a_month_with_one_bad_hour_has_the_printed_burn_and_rest(triage: Triage) -> None:
    of = await filled(triage, slo("checkout"), bad_last_hour=14.4)
    budget = await triage.budget(of)
    assert burns(budget)[HOUR] == pytest.approx(14.4)
    assert budget.used == pytest.approx(0.02, rel=0.002)
    assert budget.used + budget.remaining == pytest.approx(1)
    assert budget.remaining == pytest.approx(1 - burns(budget)[MONTH] * budget.counted.ToTimedelta() / MONTH)
    assert budget.time_to_exhaustion.ToTimedelta() / MONTH == pytest.approx(budget.remaining / 14.4)
    assert [each.verdict for each in budget.alerts] == [BURNING, QUIET, QUIET, QUIET]
    assert not budget.partial
    assert not budget.stale


async def test_a_young_slo_has_used_a_part_of_the_whole_budget_and_says_that_it_is_young(triage: Triage) -> None:
    await triage.put(of := slo("young"))
    await triage.fill(of, range(59, -1, -1), 9, 10)
    budget = await triage.budget(of)
    assert budget.used == pytest.approx(100 * (59 * MINUTE / MONTH))
    assert budget.partial


async def test_an_slo_without_samples_has_all_its_budget_and_is_stale(triage: Triage) -> None:
    await triage.put(of := slo("silent"))
    budget = await triage.budget(of)
    assert (budget.remaining, budget.total, budget.stale, burns(budget)) == (1, 0, True, {})
    assert not budget.HasField("time_to_exhaustion")


async def test_a_budget_may_be_overdrawn(triage: Triage) -> None:
    of = await filled(triage, slo("overdrawn"), bad_last_hour=1_000)
    budget = await triage.budget(of)
    assert budget.remaining < -0.3
    assert budget.time_to_exhaustion.ToTimedelta() == timedelta(0)


async def test_too_few_events_are_said_to_be_too_few(triage: Triage) -> None:
    await triage.put(of := slo("quiet"))
    await triage.fill(of, [4, 3, 2, 1], 0, 1)
    assert {each.verdict for each in (await triage.budget(of)).alerts} == {TOO_FEW}


async def test_each_objective_has_a_budget_of_its_own(triage: Triage) -> None:
    of = await filled(triage, slo("both", "both", 0.99, 0.999), bad_last_hour=14.4)
    loose, strict = await triage.budget(of, 0), await triage.budget(of, 1)
    assert (loose.target, strict.target) == (0.99, 0.999)
    assert strict.used == pytest.approx(10 * loose.used)


async def test_slices_count_as_a_whole_once_they_are_over(triage: Triage) -> None:
    await triage.put(of := slo("sliced", "sliced", 0.9, method=BudgetingMethod.TIMESLICES))
    # Slices of five minutes, good from nine in ten on: nine good, one bad, one that is not over yet.
    await triage.fill(of, range(54, 4, -1), 10, 10)
    await triage.fill(of, [4], 0, 100)
    await triage.fill(of, [0], 0, 100)
    budget = await triage.budget(of)
    assert (budget.good, budget.total) == (10, 11)


async def test_slices_are_the_same_in_whatever_order_samples_come(triage: Triage) -> None:
    forth = slo("forth", "x", 0.9, method=BudgetingMethod.TIMESLICES)
    back = slo("back", "x", 0.9, method=BudgetingMethod.TIMESLICES)
    await triage.put(forth, back)
    counts = {minute: (7 * minute) % 11 for minute in range(1, 51)}
    for minute in sorted(counts):
        await triage.fill(back, [minute], counts[minute], 10 + counts[minute] % 3)
    for minute in sorted(counts, reverse=True):
        await triage.fill(forth, [minute], counts[minute], 10 + counts[minute] % 3)
    one, other = await triage.budget(forth), await triage.budget(back)
    assert (one.good, one.total) == (other.good, other.total)
    assert one.total == 10


async def test_a_calendar_budget_begins_anew_with_its_month(triage: Triage) -> None:
    month = CalendarWindow(CalendarUnit.MONTH, 1, datetime(2026, 1, 1), "UTC")  # noqa: DTZ001 - wall time
    await triage.put(of := slo("monthly", window=month))
    for hours in range(60, 0, -1):  # from the last day of February to the second of March
        await triage.fill(of, [60 * hours], 99 if hours > 34 else 100, 100)
    budget = await triage.budget(of)
    assert budget.window_starts_at.ToDatetime(tzinfo=UTC) == datetime(2026, 3, 1, tzinfo=UTC)
    assert budget.window_ends_at.ToDatetime(tzinfo=UTC) == datetime(2026, 4, 1, tzinfo=UTC)
    # 33 hours of March, of which the first still came before 1 a.m.: one bad in a hundred at 34 h ago would be February's.
    assert (budget.total - budget.good, budget.total) == (0, 3_300)


async def test_an_unknown_slo_is_not_found(triage: Triage) -> None:
    with pytest.raises(NotFound) as refused:
        await triage.budgets.GetErrorBudget(pb.GetErrorBudgetRequest(slo="slos/nobody"))
    assert refused.value.reason == "SLO_NOT_FOUND"


# Samples.


async def test_good_samples_land_and_bad_ones_say_why(triage: Triage) -> None:
    await triage.put(of := slo("mixed"), counter := slo("counter", counter=True))
    answered = await triage.record(
        sample(of, START, 9, 10),
        sample(of, START, 11, 10, "other"),
        sli_service_pb2.SliSample(slo="nonsense", source="x", occurred_at=stamp(START)),
        sample(slo("unknown"), START, 1, 1),
        sample(of, START + HOUR, 1, 1),
        sample(counter, START - MINUTE, 90, 100),
        sample(counter, START, 80, 90),
        sample(counter, START + MINUTE, 5, 6, reset=True),
    )
    assert [(each.index, each.reason, each.field) for each in answered.errors] == [
        (1, "SAMPLE_INVALID", "samples[1].good"),
        (2, "FIELD_INVALID", "samples[2].slo"),
        (3, "SLO_NOT_FOUND", "samples[3].slo"),
        (4, "SAMPLE_IN_FUTURE", "samples[4].occurred_at"),
        (6, "COUNTER_FELL", "samples[6].good"),
    ]
    assert answered.accepted_count == 3
    budget = await triage.budget(of)
    assert (budget.good, budget.total) == (9, 10)


async def test_samples_sent_twice_and_out_of_order_count_once(triage: Triage) -> None:
    await triage.put(of := slo("counted", counter=True))
    samples = [sample(of, START - minute * MINUTE, 200 - 9 * minute, 200 - 9 * minute + (20 - minute)) for minute in range(10)]
    for each in [*samples[::2], *samples[1::2], *samples]:
        assert (await triage.record(each)).accepted_count == 1
    budget = await triage.budget(of)
    assert (budget.good, budget.total) == (81, 90)


async def test_sources_add_up(triage: Triage) -> None:
    await triage.put(of := slo("replicas", counter=True))
    for source in "ab":
        await triage.record(sample(of, START - MINUTE, 0, 0, source), sample(of, START, 99, 100, source))
    assert (await triage.budget(of)).total == 200


async def test_a_sample_may_be_an_hour_late_and_no_later(triage: Triage) -> None:
    await triage.put(of := slo("late"))
    await triage.fill(of, [0], 1, 1)
    answered = await triage.record(sample(of, START - HOUR, 1, 1), sample(of, START - HOUR - MINUTE, 1, 1))
    assert [each.reason for each in answered.errors] == ["SAMPLE_TOO_LATE"]
    assert (await triage.budget(of)).total == 2


async def test_a_repeated_request_has_the_first_answer(triage: Triage) -> None:
    await triage.put(of := slo("again"))
    request = sli_service_pb2.RecordSliRequest(request_id=str(uuid.uuid4()), samples=[sample(of, START, 1, 1)])
    assert await triage.sli.RecordSli(request) == await triage.sli.RecordSli(request)
    request.samples[0].total = 2
    with pytest.raises(InvalidInput) as refused:
        await triage.sli.RecordSli(request)
    assert refused.value.reason == "REQUEST_ID_REUSED"


async def test_batches_that_come_at_once_all_count(triage: Triage) -> None:
    await triage.put(*(all_of := [slo(f"busy-{number}") for number in range(5)]))
    await asyncio.gather(*(triage.record(*(sample(of, START, 1, 1, f"s{caller}") for of in all_of)) for caller in range(10)))
    assert {(await triage.budget(of)).total for of in all_of} == {10}


async def test_less_detail_of_the_past_leaves_every_budget_as_it_was(triage: Triage) -> None:
    of = await filled(triage, slo("thinned"), bad_last_hour=3)
    other = slo("minutely", window=RollingWindow(2 * DAY))
    await triage.put(other)
    await triage.fill(other, range(2 * 1440 + 5, -1, -1), 9, 10)
    store = SliStore(triage.app.database)
    before, points = [await triage.budget(each) for each in (of, other)], await store.point_count()
    await store.thin(START)
    assert await store.point_count() < points - 1_000
    after = [await triage.budget(each) for each in (of, other)]
    assert [each.used for each in after] == pytest.approx([each.used for each in before], rel=0.01)
    assert burns(after[1])[HOUR] == burns(before[1])[HOUR]


# Adjustments.


async def test_budget_is_given_back_with_reason_and_approver(triage: Triage) -> None:
    of = await filled(triage, slo("given"), bad_last_hour=1_000)
    before = await triage.budget(of)
    made = await adjust(triage, of, 25)
    assert made.error_budgets[0].remaining == pytest.approx(before.remaining + 0.25)
    assert (made.adjustment.author, made.adjustment.approver) == ("ada", "grace")
    listed = await triage.budgets.ListBudgetAdjustments(pb.ListBudgetAdjustmentsRequest(slo=of.name))
    assert list(listed.adjustments) == [made.adjustment]
    triage.clock.advance(made.adjustment.valid_until.ToDatetime(tzinfo=UTC))
    assert (await triage.budget(of)).adjusted == 0


async def test_bad_events_given_back_are_as_if_they_had_not_been(triage: Triage) -> None:
    of = await filled(triage, slo("events"), bad_last_hour=100)
    made = await adjust(triage, of, 100, unit=error_budget_pb2.ADJUSTMENT_UNIT_EVENTS)
    assert made.error_budgets[0].remaining == pytest.approx(1)


async def test_an_adjustment_that_nobody_else_approved_is_refused_and_leaves_nothing(triage: Triage) -> None:
    await triage.put(of := slo("alone"))
    with pytest.raises(InvalidInput) as refused:
        await adjust(triage, of, 25, approver="Ada")
    assert refused.value.reason == "ADJUSTMENT_REFUSED"
    assert [each.field for each in refused.value.violations] == ["approver"]
    assert not (await triage.budgets.ListBudgetAdjustments(pb.ListBudgetAdjustmentsRequest())).adjustments


# Planned work.


async def test_planned_work_is_left_out_and_the_answer_says_why(triage: Triage) -> None:
    of = await filled(triage, slo("planned"), bad_last_hour=1_000)
    before = await triage.budget(of)
    window = await triage.plan("planned", START - HOUR, HOUR + MINUTE, START - DAY)
    after = await triage.budget(of)
    # All that failed did so in the last hour, the minute under way with it.
    assert before.remaining < 0
    assert after.remaining == pytest.approx(1)
    assert after.excluded.ToTimedelta() == HOUR
    [left_out] = after.exclusions
    assert (left_out.maintenance_window, left_out.reason, left_out.approver) == (window.name, "new disks", "grace")
    assert HOUR not in burns(after)


async def test_planned_work_by_a_pattern_leaves_out_each_component_it_covers_also_one_that_comes_later(triage: Triage) -> None:
    pattern = [matcher_pb2.Matcher(label="component", operator=matcher_pb2.MATCH_OPERATOR_MATCHES, value="shop-a|shop-later")]
    await triage.plan("", START - HOUR, HOUR + MINUTE, START - DAY, matchers=pattern)
    covered, other, later = [await filled(triage, slo(f"shop-{each}"), bad_last_hour=1_000) for each in ("a", "b", "later")]
    assert [(await triage.budget(each)).excluded.ToTimedelta() for each in (covered, other, later)] == [HOUR, timedelta(0), HOUR]
    assert (await triage.budget(covered)).remaining == pytest.approx(1)


async def test_less_detail_leaves_the_minutes_at_which_planned_work_by_a_pattern_begins_and_ends(triage: Triage) -> None:
    of = slo("thinly", window=RollingWindow(2 * DAY))
    await triage.put(of)
    planned = range(30 * 60 - 3, 30 * 60 + 8)  # minutes ago: what fails then, and only then
    samples = [sample(of, START - each * MINUTE, 0 if each in planned else 10, 10) for each in range(2 * 1440 + 5, -1, -1)]
    await triage.record(*samples)
    pattern = [matcher_pb2.Matcher(label="component", operator=matcher_pb2.MATCH_OPERATOR_MATCHES, value="thin.*")]
    await triage.plan("", START - planned[-1] * MINUTE, len(planned) * MINUTE, START - 9 * DAY, matchers=pattern)
    for _ in range(2):
        budget = await triage.budget(of)
        assert (budget.total - budget.good, budget.excluded.ToTimedelta()) == (0, len(planned) * MINUTE)
        await SliStore(triage.app.database).thin(START)


async def test_planned_work_on_a_part_of_a_component_leaves_nothing_out(triage: Triage) -> None:
    of = await filled(triage, slo("part"), bad_last_hour=1_000)
    before = await triage.budget(of)
    parts = [
        matcher_pb2.Matcher(label=label, operator=matcher_pb2.MATCH_OPERATOR_EQUAL, value=value)
        for label, value in (("component", "part"), ("alertname", "Slow"))
    ]
    await triage.plan("", START - HOUR, HOUR, START - DAY, matchers=parts)
    assert await triage.budget(of) == before


async def test_the_burn_in_any_window_is_told_with_what_it_rests_on(triage: Triage) -> None:
    await triage.put(of := slo("asked"))
    good = [sample(of, START - minute * MINUTE, 1, 1) for minute in range(180)]
    await triage.record(*good, *(sample(of, START - minute * MINUTE, 90, 100, "other") for minute in (150, 2)))
    windows = [timedelta(minutes=3), 3 * HOUR, 90 * DAY, 3 * HOUR, HOUR]
    request = pb.GetErrorBudgetRequest(slo=of.name, windows=[duration_to_pb(each) for each in windows])
    [budget] = (await triage.budgets.GetErrorBudget(request)).error_budgets
    told = {each.window.ToTimedelta(): each for each in budget.burns}
    assert len(told) == len(budget.burns)
    assert (told[3 * HOUR].total - told[3 * HOUR].good, told[3 * HOUR].total) == (20, 380)
    assert told[3 * HOUR].burn == pytest.approx(20 / 380 / 0.001)
    assert told[timedelta(minutes=3)].burn == pytest.approx(10 / 103 / 0.001)
    assert [told[each].partial for each in (timedelta(minutes=3), 90 * DAY)] == [False, True]
    await triage.put(few := slo("few"))
    await triage.fill(few, [1, 0], 3, 4)
    assert {each.too_few_events for each in (await triage.budget(few)).burns} == {True}


@pytest.mark.parametrize("window", [timedelta(seconds=59), timedelta(days=401), -HOUR])
async def test_a_window_that_cannot_be_is_refused_by_field(triage: Triage, window: timedelta) -> None:
    request = pb.GetErrorBudgetRequest(slo="slos/any", windows=[duration_to_pb(HOUR), duration_to_pb(window)])
    with pytest.raises(InvalidInput) as refused:
        await triage.budgets.GetErrorBudget(request)
    assert [each.field for each in refused.value.violations] == ["windows[1]"]


async def test_the_minute_in_which_planned_work_begins_is_left_out_whole(triage: Triage) -> None:
    await triage.put(of := slo("partial", "partial"))
    await triage.fill(of, range(59, 9, -1), 100, 100)
    begins = triage.clock.now().replace(second=0, microsecond=0) - 5 * MINUTE + timedelta(seconds=27)
    await triage.record(sample(of, begins + timedelta(seconds=20), 0, 900))
    before = await triage.budget(of)
    await triage.plan("partial", begins, 30 * MINUTE, START - DAY)
    after = await triage.budget(of)
    assert (before.total - before.good, after.total - after.good) == (900, 0)


async def test_counts_beyond_what_can_be_are_refused_alone_and_spoil_nothing(triage: Triage) -> None:
    await triage.put(of := slo("huge"))
    now = triage.clock.now()
    answered = await triage.record(sample(of, now - MINUTE, 0, 1e308), sample(of, now - 2 * MINUTE, 0, 1_000))
    assert [(each.index, each.field) for each in answered.errors] == [(0, "samples[0].total")]
    budget = await triage.budget(of)
    assert (budget.total, budget.alerts[0].verdict) == (1_000, BURNING)


@pytest.mark.parametrize(
    ("amount", "unit"),
    [
        (1_001, error_budget_pb2.ADJUSTMENT_UNIT_PERCENT),
        (-1e9, error_budget_pb2.ADJUSTMENT_UNIT_PERCENT),
        (1e6, error_budget_pb2.ADJUSTMENT_UNIT_MINUTES),
    ],
)
async def test_an_adjustment_that_nobody_can_mean_is_refused_naming_the_limit(triage: Triage, amount: float, unit: int) -> None:
    await triage.put(of := slo("absurd"))
    with pytest.raises(InvalidInput, match=r"amount: is .* percent of the error budget; at most 1,000 percent of it"):
        await adjust(triage, of, amount, unit=unit)


async def test_an_adjustment_is_bounded_by_the_size_of_its_own_budget(triage: Triage) -> None:
    short = slo("short", window=RollingWindow(MINUTE))
    await triage.put(short)
    await triage.put(month := slo("month"))
    with pytest.raises(InvalidInput, match="amount: is 5 minutes, 500,000 percent of the error budget"):
        await adjust(triage, short, 5, unit=error_budget_pb2.ADJUSTMENT_UNIT_MINUTES)
    assert (await adjust(triage, month, 5, unit=error_budget_pb2.ADJUSTMENT_UNIT_MINUTES)).adjustment.amount == 5


async def test_an_adjustment_that_ends_in_the_past_is_refused_and_one_at_the_end_of_time_is_not(triage: Triage) -> None:
    await triage.put(of := slo("times"))
    with pytest.raises(InvalidInput, match=r"valid_until: would be .* could never count"):
        await adjust(triage, of, 5, valid_from=stamp(datetime.min.replace(tzinfo=UTC)))
    last = datetime(9999, 12, 30, tzinfo=UTC)
    made = await adjust(triage, of, 5, valid_from=stamp(last))
    assert made.adjustment.valid_until.ToDatetime(tzinfo=UTC) > last


async def test_planned_work_does_not_reach_back_before_it_was_planned(triage: Triage) -> None:
    of = await filled(triage, slo("hindsight"), bad_last_hour=600)
    before = await triage.budget(of)
    await triage.plan("hindsight", START - HOUR, HOUR, START - 30 * MINUTE)
    after = await triage.budget(of)
    assert after.excluded.ToTimedelta() == 30 * MINUTE
    assert after.used == pytest.approx(before.used / 2, rel=0.05)


async def test_a_cancelled_window_leaves_out_no_more_and_an_older_version_changes_nothing(triage: Triage) -> None:
    of = await filled(triage, slo("cancelled"), bad_last_hour=1_000)
    planned = await triage.plan("cancelled", START - HOUR, 2 * HOUR, START - DAY)
    ended = {"name": planned.name, "version": 2, "cancelled_at": stamp(START - 30 * MINUTE)}
    await triage.plan("cancelled", START - HOUR, 2 * HOUR, START - 30 * MINUTE, **ended)
    assert (await triage.budget(of)).excluded.ToTimedelta() == 30 * MINUTE
    await triage.plan("cancelled", START - HOUR, 2 * HOUR, START - DAY, name=planned.name, version=1)
    assert (await triage.budget(of)).excluded.ToTimedelta() == 30 * MINUTE


async def test_overlapping_windows_are_left_out_once_and_other_components_not_at_all(triage: Triage) -> None:
    of, other = await filled(triage, slo("twice")), await filled(triage, slo("bystander"))
    await triage.plan("twice", START - HOUR, HOUR, START - DAY)
    await triage.plan("twice", START - HOUR, 30 * MINUTE, START - DAY)
    await triage.plan("twice", START - 3 * DAY, 30 * MINUTE, START - 5 * DAY, rrule="FREQ=DAILY;COUNT=2")
    assert (await triage.budget(of)).excluded.ToTimedelta() == 2 * HOUR
    assert (await triage.budget(other)).excluded.ToTimedelta() == timedelta(0)


# Lists, streams, burn-down.


async def test_budgets_are_listed_from_the_least_that_remains_page_by_page(triage: Triage) -> None:
    await triage.put(*(all_of := [slo(f"listed-{number}", f"c{number % 2}") for number in range(5)]))
    for number, of in enumerate(all_of):
        await triage.fill(of, range(59, -1, -1), 10 - number, 10)
    names, token = [], ""
    while True:
        page = await triage.budgets.ListErrorBudgets(pb.ListErrorBudgetsRequest(page_size=2, page_token=token))
        names += [each.slo for each in page.error_budgets]
        token = page.next_page_token
        if not token:
            break
    assert names == [of.name for of in reversed(all_of)]
    some = await triage.budgets.ListErrorBudgets(pb.ListErrorBudgetsRequest(filter=pb.ErrorBudgetFilter(component="components/c1")))
    assert [each.slo for each in some.error_budgets] == ["slos/listed-3", "slos/listed-1"]


async def test_a_page_by_step_holds_only_what_is_in_it_each_as_it_is_told_alone(triage: Triage) -> None:
    bad = {"well": 0, "burning": 9.5, "worse": 9.9, "spent": 1_000}
    well, burning, worse, _ = [await filled(triage, slo(name), count) for name, count in bad.items()]
    chosen, token = pb.ErrorBudgetFilter(step="page-fast"), ""
    pages: list[list[error_budget_pb2.ErrorBudget]] = []
    while token or not pages:
        page = await triage.budgets.ListErrorBudgets(pb.ListErrorBudgetsRequest(filter=chosen, page_size=1, page_token=token))
        pages.append(list(page.error_budgets))
        token = page.next_page_token
    assert pages == [[await triage.budget(worse)], [await triage.budget(burning)]]
    assert (await triage.budget(well)).standing.step == ""


async def test_a_watch_goes_on_where_it_was_left_without_gap_or_repeat(triage: Triage) -> None:
    of = await filled(triage, slo("watched"))
    stream = triage.budgets.WatchErrorBudgets(pb.WatchErrorBudgetsRequest())
    token = (await anext(aiter(stream))).resume_token
    stream.cancel()
    for minute, bad in ((1, 1), (2, 500), (3, 500)):
        triage.clock.advance(START + minute * MINUTE)
        await triage.record(sample(of, triage.clock.now(), 1_000 - bad, 1_000))
        await triage.app.tick()
    seen: list[float] = []
    for _ in range(2):
        stream = triage.budgets.WatchErrorBudgets(pb.WatchErrorBudgetsRequest(resume_token=token))
        async for each in stream:
            if each.HasField("error_budget"):
                seen.append(each.error_budget.remaining)
                token = each.resume_token
                break
        stream.cancel()
    assert len(seen) == 2
    assert seen[0] > seen[1]


async def test_nothing_is_told_while_nothing_changes(triage: Triage) -> None:
    await filled(triage, slo("steady"), bad_last_hour=2)
    await triage.app.tick()
    counted = await _events(triage)
    await triage.app.tick()
    assert await _events(triage) == counted


async def test_a_burn_down_ends_at_what_remains(triage: Triage) -> None:
    of = await filled(triage, slo("down"), bad_last_hour=200)
    response = await triage.budgets.GetBurnDown(pb.GetBurnDownRequest(slo=of.name, point_count=31))
    rests = [each.remaining for each in response.points]
    assert len(rests) == 31
    assert rests[0] == pytest.approx(1)
    assert rests[-1] == pytest.approx(response.error_budget.remaining)
    assert rests == sorted(rests, reverse=True)


async def _events(triage: Triage) -> int:
    async with triage.app.database.transaction() as connection:
        return int((await connection.execute(text("select count(*) from outbox"))).scalar_one())
