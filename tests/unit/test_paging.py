"""Pages: sizes, cuts, and tokens bound to their query."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidInput
from shared.paging import DEFAULT_PAGE_SIZE, LARGEST_PAGE_SIZE, Page, PageQuery, decode_token, encode_token, page_query


def token_of(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def everything(rows: list[int], size: int) -> list[Page[int]]:
    """Reads all pages of `rows`, as a store would: rows after the cursor, up to the limit."""
    pages: list[Page[int]] = []
    token = ""
    while not pages or token:
        query = page_query(size, token, "List")
        after = int(query.cursor[0]) if query.cursor else -1
        found = [row for row in rows if row > after][: query.limit]
        pages.append(query.page(found, [(str(row),) for row in found]))
        token = pages[-1].next_page_token
        assert len(pages) <= len(rows) + 1, "pages without end"
    return pages


@pytest.mark.parametrize(("asked", "size"), [(0, DEFAULT_PAGE_SIZE), (1, 1), (1000, 1000), (5000, LARGEST_PAGE_SIZE)])
def test_a_page_size_has_a_default_and_a_largest(asked: int, size: int) -> None:
    assert page_query(asked, "", "List").size == size


def test_a_full_last_page_has_no_token() -> None:
    query = page_query(2, "", "List")
    assert query.page([1, 2], [("1",), ("2",)]).next_page_token == ""
    assert query.page([1, 2, 3], [("1",), ("2",), ("3",)]).next_page_token


def test_an_empty_list_is_one_empty_page() -> None:
    assert page_query(2, "", "List").page([], []) == Page(())


@given(st.sets(st.integers(0, 500)), st.integers(1, 60))
def test_pages_hold_every_row_once_in_order(rows: set[int], size: int) -> None:
    pages = everything(sorted(rows), size)
    assert [row for page in pages for row in page.items] == sorted(rows)
    assert all(len(page.items) == size for page in pages[:-1])


@given(st.text(), st.lists(st.text(), min_size=1).map(tuple))
def test_a_token_gives_back_its_cursor(digest: str, cursor: tuple[str, ...]) -> None:
    assert decode_token(digest, encode_token(digest, cursor)) == cursor


@given(st.lists(st.text(), min_size=1).map(tuple))
def test_a_token_travels_in_a_url(cursor: tuple[str, ...]) -> None:
    token = encode_token("digest", cursor)
    assert token.isascii()
    assert not set(token) & set("+/=&? ")


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "not base64!",
        "ü",
        token_of("a string"),
        token_of(7),
        token_of(None),
        token_of(True),
        token_of({}),
        token_of([]),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        base64.urlsafe_b64encode(b"[" * 1500).decode(),
        base64.urlsafe_b64encode(b"9" * 1500).decode(),
    ],
    ids=lambda token: token[:12].encode("ascii", "backslashreplace").decode(),
)
def test_a_malformed_token_is_refused_with_field_and_remedy(token: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        page_query(10, token, "List")
    assert refused.value.reason == "PAGE_TOKEN_INVALID"
    (violation,) = refused.value.violations
    assert violation.field == "page_token"
    assert "leave it empty to begin again" in violation.description


@given(st.text(min_size=1, max_size=40))
def test_whatever_comes_as_a_token_is_refused_alike(token: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        page_query(10, token, "List")
    assert refused.value.reason == "PAGE_TOKEN_INVALID"


@pytest.mark.parametrize("other", [("List", "b"), ("ListOther", "a"), ("List", "a", "b"), ("List",)])
def test_a_token_of_another_query_is_refused(other: tuple[str, ...]) -> None:
    token = encode_token(page_query(1, "", "List", "a").digest, ("7",))
    assert page_query(1, token, "List", "a").cursor == ("7",)
    with pytest.raises(InvalidInput, match="belongs to another query") as refused:
        page_query(1, token, *other)
    assert refused.value.reason == "PAGE_TOKEN_INVALID"


@pytest.mark.parametrize("cursor", [[], [7], [None], [["7"]]])
def test_a_token_without_a_place_is_refused(cursor: list[object]) -> None:
    with pytest.raises(InvalidInput, match="page_token"):
        decode_token("digest", token_of(["digest", *cursor]))


def test_one_row_more_than_the_page_is_read() -> None:
    assert PageQuery(7, (), "digest").limit == 8
