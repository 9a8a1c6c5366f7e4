"""Verification of the ledger: computes the tree anew, entry by entry, and names the first that does not fit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.governance.domain.ledger import LeafMalformed, LedgerEntry, entry_from_leaf
from shared.transparency.merkle import HASH_BYTES, Hash, Peaks, leaf_hash
from shared.transparency.tiles import WIDTH, Tile, grown


class FaultReason(StrEnum):
    SEQUENCE_GAP = "SEQUENCE_GAP"
    LEAF_MALFORMED = "LEAF_MALFORMED"
    COLUMN_MISMATCH = "COLUMN_MISMATCH"
    CONTENT_MISMATCH = "CONTENT_MISMATCH"
    HASH_MISMATCH = "HASH_MISMATCH"
    TREE_MISMATCH = "TREE_MISMATCH"
    CHECKPOINT_MISMATCH = "CHECKPOINT_MISMATCH"
    HEAD_MISMATCH = "HEAD_MISMATCH"


@dataclass(frozen=True, slots=True)
class LedgerFault:
    """The first position that does not fit, and why; where the fault may lie anywhere in a stretch, its first and last."""

    sequence: int
    reason: FaultReason
    detail: str
    last_sequence: int = 0  # 0 where it is `sequence` itself


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as it stands in the store."""

    sequence: int
    leaf: str | None  # None once it is sealed
    columns: Mapping[str, object]  # what the store says beside the leaf, by the name of the entry's field
    content_digest: bytes | None  # of the content kept beside it; None where none is kept
    is_erased: bool = False  # its content was erased, by the book


@dataclass(frozen=True, slots=True)
class LedgerTip:
    """Where the ledger ends, in one snapshot: its head, None where that is missing, and the last sequence present."""

    head: Peaks | None
    last_sequence: int


@dataclass(frozen=True, slots=True)
class IssuedCheckpoint:
    """What was signed once: the root at a size."""

    size: int
    root: Hash


