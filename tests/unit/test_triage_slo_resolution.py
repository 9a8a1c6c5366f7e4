"""What a valid SLO document means, with the indicator and the data source it names in their places."""

from datetime import datetime, timedelta

import pytest

from services.triage.domain.openslo_tree import Tree
from services.triage.domain.slo import (
    BudgetingMethod,
    CalendarUnit,
    CalendarWindow,
    Indicator,
    MetricSource,
    Objective,
    RollingWindow,
    Slo,
)
from services.triage.domain.slo_bundle import read_bundle
from services.triage.domain.slo_document import Key, key_of
from services.triage.domain.slo_resolution import slo_of
from tests.support.slos import data_source, example, read, sli, slo


def meant(name: str) -> dict[str, Slo]:
    """Returns the SLOs of an example, by id, resolved within it."""
    documents = read_bundle(example(name))
    shelf = {each.key: each.tree for each in documents}
    return {each.id: slo_of(each.tree, shelf) for each in documents if each.kind == "SLO"}


def test_everything_of_an_slo_is_read() -> None:
    answers = 'sum(http_requests_total{\n  component="checkout",\n  code!~"5.."\n})\n'
    connection = {"url": "http://127.0.0.1:9090", "timeoutSeconds": "5", "headers": '{"X-Scope-OrgID": "shop"}'}

    def asking(query: str) -> MetricSource:
        return MetricSource("Prometheus", "shop-prometheus", connection, {"query": query})

    assert meant("shop.yaml")["checkout-availability"] == Slo(
        name="slos/checkout-availability",
        component="components/checkout",
        method=BudgetingMethod.OCCURRENCES,
        window=RollingWindow(timedelta(weeks=4)),
        objectives=(Objective(0.999, "Promised"), Objective(0.9995, "Aimed at")),
        indicator=Indicator(good=asking(answers), total=asking('sum(http_requests_total{component="checkout"})'), is_counter=True),
        display_name="Checkout answers",
        description="Of the requests of four weeks, no more than one in a thousand fails.",
    )


def test_a_percentage_is_divided_in_decimals() -> None:
    assert 99.99 / 100 != 0.9999
    assert slo_of(slo(objectives=[{"targetPercent": 99.99}]), {}).objectives[0].target == 0.9999


def test_slices_are_read_for_the_methods_that_count_them() -> None:
    told = meant("timeslices.yaml")
    minute = timedelta(minutes=1)
    good = told["reports-good-minutes"]
    assert (good.method, good.objectives[0].slice_length, good.objectives[0].slice_target) == (BudgetingMethod.TIMESLICES, minute, 0.95)
    assert (good.objectives[1].slice_length, good.objectives[1].slice_target) == (5 * minute, 1.0)  # a number counts minutes
    mean = told["reports-mean-of-minutes"]
    assert (mean.method, mean.objectives) == (BudgetingMethod.RATIO_TIMESLICES, (Objective(0.985, "", minute, None),))
    assert mean.window == RollingWindow(timedelta(days=30))


def test_slices_mean_nothing_where_events_are_counted_and_that_is_said() -> None:
    tree = slo(objectives=[{"target": 0.9, "timeSliceTarget": 0.9, "timeSliceWindow": "1m"}])
    assert slo_of(tree, {}).objectives == (Objective(0.9),)
    assert [each.field for each in read(tree).kept] == ["spec.objectives[0].timeSliceTarget", "spec.objectives[0].timeSliceWindow"]


def test_calendar_windows_are_read_in_every_unit() -> None:
    told = meant("calendar.yaml")
    assert {name: (each.window.unit, each.window.count) for name, each in told.items() if isinstance(each.window, CalendarWindow)} == {
        "search-by-day": (CalendarUnit.DAY, 1),
        "search-by-week": (CalendarUnit.WEEK, 2),
        "search-by-month": (CalendarUnit.MONTH, 1),
        "search-by-quarter": (CalendarUnit.QUARTER, 1),
        "search-by-year": (CalendarUnit.YEAR, 1),
    }
    india = CalendarWindow(CalendarUnit.QUARTER, 1, datetime(2026, 4, 1, 6, 30), "Asia/Kolkata")  # noqa: DTZ001 - local by contract
    assert told["search-by-quarter"].window == india


@pytest.mark.parametrize(("text", "unit"), [("5m", CalendarUnit.MINUTE), ("12h", CalendarUnit.HOUR)])
def test_a_calendar_window_may_be_shorter_than_a_day(text: str, unit: CalendarUnit) -> None:
    calendar = {"startTime": "2026-01-01 12:00:00", "timeZone": "UTC"}
    window = slo_of(slo(timeWindow=[{"duration": text, "calendar": calendar}]), {}).window
    assert isinstance(window, CalendarWindow)
    assert (window.unit, window.count) == (unit, int(text[:-1]))


