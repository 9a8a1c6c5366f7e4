"""Arrays in text, as PostgreSQL reads them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.storage.array_text import number_array, text_array

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8) | st.sampled_from(["", "NULL", "{}", '"', "\\", ',"'])


@given(st.lists(texts))
def test_every_text_stands_in_quotes_of_its_own_with_quotes_and_backslashes_escaped(values: list[str]) -> None:
    inner = text_array(values)[1:-1]
    assert [re.sub(r"\\(.)", r"\1", each, flags=re.DOTALL) for each in re.findall(r'"((?:[^"\\]|\\.)*)"', inner, re.DOTALL)] == values


def test_the_forms_are_those_of_the_manual() -> None:
    assert text_array([]) == number_array([]) == "{}"
    assert text_array(["a", 'b"c', "d\\e", ""]) == '{"a","b\\"c","d\\\\e",""}'
    assert number_array([1, -2, 0.5]) == "{1,-2,0.5}"
    assert number_array([True, False]) == "{True,False}"


@pytest.mark.parametrize("values", [["a\0b"], ["\0"], ["a", "\0", "b"]])
def test_a_text_that_no_store_keeps_is_not_taken_for_two(values: list[str]) -> None:
    with pytest.raises(ValueError, match="NUL"):
        text_array(values)
