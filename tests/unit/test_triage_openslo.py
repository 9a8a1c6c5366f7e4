"""OpenSLO documents: what is valid comes through whole, and what is not is refused where it stands."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.triage.domain.openslo_kind import KINDS
from services.triage.domain.openslo_tree import Tree, canonical, yaml_of
from services.triage.domain.slo_bundle import read_bundle
from services.triage.domain.slo_document import Key, references
from services.triage.domain.slo_resolution import slo_of
from services.triage.storage.slo_rows import slo_from_json, slo_to_json
from tests.support.slos import EXAMPLE_FILES, QUERY, anything, data_source, document, documents, example, patient, read, sli, slo, slos


def refusals(tree: Tree) -> dict[str, str]:
    """Returns what is wrong with a document, by field."""
    return {each.field: each.text for each in read(tree).problems}


# Without loss.


@patient
@given(documents)
def test_a_valid_document_is_written_and_read_back_equal(tree: Tree) -> None:
    back = read(tree)
    assert not back.problems
    assert canonical(back.tree) == canonical(tree)
    assert yaml_of([back.tree]) == yaml_of([tree])  # the order of fields too


@patient
@given(slos)
def test_an_slo_means_the_same_after_it_was_written_and_stored(tree: Tree) -> None:
    slo_read = slo_of(read(tree).tree, {})
    assert slo_read == slo_of(tree, {})
    assert slo_from_json(slo_to_json(slo_read)) == slo_read
    assert all(0 < each.target < 1 for each in slo_read.objectives)


@patient
@given(st.lists(documents, min_size=2, max_size=4))
def test_documents_of_one_text_are_read_each_by_itself(trees: list[Tree]) -> None:
    together = read_bundle(yaml_of(trees))
    assert [canonical(each.tree) for each in together] == [canonical(tree) for tree in trees]
    assert [each.number for each in together] == list(range(1, len(trees) + 1))


@pytest.mark.parametrize("name", EXAMPLE_FILES)
def test_an_example_comes_through_whole(name: str) -> None:
    first = read_bundle(example(name))
    assert first
    assert [each.problems for each in first] == [()] * len(first)
    again = read_bundle(yaml_of([each.tree for each in first]))
    assert [canonical(each.tree) for each in again] == [canonical(each.tree) for each in first]


def test_the_examples_hold_every_kind() -> None:
    assert {each.kind for name in EXAMPLE_FILES for each in read_bundle(example(name))} == set(KINDS)


@patient
@given(anything)
def test_nothing_that_yaml_can_say_breaks_the_reader(tree: Tree) -> None:
    for each in read_bundle(yaml_of([tree])):
        assert each.problems


@patient
@given(slos, st.data())
def test_a_value_of_any_other_kind_is_judged_and_never_breaks_the_reader(tree: Tree, data: st.DataObject) -> None:
    broken = copy.deepcopy(tree)
    where: Any = broken
    while True:
        place = data.draw(st.sampled_from(sorted(where)) if isinstance(where, dict) else st.integers(0, len(where) - 1))
        if not where[place] or not isinstance(where[place], dict | list) or data.draw(st.booleans()):
            break
        where = where[place]
    where[place] = data.draw(anything)
    for each in read_bundle(yaml_of([broken])):
        assert each.problems or slo_of(each.tree, {})


@patient
@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    for each in read_bundle(text):
        assert each.problems


# Refusals, by field.

TIMED = {"target": 0.9, "timeSliceTarget": 0.9, "timeSliceWindow": "1m"}
INLINE = {"metadata": {"name": "a"}, "spec": {"ratioMetric": {"good": QUERY, "total": QUERY}}}
WRONG_SLOS = [
    ({"service": "Web Shop"}, "spec.service", "RFC 1123"),
    ({"service": None}, "spec.service", "is missing"),
    ({"budgetingMethod": "Occurences"}, "spec.budgetingMethod", "did you mean Occurrences?"),
    ({"budgetingMethod": None}, "spec.budgetingMethod", "is missing"),
    ({"objectives": []}, "spec.objectives", "has 0 items"),
    ({"objectives": [{"target": 1}]}, "spec.objectives[0].target", "above 0 and below 1"),
    ({"objectives": [{"target": 0}]}, "spec.objectives[0].target", "above 0 and below 1"),
    ({"objectives": [{"target": "0.9"}]}, "spec.objectives[0].target", "must be a number"),
    ({"objectives": [{"target": True}]}, "spec.objectives[0].target", "is true; must be a number"),
    ({"objectives": [{"targetPercent": 100}]}, "spec.objectives[0].targetPercent", "above 0 and below 100"),
    ({"objectives": [{"target": 0.9, "targetPercent": 90}]}, "spec.objectives[0].targetPercent", "stands beside target"),
    ({"objectives": [{"displayName": "none"}]}, "spec.objectives[0]", "needs target or targetPercent"),
    ({"objectives": [{"target": 0.9, "tagret": 1}]}, "spec.objectives[0].tagret", "did you mean target?"),
    ({"objectives": [{"target": 0.9, "op": "eq"}]}, "spec.objectives[0].op", "must be lte, gte, lt or gt"),
    ({"objectives": [{"target": 0.9, "compositeWeight": 0}]}, "spec.objectives[0].compositeWeight", "above 0"),
    ({"indicator": INLINE}, "spec.indicatorRef", "stands beside indicator"),
    ({"indicatorRef": None}, "spec", "needs indicator or indicatorRef"),
    ({"indicatorRef": "No"}, "spec.indicatorRef", "RFC 1123"),
    ({"objectives": [{"target": 0.9, "indicatorRef": "a"}]}, "spec.indicatorRef", "stands beside indicators of objectives"),
    (
        {"indicatorRef": None, "objectives": [{"target": 0.9, "indicatorRef": "a"}, {"target": 0.9}]},
        "spec.objectives[1]",
        "needs indicator or indicatorRef",
    ),
    ({"timeWindow": []}, "spec.timeWindow", "exactly one time window"),
    ({"timeWindow": [{"duration": "1d", "isRolling": True}] * 2}, "spec.timeWindow", "exactly one time window"),
    ({"timeWindow": [{"duration": "1d"}]}, "spec.timeWindow[0]", "neither rolls nor follows the calendar"),
    ({"timeWindow": [{"duration": "1y", "isRolling": True}]}, "spec.timeWindow[0].duration", "m h d w M Q Y"),
    ({"timeWindow": [{"duration": "0d", "isRolling": True}]}, "spec.timeWindow[0].duration", "no time at all"),
    ({"timeWindow": [{"duration": "11Y", "isRolling": True}]}, "spec.timeWindow[0].duration", "at most 10 years"),
    (
        {"timeWindow": [{"duration": "1M", "isRolling": True, "calendar": {"startTime": "2026-01-01 00:00:00", "timeZone": "UTC"}}]},
        "spec.timeWindow[0].calendar",
        "stands beside isRolling: true",
    ),
    (
        {"timeWindow": [{"duration": "1M", "calendar": {"startTime": "2026-02-30 00:00:00", "timeZone": "UTC"}}]},
        "spec.timeWindow[0].calendar.startTime",
        "local time without offset",
    ),
    (
        {"timeWindow": [{"duration": "1M", "calendar": {"startTime": "2026-01-01T00:00:00Z", "timeZone": "UTC"}}]},
        "spec.timeWindow[0].calendar.startTime",
        "local time without offset",
    ),
    (
        {"timeWindow": [{"duration": "1M", "calendar": {"startTime": "2026-01-01 00:00:00", "timeZone": "Berlin"}}]},
        "spec.timeWindow[0].calendar.timeZone",
        "IANA",
    ),
    ({"budgetingMethod": "Timeslices"}, "spec.objectives[0].timeSliceTarget", "Timeslices needs it"),
    ({"budgetingMethod": "Timeslices"}, "spec.objectives[0].timeSliceWindow", "Timeslices needs it"),
    ({"budgetingMethod": "RatioTimeslices"}, "spec.objectives[0].timeSliceWindow", "RatioTimeslices needs it"),
    (
        {"budgetingMethod": "Timeslices", "objectives": [TIMED | {"timeSliceTarget": 0}]},
        "spec.objectives[0].timeSliceTarget",
        "above 0 and up to 1",
    ),
    ({"budgetingMethod": "Timeslices", "objectives": [TIMED | {"timeSliceWindow": 0}]}, "spec.objectives[0].timeSliceWindow", "above 0"),
    ({"description": "d" * 1051}, "spec.description", "has 1051 characters; 1050 are allowed"),
    (
        {"alertPolicies": [{"alertPolicyRef": "a", "spec": {}}]},
        "spec.alertPolicies[0].alertPolicyRef",
        "stands beside kind, metadata or spec",
    ),
    ({"alertPolicies": ["a"]}, "spec.alertPolicies[0]", "alertPolicyRef naming the AlertPolicy"),
    ({"polices": []}, "spec.polices", "did you mean alertPolicies?"),
    (
        {
            "indicatorRef": None,
            "indicator": {"metadata": {"name": "a"}, "spec": {"thresholdMetric": QUERY}},
            "objectives": [{"target": 0.9, "op": "lt"}, {"target": 0.8, "op": "lt", "value": 3}],
        },
        "spec.objectives",
        "a thresholdMetric allows one",
    ),
    (
        {
            "indicatorRef": None,
            "indicator": {"metadata": {"name": "a"}, "spec": {"thresholdMetric": QUERY}},
            "objectives": [{"target": 0.9, "op": "lt"}],
        },
        "spec.objectives[0].value",
        "compared by op with value",
    ),
]


@pytest.mark.parametrize(("spec", "field", "why"), WRONG_SLOS)
def test_an_slo_that_breaks_a_rule_is_refused_by_field(spec: dict[str, Any], field: str, why: str) -> None:
    assert why in refusals(slo(**spec)).get(field, "not refused")


RATIOS: list[tuple[Tree, str, str]] = [
    ({"good": QUERY, "bad": QUERY, "total": QUERY}, "spec.ratioMetric.bad", "stands beside good"),
    ({"total": QUERY}, "spec.ratioMetric", "needs good or bad"),
    ({"good": QUERY}, "spec.ratioMetric.total", "is missing"),
    ({"raw": QUERY}, "spec.ratioMetric.rawType", "is missing"),
    ({"raw": QUERY, "rawType": "ratio"}, "spec.ratioMetric.rawType", "must be success or failure"),
    ({"raw": QUERY, "rawType": "success", "total": QUERY}, "spec.ratioMetric.total", "stands beside raw"),
    ({"good": QUERY, "total": QUERY, "rawType": "success"}, "spec.ratioMetric.rawType", "means nothing without raw"),
    ({"good": QUERY, "total": QUERY, "counter": "yes"}, "spec.ratioMetric.counter", "must be true or false"),
    (
        {"good": QUERY, "total": {"metricSource": {"spec": {"query": "up"}}}},
        "spec.ratioMetric.total.metricSource.type",
        "without metricSourceRef",
    ),
    ({"good": QUERY, "total": {"metricSource": {"type": "a", "spec": {}}}}, "spec.ratioMetric.total.metricSource.spec", "is empty"),
    ({"good": QUERY, "total": {"metricSource": {"type": "a"}}}, "spec.ratioMetric.total.metricSource.spec", "is missing"),
]


@pytest.mark.parametrize(("ratio", "field", "why"), RATIOS)
def test_a_ratio_that_is_none_is_refused_by_field(ratio: Tree, field: str, why: str) -> None:
    assert why in refusals(document("SLI", "a", {"ratioMetric": ratio})).get(field, "not refused")


CONDITION = {"severity": "page", "condition": {"op": "gt", "threshold": 2, "lookbackWindow": "1h"}}
TARGETS = [{"targetRef": "a"}]
OTHERS: list[tuple[str, Tree, str, str]] = [
    (
        "SLI",
        {"ratioMetric": {"good": QUERY, "total": QUERY}, "thresholdMetric": QUERY},
        "spec.ratioMetric",
        "stands beside thresholdMetric",
    ),
    ("SLI", {}, "spec", "needs thresholdMetric or ratioMetric"),
    ("DataSource", {"connectionDetails": {}}, "spec.type", "is missing"),
    ("DataSource", {"type": "a"}, "spec.connectionDetails", "is missing"),
    ("Service", {"owner": "a"}, "spec.owner", "is no field here"),
    ("AlertCondition", CONDITION | {"severity": None}, "spec.severity", "is missing"),
    ("AlertCondition", CONDITION | {"condition": {"kind": "budget"}}, "spec.condition.kind", "must be burnrate"),
    ("AlertCondition", CONDITION | {"condition": {}}, "spec.condition.lookbackWindow", "is missing"),
    ("AlertPolicy", {"notificationTargets": TARGETS}, "spec.conditions", "is missing"),
    ("AlertPolicy", {"conditions": [{"conditionRef": "a"}] * 2, "notificationTargets": TARGETS}, "spec.conditions", "exactly one"),
    ("AlertPolicy", {"conditions": [{"conditionRef": "a"}], "notificationTargets": []}, "spec.notificationTargets", "has 0 items"),
    ("AlertNotificationTarget", {"description": "a"}, "spec.target", "is missing"),
    ("AlertNotificationTarget", {"target": 5}, "spec.target", "quote it"),
]


@pytest.mark.parametrize(("kind", "spec", "field", "why"), OTHERS)
def test_other_kinds_are_refused_by_field(kind: str, spec: Tree, field: str, why: str) -> None:
    assert why in refusals(document(kind, "a", spec)).get(field, "not refused")


METADATA: list[tuple[Tree, str, str]] = [
    ({}, "metadata.name", "is missing"),
    ({"name": "Answers"}, "metadata.name", "RFC 1123"),
    ({"name": "a" * 64}, "metadata.name", "at most 63"),
    ({"name": 5}, "metadata.name", "is 5"),
    ({"name": "a", "labels": {"-a": "b"}}, "metadata.labels.-a", "a label's key"),
    ({"name": "a", "labels": {"a": 1}}, "metadata.labels.a", "quote it"),
    ({"name": "a", "annotations": {"a/b/c": "b"}}, "metadata.annotations.a/b/c", "an annotation's key"),
    ({"name": "a", "annotations": {"A.b/c": "b"}}, "metadata.annotations.A.b/c", "an annotation's key"),
    ({"name": "a", "annotations": {"a": ["b"]}}, "metadata.annotations.a", "must be a text"),
    ({"name": "a", "uid": "b"}, "metadata.uid", "is no field here"),
]


@pytest.mark.parametrize(("metadata", "field", "why"), METADATA)
def test_metadata_is_refused_by_field(metadata: Tree, field: str, why: str) -> None:
    assert why in refusals(document("Service", "a", {}) | {"metadata": metadata}).get(field, "not refused")


VERSIONS: list[tuple[Tree, str]] = [
    ("openslo/v1alpha", "write the document in openslo/v1"),
    ("openslo/v2alpha1", "write the document in openslo/v1"),
    ("openslo.com/v2alpha", "write the document in openslo/v1"),
    ("sloth.slok.dev/v1", "version: prometheus/v1"),
    ("apps/v1", "must be openslo/v1"),
    (["openslo/v1"], "must be openslo/v1"),
    (None, "is missing"),
]


@pytest.mark.parametrize(("version", "why"), VERSIONS)
def test_another_version_is_recognised_and_refused(version: Tree, why: str) -> None:
    assert why in refusals(slo() | {"apiVersion": version})["apiVersion"]


def test_an_unknown_kind_is_refused_with_the_one_meant() -> None:
    assert "did you mean SLO?" in refusals(slo() | {"kind": "SLOs"})["kind"]
    assert "must be SLO, SLI" in refusals(slo() | {"kind": "Budget"})["kind"]


# Places.

BROKEN = """\
# a comment

