"""Reconciliation: what each service says it recorded, against what the ledger holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.governance.domain.own_record import LEDGER_SOURCE, LINEAGE_SOURCE

MANIFEST_TYPE = "ballast.events.v1.OutboxManifest"
# Every service of the suite says what it recorded, and nobody else can: CDEvents of such a source are refused.
SUITE_PREFIX = "/ballast/"
# What governance writes straight into the ledger stands in no outbox; from outside, events of these sources are refused.
OWN_SOURCES = (LEDGER_SOURCE, LINEAGE_SOURCE)


class DiscrepancyKind(StrEnum):
    MISSING = "MISSING"  # the service recorded it, the ledger does not have it
    EXTRA = "EXTRA"  # the ledger has it, the service never recorded it
    ALTERED = "ALTERED"  # its data is not what the service recorded
    MANIFEST_MISSING = "MANIFEST_MISSING"  # a manifest between two others never came
    UNVOUCHED = "UNVOUCHED"  # the ledger has it, and its source never said anything of what it recorded


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one side may be ahead of the other: a delivery may be tried again, a manifest comes every five minutes at the latest."""

    delivery: timedelta = timedelta(minutes=5)
    manifest: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Claim:
    """An event that a service says it recorded, and the SHA-256 of its data."""

    event_id: str
    data_hash: bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one manifest says, and the ledger entry that has it."""

    source: str
    number: int
    sequence: int
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A place where ledger and outbox do not agree; `sequence` is 0 for what is not in the ledger."""

    source: str
    kind: DiscrepancyKind
    event_id: str
    sequence: int
    found_at: datetime


@dataclass(frozen=True, slots=True)
class SourceState:
    """How far one source is reconciled."""

    source: str
    manifest_number: int  # the last one taken
    claimed_count: int  # events it said it recorded
    matched_count: int  # of these, those that the ledger holds
    manifest_time: datetime


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """How the ledger stands against all sources, and how many discrepancies of each kind there are."""

    sources: tuple[SourceState, ...]
    counts: Mapping[DiscrepancyKind, int]

    @property
    def discrepancy_count(self) -> int:
        return sum(self.counts.values())


def missing_numbers(last: int, numbers: Sequence[int]) -> list[int]:
    """Returns the numbers between the last one taken and those that came, and between these, that did not come."""
    present = {last, *numbers}
    return [number for number in range(last + 1, max(present) + 1) if number not in present]
