"""Conditions in CEL: checked when saved, bounded when evaluated."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.domain.condition import LANGUAGE, facts_of
from shared.condition import ConditionFailed, ConditionRefused

compiling = settings(deadline=None)  # how long a condition takes to compile says nothing of the rules


def refused(text: str) -> ConditionRefused:
    with pytest.raises(ConditionRefused) as error:
        LANGUAGE.condition(text)
    return error.value


def test_a_condition_reads_labels_annotations_and_source() -> None:
    condition = LANGUAGE.condition('labels.env == "prod" && source.startsWith("prom") && annotations.exists(a, a == "summary")')
    assert condition.holds(facts_of({"env": "prod"}, {"summary": "x"}, "prometheus"))
    assert not condition.holds(facts_of({"env": "prod"}, {}, "prometheus"))
    assert condition.names == {"labels", "annotations", "source"}


@pytest.mark.parametrize(
    ("text", "why", "line", "column"),
    [
        ("labels.env", "gives a string", 1, 1),
        ("label.env == 'x'", "undeclared reference to 'label.env'; did you mean labels?", 1, 6),
        ("true &&\n  foo", "undeclared reference to 'foo'", 2, 3),
        ("labels.a == 1", "no matching overload", 1, 10),
        ("labels.a ==", "Syntax error", 1, 12),
        ("", "Syntax error", 1, 1),
        ("source.matches('(')", "missing )", 1, 16),
        ("(" * 200 + "true" + ")" * 200, "recursion limit", 1, 1),
        ("true && " * 200 + "true", "characters", 1, 1),
        ("labels.exists(a, labels.exists(b, a == b))", "a loop within a loop", 1, 31),
    ],
)
def test_what_is_no_condition_is_refused_where_it_is_wrong(text: str, why: str, line: int, column: int) -> None:
    error = refused(text)
    assert why in error.text
    assert (error.line, error.column) == (line, column)


def test_loops_beside_each_other_and_in_texts_are_no_loops_within_loops() -> None:
    assert LANGUAGE.condition('labels.all(a, a != "x") && labels.exists(b, b != ".map(map(")').holds(facts_of({"a": "1"}, {}, ""))


def test_a_label_that_is_absent_fails_the_condition_unless_asked_for() -> None:
    with pytest.raises(ConditionFailed, match="env"):
        LANGUAGE.condition('labels.env == "prod"').holds(facts_of({}, {}, ""))
    assert not LANGUAGE.condition('"env" in labels && labels.env == "prod"').holds(facts_of({}, {}, ""))


def test_a_pattern_from_an_alert_that_is_no_pattern_fails_the_condition() -> None:
    with pytest.raises(ConditionFailed):
        LANGUAGE.condition("source.matches(labels.p)").holds(facts_of({"p": "("}, {}, "x"))


def test_a_pattern_that_would_blow_up_elsewhere_takes_linear_time() -> None:
    assert not LANGUAGE.condition("source.matches('^(a+)+$')").holds(facts_of({}, {}, "a" * 5000 + "b"))


def outcome(text: str) -> bool | ConditionRefused | ConditionFailed:
    try:
        return LANGUAGE.condition(text).holds(facts_of({"a": "b"}, {}, "s"))
    except (ConditionRefused, ConditionFailed) as error:
        return error


@compiling
@given(st.text(max_size=80) | st.text(alphabet="labelsource.()[]{}'\"!&|=<>?:+-*/%, 0aexists\\rmatch", max_size=60))
def test_no_text_ends_in_anything_but_an_answer_or_a_refusal(text: str) -> None:
    ended = outcome(text)
    assert isinstance(ended, bool) or str(ended)
    assert not isinstance(ended, ConditionRefused) or min(ended.line, ended.column) >= 1