def test_minutes_in_a_calendar_window_are_said_not_to_be_months() -> None:
    calendar = {"startTime": "2026-01-01 00:00:00", "timeZone": "UTC"}
    told = read(slo(timeWindow=[{"duration": "1m", "calendar": calendar}])).kept
    assert [(each.field, "for months write M" in each.text) for each in told] == [("spec.timeWindow[0].duration", True)]


def test_without_a_window_four_weeks_are_counted_and_that_is_said() -> None:
    tree = slo(timeWindow=None)
    assert slo_of(tree, {}).window == RollingWindow(timedelta(days=28))
    assert [each.field for each in read(tree).kept] == ["spec.timeWindow"]


LATER: list[tuple[list[Tree], str, str]] = [
    ([], "", ""),
    ([sli()], "", ""),
    ([sli(), data_source()], "Prometheus", "http://127.0.0.1:9090"),
    ([sli(), data_source(url="http://prometheus:9090")], "Prometheus", "http://prometheus:9090"),
]


@pytest.mark.parametrize(("held", "kind", "url"), LATER)
def test_what_an_slo_names_is_resolved_so_far_as_it_is_there(held: list[Tree], kind: str, url: str) -> None:
    indicator = slo_of(slo(), {key_of(each): each for each in held}).indicator
    if not held:
        assert indicator == Indicator()
    else:
        assert indicator.good is not None
        assert (indicator.good.type, indicator.good.connection.get("url", "")) == (kind, url)
        assert indicator.good.spec == {"query": "good_total"}


@pytest.mark.parametrize("name", ["threshold.yaml", "composite.yaml"])
def test_what_is_no_count_of_events_is_not_asked_for(name: str) -> None:
    assert all(each.indicator == Indicator() for each in meant(name).values())


def test_names_are_those_of_resources() -> None:
    for key in (Key("SLO", "a-b"), Key("DataSource", "a-b")):
        assert Key.of_name(key.name) == key
    assert Key("DataSource", "a").name < Key("SLO", "a").name  # exports and their pages stand on this


# Sloth.


def test_sloth_is_read_as_openslo() -> None:
    told = meant("sloth.yaml")
    answers = told["catalogue-answers"]
    assert (answers.component, answers.objectives, answers.window) == (
        "components/catalogue",
        (Objective(0.999),),
        RollingWindow(timedelta(days=30)),
    )
    assert answers.indicator.bad is not None
    assert answers.indicator.bad.spec == {"query": 'sum(rate(catalogue_requests_total{code=~"5.."}[{{.window}}]))'}
    assert not answers.indicator.is_counter
    assert told["catalogue-errors"].indicator == Indicator()


def test_what_sloth_says_beside_the_promise_stays_in_the_document() -> None:
    metadata = read_bundle(example("sloth.yaml"))[0].tree["metadata"]
    assert metadata["labels"] == {"owner": "shop", "category": "availability"}
    alerting = '{"name": "CatalogueFails", "page_alert": {"labels": {"severity": "page"}}, "ticket_alert": {"disable": true}}'
    assert metadata["annotations"] == {"sloth.dev/alerting": alerting}


EVENTS = "{events: {error_query: a, total_query: b}}"
SLOTH = [
    (f"[{{name: a, objective: 100, sli: {EVENTS}}}]", "slos[0].objective", "above 0 and below 100"),
    ("[{name: a, objective: 99, sli: {events: {error_query: a}}}]", "slos[0].sli.events.total_query", "is missing"),
    ("[{name: a, objective: 99, sli: {plugin: {id: a}}}]", "slos[0].sli.plugin", "write its queries out"),
    ("[{name: a, objective: 99, sli: {}}]", "slos[0].sli", "needs events, raw or plugin"),
    (f"[{{name: a, objective: 99, sli: {EVENTS}}}, {{name: a, objective: 9, sli: {EVENTS}}}]", "slos[1].name", "is that of slos[0]"),
    (f"[{{name: {'a' * 62}, objective: 99, sli: {EVENTS}}}]", "slos[0].name", "longer than 63"),
    ("[]", "slos", "has 0 items"),
]


@pytest.mark.parametrize(("slos", "field", "why"), SLOTH)
def test_sloth_that_breaks_a_rule_is_refused_by_field(slos: str, field: str, why: str) -> None:
    (only,) = read_bundle(f"version: prometheus/v1\nservice: web\nslos: {slos}\n")
    assert why in {each.field: each.text for each in only.problems}.get(field, "not refused")
