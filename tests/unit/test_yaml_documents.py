"""Files of several YAML documents: cut by their markers alone, with lines of the whole file."""

from hypothesis import given
from hypothesis import strategies as st

from shared.yaml_documents import documents_of


def cut(text: str) -> list[tuple[int, int, int, str]]:
    return [(each.number, each.line, each.first_line, each.text) for each in documents_of(text)]


def test_documents_are_numbered_and_know_their_lines() -> None:
    assert cut("a: 1\n---\nb: 2\n") == [(1, 1, 1, "a: 1\n"), (2, 2, 3, "---\nb: 2\n")]


def test_a_document_that_is_no_yaml_does_not_take_the_next_with_it() -> None:
    assert [number for number, *_ in cut("a: [\n---\nb: 'open\n---\nc: 3\n")] == [1, 2, 3]


def test_comments_directives_and_blanks_alone_are_no_document() -> None:
    assert cut("%YAML 1.2\n# licence\n---\n# nothing\n---\n\n  \n---\na: 1\n") == [(1, 8, 9, "---\na: 1\n")]
    assert cut("") == cut("---") == cut("---\n...\n") == []


def test_what_stands_beside_a_marker_or_behind_an_end_belongs_to_the_document() -> None:
    assert cut("--- a\n...\nb: 2\n") == [(1, 1, 1, "--- a\n"), (2, 2, 3, "\nb: 2\n")]


def test_dashes_within_a_line_or_indented_are_no_marker() -> None:
    assert len(cut("a: |\n  ---\n  text\n----\nb: ---\n")) == 1


def test_lines_of_other_systems_and_a_byte_order_mark_count_alike() -> None:
    assert [(number, first) for number, _, first, _ in cut("\ufeffa: 1\r\n---\r\nb: 2\r\r---\rc: 3")] == [(1, 1), (2, 3), (3, 6)]


@given(st.lists(st.sampled_from(["---", "---\n", "...\n", "a: 1\n", "# c\n", "\n", " ", "'", "%", "--- b\n", "\t"]), max_size=12))
def test_nothing_but_blanks_comments_and_directives_is_lost(parts: list[str]) -> None:
    text = "".join(parts)
    found = list(documents_of(text))
    assert [each.number for each in found] == list(range(1, len(found) + 1))
    assert all(each.line <= each.first_line <= text.count("\n") + 1 for each in found)
    assert sum(each.text.count("a: 1") for each in found) <= text.count("a: 1")
