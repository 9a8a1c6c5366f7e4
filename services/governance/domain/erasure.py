"""Erasure: what of entries goes for good, and the record of it that stays."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.governance.domain.ledger import LeafMalformed, entry_from_leaf

ERASURE_TYPE = "ballast.governance.v1.ContentErased"
MOST_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Whole:
    """An entry that still has its content."""

    sequence: int
    subject: str


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry with a content, and the digest that this has."""

    sequence: int
    subject: str
    leaf: str
    digest: bytes

    @property
    def is_whole(self) -> bool:
        """Whether the content is the one that was recorded."""
        try:
            return entry_from_leaf(self.leaf).content_hash == self.digest
        except LeafMalformed:
            return False


class LeftReason(StrEnum):
    ERASED_BEFORE = "ERASED_BEFORE"
    SEALED = "SEALED"
    CONTENT_MISSING = "CONTENT_MISSING"  # and no record says that it was erased
    CONTENT_ALTERED = "CONTENT_ALTERED"  # erasing it would hide that
    ERASURE_RECORD = "ERASURE_RECORD"  # what was erased, and by whom, is not forgotten


@dataclass(frozen=True, slots=True)
class Left:
    """An entry that was meant and stays as it is; `segment` is the one it was sealed in."""

    sequence: int
    reason: LeftReason
    segment: str = ""


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did: positions whose content is gone by it, whether more is left to erase, and what stays as it is."""

    sequences: tuple[int, ...]
    more: bool
    left: tuple[Left, ...]


def record_name(sequence: int) -> str:
    """Returns what the record of an erasure is about."""
    return f"ledgerEntries/{sequence}"


def parted(kept: Sequence[Kept]) -> tuple[list[Whole], list[Left]]:
    """Returns what may be erased, and what stays because its content is not the one that was recorded."""
    whole = [Whole(each.sequence, each.subject) for each in kept if each.is_whole]
    return whole, [Left(each.sequence, LeftReason.CONTENT_ALTERED) for each in kept if not each.is_whole]
