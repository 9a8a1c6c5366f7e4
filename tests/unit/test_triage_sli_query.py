"""What is asked for an SLO, and the samples that answers become."""

from dataclasses import replace
from datetime import UTC, datetime

from services.triage.domain.sli_query import SliQuery, Values, by_server, labels_of, query_of, samples_of
from services.triage.domain.slo import Indicator, MetricSource
from tests.support.budgets import slo

QUERY = SliQuery("slos/a", "", "all", "fine", is_bad=False)
ONE, OTHER = (("instance", "one"),), (("instance", "other"),)


def source(kind: str = "Prometheus", query: str = "up", url: str = "http://127.0.0.1:9090") -> MetricSource:
    return MetricSource(kind, "", {"url": url}, {"query": query})


def test_good_and_total_of_prometheus_are_asked_for() -> None:
    found = query_of(replace(slo("a"), indicator=Indicator(good=source(query="fine"), total=source("prometheus", "all"))))
    assert found == SliQuery("slos/a", "http://127.0.0.1:9090", "all", "fine", is_bad=False)
    bad = query_of(replace(slo("a"), indicator=Indicator(bad=source(query="broken"), total=source())))
    assert bad is not None
    assert bad.is_bad


def test_what_is_not_of_prometheus_or_has_no_query_is_not_asked_for() -> None:
    for indicator in (
        Indicator(),
        Indicator(good=source(), total=source("Datadog")),
        Indicator(good=source(), total=None),
        Indicator(good=source(query=" "), total=source()),
    ):
        assert query_of(replace(slo("a"), indicator=indicator)) is None


def test_each_series_is_a_source_of_its_own() -> None:
    found = samples_of(QUERY, {ONE: {60.0: 9.0}, OTHER: {60.0: 5.0}}, {ONE: {60.0: 10.0}, OTHER: {60.0: 5.0}})
    assert [(each.source, each.good, each.total) for each in found] == [
        ("prometheus{instance=one}", 9, 10),
        ("prometheus{instance=other}", 5, 5),
    ]
    assert found[0].at == datetime(1970, 1, 1, 0, 1, tzinfo=UTC)


def test_a_part_that_has_no_series_yet_counts_nothing() -> None:
    total: Values = {ONE: {60.0: 10.0}}
    assert [each.good for each in samples_of(QUERY, {}, total)] == [0]
    assert [each.good for each in samples_of(replace(QUERY, is_bad=True), {}, total)] == [10]
    assert samples_of(QUERY, total, {}) == []


def test_good_is_never_more_than_all() -> None:
    assert [each.good for each in samples_of(QUERY, {ONE: {60.0: 11.0}}, {ONE: {60.0: 10.0}})] == [10]
    assert [each.good for each in samples_of(replace(QUERY, is_bad=True), {ONE: {60.0: 11.0}}, {ONE: {60.0: 10.0}})] == [0]


def test_labels_tell_series_of_two_queries_apart_and_the_name_does_not() -> None:
    assert labels_of({"__name__": "http_requests_total", "job": "shop", "code": "200"}) == (("code", "200"), ("job", "shop"))


def test_queries_go_to_the_server_they_name_or_to_the_one_of_the_settings() -> None:
    named = replace(QUERY, url="http://b/")
    assert by_server([QUERY, named], "http://a") == {"http://a": [QUERY], "http://b": [named]}
    assert by_server([QUERY], "") == {}
