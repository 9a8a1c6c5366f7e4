"""Inhibition: which alerts are muted while another fires."""

import pytest

from services.intake.domain.errors import MatchersRefused, MutingRefused
from services.intake.domain.inhibition import FiringSource, InhibitRules, check_rules, equal_key, inhibitor_of
from tests.support.muting import rule, rules

DOWN = rule("alertname=ClusterDown", 'severity=~"warning|info"', "cluster")


def source(**labels: str) -> FiringSource:
    return FiringSource("alerts/1", labels)


def test_an_alert_is_muted_while_its_source_fires_with_equal_labels() -> None:
    down = source(alertname="ClusterDown", cluster="a")
    found = inhibitor_of({"alertname": "Slow", "severity": "info", "cluster": "a"}, [DOWN], [down])
    assert found is not None
    assert (found.rule, found.source) == (DOWN, down)
    assert inhibitor_of({"alertname": "Slow", "severity": "info", "cluster": "b"}, [DOWN], [down]) is None
    assert inhibitor_of({"alertname": "Slow", "severity": "page", "cluster": "a"}, [DOWN], [down]) is None
    assert inhibitor_of({"alertname": "Slow", "severity": "info", "cluster": "a"}, [DOWN], []) is None


def test_an_alert_that_fires_but_is_no_source_mutes_nothing() -> None:
    assert inhibitor_of({"severity": "info"}, [DOWN], [source(alertname="Other")]) is None


def test_a_label_that_both_lack_is_equal_to_itself_and_to_an_empty_one() -> None:
    assert inhibitor_of({"severity": "info"}, [DOWN], [source(alertname="ClusterDown", cluster="")]) is not None
    assert equal_key(DOWN, {}) == equal_key(DOWN, {"cluster": ""}) == ("",)


def test_without_equal_labels_any_source_mutes() -> None:
    everywhere = rule("alertname=ClusterDown", "severity=info")
    assert inhibitor_of({"severity": "info", "cluster": "a"}, [everywhere], [source(alertname="ClusterDown", cluster="b")]) is not None


def test_an_alert_that_matches_both_sides_mutes_neither_itself_nor_its_like() -> None:
    both = rule('severity=~"page|info"', 'severity=~"info|warning"', "cluster")
    info, page = source(severity="info", cluster="a"), source(severity="page", cluster="a")
    assert inhibitor_of(info.labels, [both], [info]) is None
    assert inhibitor_of(info.labels, [both], [info, page]) is not None  # by one that matches only as a source
    assert inhibitor_of({"severity": "warning", "cluster": "a"}, [both], [info]) is not None


def test_the_first_rule_that_mutes_is_told() -> None:
    second = rule("alertname=ClusterDown", "severity=info", name="second")
    found = inhibitor_of({"severity": "info"}, [second, DOWN], [source(alertname="ClusterDown")])
    assert found is not None
    assert found.rule.name == "second"


def faults(built: InhibitRules) -> list[str]:
    with pytest.raises((MutingRefused, MatchersRefused)) as error:
        check_rules(built)
    return [each.field for each in error.value.violations]


def test_rules_out_of_bounds_are_refused_by_field() -> None:
    assert faults(rules(DOWN, reason=" ")) == ["reason"]
    assert faults(rules(DOWN, DOWN)) == ["rules[1].name"]
    assert faults(rules(rule("a=x", "b=y", name=""), rule("a=x", "b=y", name="a/b"))) == ["rules[0].name", "rules[1].name"]
    assert faults(rules(rule("a=x", "b=y", "c", "c"))) == ["rules[0].equal"]
    assert faults(rules(rule("a=x", "b=y", ""))) == ["rules[0].equal"]
    assert faults(rules(*(rule("a=x", "b=y", name=str(index)) for index in range(201)))) == ["rules"]
    assert faults(rules(rule("{}", "{}"), rule('a=~"("', "b!=y", name="second"))) == [
        "rules[0].source",
        "rules[0].target",
        "rules[1].source[0]",
    ]
    assert faults(rules(rule("a!=x", "b=y"))) == ["rules[0].source"]


def test_a_target_may_be_all_but_some_and_a_set_may_be_empty() -> None:
    check_rules(rules(rule("a=x", "a!=x")))
    check_rules(rules())
