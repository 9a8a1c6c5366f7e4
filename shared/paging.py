"""Pages: sizes, and opaque tokens bound to the query they came from."""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.errors import InvalidInput, Violation

DEFAULT_PAGE_SIZE = 50
LARGEST_PAGE_SIZE = 1000

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items of a list, and the token of the next page; the token is empty on the last page."""

    items: tuple[Item, ...]
    next_page_token: str = ""


@dataclass(frozen=True, slots=True)
class PageQuery:
    """What a List call asks for: how many, after which token, and the digest of all that decides what the list holds."""

    size: int
    cursor: tuple[str, ...]  # the keys of the last row seen; empty on the first page
    digest: str

    @property
    def limit(self) -> int:
        """Rows to read: one more than the page, to know whether there is a next one."""
        return self.size + 1

    def page(self, rows: Sequence[Item], cursors: Sequence[tuple[str, ...]]) -> Page[Item]:
        """Cuts `rows` (up to `limit` of them, with the keys of each) into a page."""
        items = tuple(rows[: self.size])
        more = len(rows) > self.size
        return Page(items, encode_token(self.digest, cursors[self.size - 1]) if more else "")


def page_query(page_size: int, page_token: str, *query: object) -> PageQuery:
    """Reads paging fields. `query` is everything else that decides what the list holds (method, filter, order).

    Raises InvalidInput with reason PAGE_TOKEN_INVALID when the token is malformed or came from another query.
    """
    digest = hashlib.sha256(repr(query).encode()).hexdigest()[:16]
    size = min(page_size or DEFAULT_PAGE_SIZE, LARGEST_PAGE_SIZE)
    return PageQuery(size, decode_token(digest, page_token) if page_token else (), digest)


def encode_token(digest: str, cursor: tuple[str, ...]) -> str:
    return base64.urlsafe_b64encode(json.dumps([digest, *cursor]).encode()).decode().rstrip("=")


def decode_token(digest: str, token: str) -> tuple[str, ...]:
    try:
        read = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, RecursionError):  # a few hundred brackets are enough for the latter
        read = None
    if not isinstance(read, list) or not read:
        raise _refused("is malformed; send next_page_token as it was given, or leave it empty to begin again")
    found, *cursor = read
    if found != digest or not cursor or not all(isinstance(part, str) for part in cursor):
        raise _refused("belongs to another query; keep filter and order between pages, or leave it empty to begin again")
    return tuple(cursor)


def _refused(description: str) -> InvalidInput:
    return InvalidInput(f"page_token: {description}", [Violation("page_token", description)], reason="PAGE_TOKEN_INVALID")
