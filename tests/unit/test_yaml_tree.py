"""Strict YAML: what could surprise, swell or nest is refused where it stands."""

import pytest

from shared.yaml_tree import LARGEST_TEXT, Fields, Items, Scalar, YamlRefused, read_yaml


def refused(text: str) -> tuple[str, int, int]:
    with pytest.raises(YamlRefused) as error:
        read_yaml(text)
    return error.value.text, error.value.line, error.value.column


def test_a_text_stays_what_was_written() -> None:
    root = read_yaml("a: no\nb: '5'\n")
    assert isinstance(root, Fields)
    assert [(key.text, value) for key, value in root.entries] == [("a", Scalar("no", False, 1, 4)), ("b", Scalar("5", True, 2, 4))]


def test_a_list_keeps_its_order_and_lines() -> None:
    root = read_yaml("- a\n- [b]\n")
    assert isinstance(root, Items)
    assert [each.line for each in root.nodes] == [1, 2]


def test_anchors_and_aliases_are_refused_before_they_multiply() -> None:
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
    assert refused(bomb) == ("uses an anchor or alias (& or *); write the value out, or quote it", 1, 4)


def test_a_key_given_twice_is_refused_with_both_lines() -> None:
    text, line, _ = refused("a: 1\nb: 2\na: 3\n")
    assert "first on line 1" in text
    assert line == 3


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("!!python/object/apply:os.system [ls]", "uses a tag"),
        ("!x y", "uses a tag"),
        ("[" * 9 + "]" * 9, "nested deeper than 8"),
        ("[" * 30_000, "nested deeper than 8"),
        ("a: 1\n---\nb: 2\n", "second document"),
        ("[a]: 1", "a key that is no text"),
        ("a: [", "is not YAML"),
        ("a: b: c", "is not YAML"),
        ("a: \0", "is not YAML"),
        ("\ud800", "is not YAML"),
        ("a" * (LARGEST_TEXT + 1), "longer than 64 KiB"),
    ],
)
def test_what_is_no_plain_document_is_refused(text: str, why: str) -> None:
    assert why in refused(text)[0]


@pytest.mark.parametrize("text", ["", "# only a comment", "---", "~"])
def test_an_empty_document_is_none_and_a_tilde_is_a_text(text: str) -> None:
    assert read_yaml(text) == (Scalar("~", False, 1, 1) if text == "~" else None)
