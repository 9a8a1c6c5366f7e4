"""The rules document: what it may say, and that everything amiss is told at once, with line, rule and remedy."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.domain.errors import GroupingRulesInvalid
from services.intake.domain.grouping_document import rule_set
from services.intake.domain.grouping_rule import RuleSet
from services.intake.domain.similarity import Similarity
from services.intake.domain.threshold import Threshold
from tests.support.grouping import document, problem, problems

compiling = settings(deadline=None)  # how long a condition takes to compile says nothing of the rules

FULL = """\
rules:
  - name: payments
    match: ['team="payments"', 'severity=~"critical|page"']
    when: 'labels.env == "prod"'
    group_by: [component, region]
    quiet_period: 1h30m
    threshold: {count: 3, within: 10m}
    dependencies: true
    similarity: {of: summary, at_least: 0.8}
"""


def test_a_document_says_all_of_a_rule() -> None:
    rule = rule_set(FULL, 7, ("component",)).rules[0]
    assert (rule.name, rule.group_by, rule.line) == ("payments", ("component", "region"), 2)
    assert rule.quiet_period == timedelta(minutes=90)
    assert rule.threshold == Threshold(3, timedelta(minutes=10))
    assert rule.dependencies
    assert rule.similarity == Similarity("summary", 0.8)
    assert len(rule.matchers) == 2
    assert rule.condition is not None


def test_a_rule_that_says_little_groups_as_the_settings_do_and_waits_five_minutes() -> None:
    rule = rule_set(document("name: a"), 1, ("component",)).rules[0]
    assert (rule.group_by, rule.quiet_period) == (("component",), timedelta(minutes=5))
    assert (rule.threshold, rule.similarity, rule.dependencies) == (None, None, False)


def test_the_built_in_rule_comes_last_and_neither_waits_nor_holds() -> None:
    last = rule_set("rules: []", 1, ("component",)).rules[-1]
    assert (last.name, last.quiet_period, last.threshold) == ("default", timedelta(0), None)


def test_an_unknown_field_is_refused_with_the_near_word() -> None:
    found = problem("name: a, mach: ['x=\"y\"']")
    assert (found.path, found.rule, found.line) == ("rules[0].mach", "a", 2)
    assert "did you mean match?" in found.text


def test_an_unknown_field_far_from_any_names_those_there_are() -> None:
    assert "known are name, match, when" in problem("name: a, zzz: 1").text
    assert "known are rules" in problems("rules: []\nzzz: 1")["zzz"].text


def test_everything_amiss_is_told_at_once() -> None:
    found = problems(
        """\
rules:
  - name: Pay
    when: labels.env == 3
    quiet_period: 25h
    threshold: {count: 1}
  - name: ok
    group_by: [a, a]
