"""Grouping: which alerts people handle as one incident."""

from services.intake.domain.grouping import Grouping, components_of, group_of

BY_TWO = Grouping(group_by=("region", "outage"))


def test_alerts_with_the_same_values_are_one_group() -> None:
    first = group_of({"region": "eu", "outage": "7", "alertname": "a"}, "f1", BY_TWO)
    second = group_of({"alertname": "b", "outage": "7", "region": "eu"}, "f2", BY_TWO)
    assert first == second
    assert first.labels == (("region", "eu"), ("outage", "7"))


def test_another_value_is_another_group() -> None:
    assert group_of({"region": "eu"}, "f", BY_TWO) != group_of({"region": "us"}, "f", BY_TWO)


def test_the_same_value_of_another_label_is_another_group() -> None:
    assert group_of({"region": "7"}, "f", BY_TWO).key != group_of({"outage": "7"}, "f", BY_TWO).key


def test_values_cannot_be_made_to_look_like_two_labels() -> None:
    assert group_of({"region": 'eu"],["outage","7'}, "f", BY_TWO).key != group_of({"region": "eu", "outage": "7"}, "f", BY_TWO).key


def test_some_of_the_labels_are_enough() -> None:
    assert group_of({"outage": "7"}, "f", BY_TWO).labels == (("outage", "7"),)


def test_an_alert_with_none_of_the_labels_is_alone() -> None:
    first, second = group_of({"alertname": "a"}, "f1", BY_TWO), group_of({"alertname": "a"}, "f2", BY_TWO)
    assert first.key != second.key
    assert first.labels == ()


def test_an_empty_value_counts_as_none() -> None:
    assert group_of({"region": ""}, "f", BY_TWO) == group_of({}, "f", BY_TWO)


def test_a_group_by_labels_never_has_the_key_of_a_lonely_alert() -> None:
    lonely = group_of({}, "f", Grouping(group_by=("a",)))
    assert group_of({"a": lonely.key}, "f", Grouping(group_by=("a",))).key != lonely.key


def test_components_are_named_once_and_sorted() -> None:
    labels = [{"component": name} for name in ("web", "db", "api", "web", "", "queue", "cache")]
    assert components_of([*labels, {"alertname": "x"}], Grouping()) == ("api", "cache", "db", "queue", "web")


def test_the_label_that_names_the_component_is_a_setting() -> None:
    assert components_of([{"service": "web", "component": "x"}], Grouping(component_label="service")) == ("web",)