apiVersion: openslo/v1
kind: Service
metadata:
  name: fine
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: wrong}
spec:
  service: web
  budgetingMethod: Occurrences
  indicatorRef: a
  objectives:
    - target: 0.9
    - {displayName: both, target: 0.9, targetPercent: 90}
---
apiVersion: [
---
kind: Service
apiVersion: openslo/v1
metadata: {name: fine}
---
# nothing
---
just a text
"""


def test_what_is_wrong_is_told_by_document_line_and_column_and_the_good_ones_stay() -> None:
    told = [(each.number, each.line, [(one.line, one.column, one.field) for one in each.problems]) for each in read_bundle(BROKEN)]
    assert told == [
        (1, 3, []),
        (2, 8, [(17, 40, "spec.objectives[1].targetPercent")]),
        (3, 19, [(20, 1, "")]),  # where the bracket is missed
        (4, 21, [(23, 12, "metadata.name")]),
        (5, 27, [(27, 1, "")]),
    ]


def test_a_missing_field_is_told_where_it_would_stand() -> None:
    (only,) = read_bundle("apiVersion: openslo/v1\nkind: SLI\nmetadata: {name: a}\nspec:\n  ratioMetric:\n    good: {}\n")
    assert ("spec.ratioMetric.total", 5) in [(each.field, each.line) for each in only.problems]


@pytest.mark.parametrize("value", [".inf", "-.INF", ".nan", "1e999", "9" * 400, '"\\0"'])
def test_what_no_store_keeps_is_refused_where_it_stands(value: str) -> None:
    text = f"apiVersion: openslo/v1\nkind: DataSource\nmetadata: {{name: a}}\nspec:\n  type: a\n  connectionDetails: {{a: {value}}}\n"
    (only,) = read_bundle(text)
    assert [(each.field, each.line) for each in only.problems] == [("spec.connectionDetails.a", 6)]


@pytest.mark.parametrize(
    ("text", "means"), [("no", "no"), ("yes", "yes"), ("0o17", 15), ("0x1F", 31), ("1e3", 1000.0), ("~", None), ("+12", 12)]
)
def test_plain_texts_mean_what_the_core_schema_of_yaml_says(text: str, means: Tree) -> None:
    (only,) = read_bundle(
        f"apiVersion: openslo/v1\nkind: DataSource\nmetadata: {{name: a}}\nspec: {{type: a, connectionDetails: [{text}]}}\n"
    )
    assert canonical(only.tree["spec"]["connectionDetails"]) == canonical([means])


# References.


def test_references_are_found_wherever_they_may_stand() -> None:
    found = {
        ref.key
        for name in ("shop.yaml", "in-place.yaml", "composite.yaml")
        for each in read_bundle(example(name))
        for ref in references(each.tree)
    }
    assert found == {
        Key("DataSource", "shop-prometheus"),
        Key("Service", "checkout"),
        Key("Service", "mail"),
        Key("Service", "shop"),
        Key("SLI", "checkout-requests"),
        Key("SLI", "mail-delivered"),
        Key("SLI", "search-answers"),
        Key("AlertPolicy", "checkout-burns"),
        Key("AlertCondition", "fast-burn"),
        Key("AlertNotificationTarget", "shop-on-call"),
    }


def test_a_word_of_the_author_is_no_reference() -> None:
    tree = data_source()
    tree["spec"]["connectionDetails"]["indicatorRef"] = "answers"
    assert references(tree) == []
    told = sli()
    told["spec"]["ratioMetric"]["good"]["metricSource"]["spec"]["metricSourceRef"] = "other"
    assert [ref.key.id for ref in references(told)] == ["prometheus", "prometheus"]


def test_no_kind_can_lead_back_to_itself() -> None:
    """Why cycles need no check: references go from kind to kind, and those have an order."""
    order = ["SLO", "AlertPolicy", "AlertCondition", "AlertNotificationTarget", "SLI", "DataSource", "Service"]

    @patient
    @given(documents)
    def led(tree: Tree) -> None:
        assert all(order.index(ref.key.kind) > order.index(tree["kind"]) for ref in references(tree))

    led()
