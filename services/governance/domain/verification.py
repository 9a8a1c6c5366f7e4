"""Verification of the ledger: recomputes the chain entry by entry and names the first that does not fit."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from services.governance.domain.ledger import LedgerEntry, LedgerHead, entry_hash


class FaultReason(StrEnum):
    HASH_MISMATCH = "HASH_MISMATCH"
    CHAIN_BROKEN = "CHAIN_BROKEN"
    SEQUENCE_GAP = "SEQUENCE_GAP"
    PAYLOAD_MISMATCH = "PAYLOAD_MISMATCH"
    HEAD_MISMATCH = "HEAD_MISMATCH"


@dataclass(frozen=True, slots=True)
class LedgerFault:
    """The first position that does not fit, and why."""

    sequence: int
    reason: FaultReason
    detail: str


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as it was read, and the SHA-256 of the payload kept beside it; None where no payload is kept."""

    entry: LedgerEntry
    kept_payload_hash: bytes | None


@dataclass(frozen=True, slots=True)
class LedgerTip:
    """Where the ledger ends, in one snapshot: its head, None where that is missing, and the last sequence present."""

    head: LedgerHead | None
    last_sequence: int


@dataclass(frozen=True, slots=True)
class VerificationProgress:
    """How far a verification is: entries verified of those the head counts, and the fault that ended it."""

    verified: LedgerHead
    total_count: int
    done: bool = False
    fault: LedgerFault | None = None


def verify_entries(position: LedgerHead, stored: Iterable[StoredEntry]) -> tuple[LedgerHead, LedgerFault | None]:
    """Checks entries that should follow `position`; returns the last position that fits, and the first fault."""
    for each in stored:
        fault = _fault(position, each)
        if fault is not None:
            return position, fault
        position = position.after(each.entry)
    return position, None


def verify_head(position: LedgerHead, tip: LedgerTip) -> LedgerFault | None:
    """Compares where the entries end with where the head says they do: a cut or lengthened tail shows here."""
    head = tip.head
    if head is None:
        return _head_fault(1, f"the head row is missing, and {position.count} entries are present")
    if position.count != head.count:
        first = min(position.count, head.count) + 1
        return _head_fault(first, f"{position.count} entries are present, and the head counts {head.count}")
    if position.hash != head.hash:
        return _head_fault(head.count, f"the last entry's hash is {position.hash.hex()}, and the head's is {head.hash.hex()}")
    return None


def _fault(position: LedgerHead, stored: StoredEntry) -> LedgerFault | None:
    entry, expected = stored.entry, position.count + 1
    if entry.sequence != expected:
        return LedgerFault(expected, FaultReason.SEQUENCE_GAP, f"found sequence {entry.sequence} where {expected} was expected")
    if entry.previous_hash != position.hash:
        return _mismatch(expected, FaultReason.CHAIN_BROKEN, "the previous hash", entry.previous_hash, position.hash)
    computed = entry_hash(entry)
    if entry.hash != computed:
        return _mismatch(expected, FaultReason.HASH_MISMATCH, "the hash", entry.hash, computed)
    if stored.kept_payload_hash is None:
        return LedgerFault(expected, FaultReason.PAYLOAD_MISMATCH, "the payload is missing")
    if stored.kept_payload_hash != entry.payload_hash:
        return _mismatch(
            expected,
            FaultReason.PAYLOAD_MISMATCH,
            "the payload's SHA-256",
            stored.kept_payload_hash,
            entry.payload_hash,
        )
    return None


def _mismatch(sequence: int, reason: FaultReason, what: str, found: bytes, expected: bytes) -> LedgerFault:
    return LedgerFault(sequence, reason, f"{what} is {found.hex()} where {expected.hex()} was expected")


def _head_fault(sequence: int, detail: str) -> LedgerFault:
    return LedgerFault(sequence, FaultReason.HEAD_MISMATCH, detail)