@dataclass(frozen=True, slots=True)
class VerificationProgress:
    """How far a verification is: the tree of what is verified, how much there is, and the fault that ended it."""

    verified: Peaks
    total_count: int
    done: bool = False
    fault: LedgerFault | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What entries are held against: the tiles kept of them and above them, checkpoints of sizes among them, what may be sealed."""

    kept: Mapping[Tile, bytes]
    issued: Sequence[IssuedCheckpoint] = ()
    sealed_through: int = 0


def verify_entries(position: Peaks, stored: Sequence[StoredEntry], evidence: Evidence) -> tuple[Peaks, LedgerFault | None]:
    """Checks entries that should follow `position`; returns the tree of those that fit, and the first fault.

    Of a sealed entry there is only its hash, which the tree above it and the checkpoints hold.
    """
    leaves: list[Hash] = []
    fault: LedgerFault | None = None
    kept, issued = evidence.kept, evidence.issued
    for expected, each in enumerate(stored, position.size + 1):
        is_sealed = each.leaf is None and each.sequence <= evidence.sealed_through
        found = _held(expected, kept) if is_sealed else leaf_hash((each.leaf or "").encode())
        fault = _gap(expected, each) or (None if is_sealed else _fault_of(each)) or _hash_fault(found, expected, kept)
        if fault is not None:
            break
        leaves.append(found)
    after, above = _verify_tree(position, leaves, kept, issued)
    return after, above or fault


def _verify_tree(
    position: Peaks, leaves: Sequence[Hash], kept: Mapping[Tile, bytes], issued: Sequence[IssuedCheckpoint]
) -> tuple[Peaks, LedgerFault | None]:
    sizes = {each.size: each.root for each in issued if position.size < each.size <= position.size + len(leaves)}
    begin = position.size
    for end in sorted({*sizes, begin + len(leaves)}):
        growth = grown(position, leaves[position.size - begin : end - begin])
        for tile, hashes in growth.above():
            fault = _tile_fault(position, growth.peaks, tile, (hashes, kept.get(tile, b"")))
            if fault is not None:
                return position, fault
        if end in sizes and sizes[end] != growth.peaks.root:
            detail = f"the root of {end} entries is {growth.peaks.root.hex()}, and a checkpoint was signed with {sizes[end].hex()}"
            return position, LedgerFault(position.size + 1, FaultReason.CHECKPOINT_MISMATCH, detail, end)
        position = growth.peaks
    return position, None


def _tile_fault(before: Peaks, after: Peaks, tile: Tile, pair: tuple[bytes, bytes]) -> LedgerFault | None:
    """Compares the hashes that a tile above the leaves gained with those that are kept there."""
    gained, kept = pair
    covered = WIDTH ** tile[0]  # leaves below one of its hashes
    first = max(before.size // covered - tile[1] * WIDTH, 0) * HASH_BYTES
    if kept[first : first + len(gained)] == gained:
        return None
    detail = f"the hashes kept in tile {tile[0]}/{tile[1]} are not those of the entries below it"
    return LedgerFault(before.size + 1, FaultReason.TREE_MISMATCH, detail, after.size)


def verify_head(position: Peaks, tip: LedgerTip) -> LedgerFault | None:
    """Compares where the entries end with where the head says they do: a cut or lengthened tail shows here."""
    head = tip.head
    if head is None:
        return _head_fault(1, f"the head row is missing, and {position.size} entries are present")
    if position.size != head.size:
        first = min(position.size, head.size) + 1
        return _head_fault(first, f"{position.size} entries are present, and the head counts {head.size}")
    if position != head:
        return _head_fault(max(head.size, 1), f"the root of all entries is {position.root.hex()}, and the head's is {head.root.hex()}")
    return None


def _gap(expected: int, stored: StoredEntry) -> LedgerFault | None:
    if stored.sequence != expected:
        return LedgerFault(expected, FaultReason.SEQUENCE_GAP, f"found sequence {stored.sequence} where {expected} was expected")
    return None


def _fault_of(stored: StoredEntry) -> LedgerFault | None:
    if stored.leaf is None:
        return LedgerFault(stored.sequence, FaultReason.LEAF_MALFORMED, "the leaf is missing, and no record says that it was sealed")
    try:
        entry = entry_from_leaf(stored.leaf)
    except LeafMalformed as error:
        return LedgerFault(stored.sequence, FaultReason.LEAF_MALFORMED, str(error))
    return _column_fault(entry, stored) or _content_fault(entry, stored)


def _column_fault(entry: LedgerEntry, stored: StoredEntry) -> LedgerFault | None:
    for name, value in {"sequence": stored.sequence, **stored.columns}.items():
        told = getattr(entry, name)
        if told != value:
            detail = f"the leaf says {name} {told!r}, and the store lists it under {value!r}"
            return LedgerFault(stored.sequence, FaultReason.COLUMN_MISMATCH, detail)
    return None


def _content_fault(entry: LedgerEntry, stored: StoredEntry) -> LedgerFault | None:
    if stored.is_erased:
        return None
    if stored.content_digest is None:
        return LedgerFault(entry.sequence, FaultReason.CONTENT_MISMATCH, "the content is missing, and was not erased by the book")
    if stored.content_digest != entry.content_hash:
        return _mismatch(entry.sequence, FaultReason.CONTENT_MISMATCH, "content", (stored.content_digest, entry.content_hash))
    return None


def _held(sequence: int, kept: Mapping[Tile, bytes]) -> Hash:
    """Returns the hash that the tree holds of a leaf; fewer bytes than a hash has where the tile is cut."""
    tile, place = divmod(sequence - 1, WIDTH)
    return kept.get((0, tile), b"")[place * HASH_BYTES : (place + 1) * HASH_BYTES]


def _hash_fault(found: Hash, sequence: int, kept: Mapping[Tile, bytes]) -> LedgerFault | None:
    held = _held(sequence, kept)
    if len(held) != HASH_BYTES or held != found:
        return _mismatch(sequence, FaultReason.HASH_MISMATCH, "leaf", (found, held))
    return None


def _mismatch(sequence: int, reason: FaultReason, what: str, pair: tuple[bytes, bytes]) -> LedgerFault:
    found, expected = (each.hex() or "nothing" for each in pair)
    return LedgerFault(sequence, reason, f"the {what}'s SHA-256 is {found} where the tree holds {expected}")


def _head_fault(sequence: int, detail: str) -> LedgerFault:
    return LedgerFault(sequence, FaultReason.HEAD_MISMATCH, detail)
