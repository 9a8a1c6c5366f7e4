"""Publication: what an event of another system becomes, and how a batch is cut so that order is kept where it matters."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, TypeVar


class Disposition(IntEnum):
    ALERT = 1
    CHANGE = 2
    BEAT = 3
    IGNORED = 4


class EventKey(NamedTuple):
    """What identifies an event for good."""

    source: str
    id: str


@dataclass(frozen=True, slots=True)
class Became:
    """What an event became, and the name of the resource; empty where there is none."""

    disposition: Disposition
    resource: str = ""


IGNORED = Became(Disposition.IGNORED)
Item = TypeVar("Item")


def waves(items: Iterable[tuple[Hashable, Item]]) -> list[list[Item]]:
    """Cuts items, each with what it is about, into waves: within one nothing comes twice, so that its order does not matter."""
    cut: list[list[Item]] = []
    seen: set[Hashable] = set()
    for about, item in items:
        if not cut or about in seen:
            cut.append([])
            seen.clear()
        seen.add(about)
        cut[-1].append(item)
    return cut
