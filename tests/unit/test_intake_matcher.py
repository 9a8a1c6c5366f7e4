"""Matchers: what they mean, and Alertmanager's text form of them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.errors import MatchersRefused
from services.intake.domain.matcher import Matcher, Operator, accept, check_matchers, failing
from services.intake.domain.matcher_text import matcher_text, matchers_text, parse_matchers
from shared.errors import Violation

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
OPERATORS = st.sampled_from(Operator)


def one(text: str) -> Matcher:
    (found,) = parse_matchers(text, "m")
    return found


def refused(text: str) -> list[Violation]:
    with pytest.raises(MatchersRefused) as error:
        check_matchers(parse_matchers(text, "m"), "m")
    return list(error.value.violations)


# What they mean.


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("a=x", "x", True),
        ("a=x", "X", False),
        ("a!=x", "y", True),
        ("a!=x", "x", False),
        ('a=~"x.*"', "xyz", True),
        ('a=~"x"', "xy", False),  # the whole value
        ('a=~"y"', "xy", False),
        ('a=~"x|yz"', "yz", True),
        ('a=~"x|yz"', "xz", False),
        ('a!~"x.*"', "yx", True),
        ('a!~"x.*"', "xy", False),
        ('a=~"(?i)high"', "HIGH", True),
        ('a=~"(a*)*b"', "a" * 1000, False),  # linear in the length, where a backtracking engine would never end
    ],
)
def test_a_matcher_compares_the_whole_value(text: str, value: str, holds: bool) -> None:
    assert one(text).accepts(value) is holds


@pytest.mark.parametrize(("text", "holds"), [('a=""', True), ('a!=""', False), ('a=~".*"', True), ('a=~".+"', False), ("a!=x", True)])
def test_an_absent_label_counts_as_an_empty_one(text: str, holds: bool) -> None:
    assert accept([one(text)], {"b": "1"}) is accept([one(text)], {"a": ""}) is holds


def test_every_matcher_must_hold_and_those_that_do_not_are_told() -> None:
    matchers = parse_matchers('a=x,b=~"y.*",c!=z', "m")
    assert accept(matchers, {"a": "x", "b": "yy"})
    assert failing(matchers, {"a": "x", "b": "x", "c": "z"}) == matchers[1:]


# What is refused.


@pytest.mark.parametrize(
    ("text", "field", "said"),
    [
        ("{}", "m", "holds no matcher"),
        ('a=""', "m", "none of these labels"),
        ('a!=x,b=~".*",c!~"x"', "m", "none of these labels"),
        ('a=x,b=~"("', "m[1]", "missing )"),
        ('a=~"(?=x)"', "m[0]", "no look-around"),
        (r'a=~"\\1"', "m[0]", "invalid escape sequence"),
        ('a=~"((x{100}){100}){100}"', "m[0]", "invalid repetition size"),
        (r'a=~"([\\pL\\pN]{1,90}){9}"', "m[0]", "is no regex of RE2: pattern too large"),
        (r'a=~"\bx\b"', "m[0]", r"written \\b"),
        (f'a="{"x" * 1025}"', "m[0]", "more than 1,024 bytes"),
        (f'a=~"{"é" * 513}"', "m[0]", "more than 1,024 bytes"),
        (f"{'x' * 129}=a", "m[0]", "more than 128 bytes"),
        (r'a="\x00"', "m[0]", "NUL"),
        ('""=x', "m[0]", "names no label"),
        (",".join(f"a{index}=x" for index in range(33)), "m", "the limit is 32"),
    ],
)
def test_a_set_that_cannot_be_meant_is_refused_by_field_with_what_is_wrong(text: str, field: str, said: str) -> None:
    (violation,) = refused(text)
    assert violation.field == field
    assert said in violation.description


def test_every_matcher_at_fault_is_named() -> None:
    assert [each.field for each in refused('a=~"(",b=x,c=~"["')] == ["m[0]", "m[2]"]


def test_where_everything_may_be_meant_a_matcher_must_still_be_there() -> None:
    check_matchers(parse_matchers("severity!=critical", "m"), "m", may_match_all=True)
    with pytest.raises(MatchersRefused, match="holds no matcher"):
        check_matchers((), "m", may_match_all=True)


# The text form.


@pytest.mark.parametrize(
    ("text", "label", "operator", "value"),
    [
        ("foo=bar", "foo", "=", "bar"),
        ("{foo=bar}", "foo", "=", "bar"),
        ("{ foo != bar , }", "foo", "!=", "bar"),
        ('foo=~"bar.*"', "foo", "=~", "bar.*"),
        ("foo=~bar.*", "foo", "=~", "bar.*"),
        ('"a b"!~"c,d}"', "a b", "!~", "c,d}"),
        ('größe="🙂"', "größe", "=", "🙂"),
        (r'foo="a\"b\\c\n\t"', "foo", "=", 'a"b\\c\n\t'),
        (r'foo="\u00e9\xc3\xa9\303\251\U0001f642"', "foo", "=", "ééé🙂"),
        ('foo=""', "foo", "=", ""),
        ("foo.bar-1=a/b:c@d", "foo.bar-1", "=", "a/b:c@d"),
    ],
)
def test_matchers_read_as_in_alertmanager(text: str, label: str, operator: str, value: str) -> None:
    assert parse_matchers(text, "m") == (Matcher(label, Operator(operator), value),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("foo=", "character 5, where a value"),
        ("foo", "character 4, where one of = != =~ !~"),
        ("=bar", "character 1, where a name"),
        ("{foo=bar", "lacks a closing brace at character 9"),
        ("foo=bar}", "} at character 8, where a name should stand"),
        ("{foo=bar}}", "character 10, where nothing more should stand"),
        ("foo=bar baz=x", "lacks a comma before baz at character 9"),
        ("foo=bar,,baz=x", ", at character 9"),
        ('foo="bar', "quote at character 5 that is not closed"),
        (r'foo=~"\d+"', r"escape \d at character 7"),
        (r'foo="\xff"', "not UTF-8"),
        (r'foo="\ud800"', "not UTF-8"),
        (r'foo="\400"', r"escape \400"),
        (r'foo="\U00110000"', "escape"),
        ("foo='bar'", 'has "\'" at character 5'),
        ("a=b," * 5000, "longer than 16,384 characters"),
    ],
)
def test_text_that_breaks_the_form_is_refused_with_the_place(text: str, said: str) -> None:
    with pytest.raises(MatchersRefused) as error:
        parse_matchers(text, "silence.matchers[2].text")
    assert error.value.violations[0].field == "silence.matchers[2].text"
    assert said in error.value.violations[0].description


@given(st.lists(st.builds(Matcher, TEXT, OPERATORS, TEXT), max_size=5).map(tuple))
def test_matchers_written_and_read_are_the_same(matchers: tuple[Matcher, ...]) -> None:
    text = matchers_text(matchers)
    assert parse_matchers(text, "m") == matchers
    assert matchers_text(parse_matchers(text, "m")) == text
    assert text.isprintable()
    assert tuple(one(matcher_text(each)) for each in matchers) == matchers


@given(st.text(st.sampled_from("ab ={}!~,\\\"'`\n\x00é0x"), max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(MatchersRefused):
        assert parse_matchers(matchers_text(parse_matchers(text, "m")), "m") == parse_matchers(text, "m")
