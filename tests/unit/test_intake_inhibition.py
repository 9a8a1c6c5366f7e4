"""Inhibition: which alerts are muted while another fires."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.errors import MatchersRefused, MutingRefused
from services.intake.domain.inhibition import (
    FiringSource,
    Inhibition,
    InhibitRule,
    InhibitRules,
    check_rules,
    equal_key,
)
from services.intake.domain.matcher import Matcher, Operator, accept
from services.intake.domain.muting import MuteSet
from tests.support.muting import rule, rules


def inhibitor_of(labels: Mapping[str, str], chosen: list[InhibitRule], firing: list[FiringSource]) -> Inhibition | None:
    muting = MuteSet(rules=rules(*chosen))
    return muting.inhibitors(firing).of(labels, muting.inhibit_targets(labels))


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


LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"), max_size=3)
SIDES = st.lists(
    st.builds(Matcher, st.sampled_from("abc"), st.sampled_from(Operator), st.sampled_from(["x", "y", "x|y"])), min_size=1, max_size=2
)


def mutes(rule: InhibitRule, target: dict[str, str], source: dict[str, str]) -> bool:
    """Says as Alertmanager's documentation does whether one alert mutes another by a rule."""
    both = accept(rule.source, target) and accept(rule.target, source)
    return accept(rule.target, target) and accept(rule.source, source) and equal_key(rule, source) == equal_key(rule, target) and not both


@given(st.lists(st.tuples(SIDES, SIDES, st.sets(st.sampled_from("abc"))), max_size=4), st.lists(LABELS, max_size=6), LABELS)
def test_an_alert_is_muted_exactly_when_trying_every_rule_and_every_firing_alert_says_so(
    drawn: list[tuple[list[Matcher], list[Matcher], set[str]]], firing: list[dict[str, str]], labels: dict[str, str]
) -> None:
    made = [InhibitRule(str(index), tuple(each[0]), tuple(each[1]), tuple(sorted(each[2]))) for index, each in enumerate(drawn)]
    muting = MuteSet(rules=rules(*made))
    found = muting.inhibitors(FiringSource(f"alerts/{index}", each) for index, each in enumerate(firing)).of(
        labels, muting.inhibit_targets(labels)
    )
    expected = next((each for each in made if any(mutes(each, labels, other) for other in firing)), None)
    assert (found.rule if found else None) == expected
    assert found is None or mutes(found.rule, labels, dict(found.source.labels))


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
