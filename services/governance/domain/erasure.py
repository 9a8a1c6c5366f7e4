"""Erasure: what of entries goes for good, and the record of it that stays."""

from dataclasses import dataclass
from datetime import datetime

ERASURE_TYPE = "ballast.governance.v1.ContentErased"
# Not that of governance's outbox: what is written straight into the ledger is recorded nowhere else, and no manifest speaks of it.
ERASURE_SOURCE = "/ballast/governance/ledger"
MOST_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Whole:
    """An entry that still has its content."""

    sequence: int
    subject: str


@dataclass(frozen=True, slots=True)
class Erasure:
    """What is said of an erasure: who asked for it, by which call and within which trace, why, and when."""

    principal: str
    method: str
    reason: str
    trace_id: str
    time: datetime


def record_name(sequence: int) -> str:
    """Returns what the record of an erasure is about."""
    return f"ledgerEntries/{sequence}"