"""
    )
    assert set(found) == {
        "rules[0].name",
        "rules[0].when",
        "rules[0].quiet_period",
        "rules[0].threshold.count",
        "rules[0].threshold.within",
        "rules[1].group_by",
    }
    assert {path: each.line for path, each in found.items()}["rules[1].group_by"] == 7
    assert found["rules[1].group_by"].rule == "ok"


def test_a_condition_that_is_wrong_names_the_rule_the_field_and_the_column() -> None:
    found = problem("name: a, when: 'labels.env == 3'")
    assert (found.path, found.rule, found.line) == ("rules[0].when", "a", 2)
    assert "column 12 of the expression" in found.text
    assert "compare them with a text in quotes" in found.text


@pytest.mark.parametrize(
    ("rule", "path", "remedy"),
    [
        ("when: 'true'", "rules[0].name", "is missing"),
        ("name: default", "rules[0].name", "built-in"),
        ("name: a_b", "rules[0].name", "lower-case"),
        ("name: a, match: 'x=\"y\"'", "rules[0].match", "must be a list"),
        ("name: a, match: ['x~y']", "rules[0].match[0]", "at character 2"),
        ("name: a, match: ['x=~\"(\"']", "rules[0].match[0]", "RE2"),
        ("name: a, match: ['']", "rules[0].match[0]", "not empty"),
        ("name: a, when: labels", "rules[0].when", "must give a bool"),
        ("name: a, quiet_period: 5", "rules[0].quiet_period", "as 90s, 10m or 1h30m"),
        ("name: a, quiet_period: ''", "rules[0].quiet_period", "as 90s, 10m or 1h30m"),
        ("name: a, quiet_period: 24h1s", "rules[0].quiet_period", "24h"),
        ("name: a, threshold: 3", "rules[0].threshold", "mapping with count, within"),
        ("name: a, threshold: {count: 1001, within: 1m}", "rules[0].threshold.count", "from 2 to 1000"),
        ("name: a, threshold: {count: '3', within: 1m}", "rules[0].threshold.count", "whole number"),
        ("name: a, threshold: {count: 3, within: 0s}", "rules[0].threshold.within", "between 1s and 24h"),
        ("name: a, dependencies: yes", "rules[0].dependencies", "true or false"),
        ("name: a, similarity: {of: summary, at_least: 80}", "rules[0].similarity.at_least", "up to 1"),
        ("name: a, similarity: {of: summary}", "rules[0].similarity.at_least", "is missing"),
        ("name: a, group_by: [[b]]", "rules[0].group_by[0]", "a text"),
        ("name: a, group_by: [" + ",".join(f"l{n}" for n in range(17)) + "]", "rules[0].group_by", "16 are allowed"),
    ],
)
def test_a_value_that_breaks_its_rule_is_refused_by_path_with_a_remedy(rule: str, path: str, remedy: str) -> None:
    found = problem(rule)
    assert found.path == path
    assert remedy in found.text


def test_two_rules_may_not_share_a_name() -> None:
    found = problems(document("name: a", "name: a, when: 'true'"))["rules[1].name"]
    assert "taken by the rule on line 2" in found.text


def test_more_rules_than_allowed_are_refused() -> None:
    assert "200 are allowed" in problems(document(*(f"name: r{n}" for n in range(201))))["rules"].text


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_document_says_how_to_write_none(text: str) -> None:
    assert "rules: []" in problems(text)[""].text


def test_a_document_without_rules_is_refused() -> None:
    assert "is missing" in problems("{}")["rules"].text


def test_a_rule_that_an_earlier_one_shadows_is_warned_of_and_allowed() -> None:
    text = document("name: all", "name: late, match: ['team=\"a\"']")
    found = problems(text)["rules[1]"]
    assert found.is_warning
    assert "rule all on line 2" in found.text
    assert rule_set(text, 1, ()).rules[1].name == "late"


def test_what_is_amiss_comes_as_one_error_with_every_field() -> None:
    with pytest.raises(GroupingRulesInvalid) as refused:
        rule_set(document("name: a, zzz: 1, when: 3"), 1, ())
    assert refused.value.reason == "GROUPING_RULES_INVALID"
    assert [each.field for each in refused.value.violations] == ["yaml.rules[0].zzz", "yaml.rules[0].when"]
    assert refused.value.violations[0].description.startswith("line 2, column ")


PIECES = "rules:|\n|  - |name: |a|match: |[|]|{|}|'|\"|x=~|when: |labels|(|)|&b |*b|!t |group_by: |count: |3|, |: |>|\t|-|#|? |\0|é"
fragments = st.sampled_from(PIECES.split("|"))


def ending(text: str) -> RuleSet | GroupingRulesInvalid:
    try:
        return rule_set(text, 1, ("component",))
    except GroupingRulesInvalid as refused:
        return refused


@compiling
@given(st.text(max_size=200) | st.lists(fragments, max_size=40).map("".join))
def test_no_text_ends_in_anything_but_rules_or_a_refusal(text: str) -> None:
    ended = ending(text)
    assert isinstance(ended, RuleSet) or ended.violations


@compiling
@given(
    st.sampled_from(["name", "match", "when", "group_by", "quiet_period", "threshold", "dependencies", "similarity"]), st.text(max_size=60)
)
def test_no_value_of_a_field_ends_in_anything_but_rules_or_a_refusal(field: str, value: str) -> None:
    quoted = value.replace("'", "''")
    for text in (f"rules:\n  - {field}: {value}", f"rules:\n  - {field}: '{quoted}'", f"rules:\n  - {field}: ['{quoted}']"):
        ended = ending(text)
        assert isinstance(ended, RuleSet) or ended.violations
