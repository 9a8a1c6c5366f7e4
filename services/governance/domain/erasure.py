"""Erasure: what of entries goes for good, and the record of it that stays."""

from dataclasses import dataclass

ERASURE_TYPE = "ballast.governance.v1.ContentErased"
MOST_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Whole:
    """An entry that still has its content."""

    sequence: int
    subject: str


def record_name(sequence: int) -> str:
    """Returns what the record of an erasure is about."""
    return f"ledgerEntries/{sequence}"
