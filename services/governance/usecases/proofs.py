"""Proving the ledger to whoever does not trust it: signed checkpoints, and proofs against them."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from services.governance.domain.errors import (
    CheckpointRefused,
    EntryNotFound,
    LedgerForked,
    LedgerHeadMissing,
    TreeTooSmall,
)
from services.governance.domain.verification import IssuedCheckpoint
from services.governance.storage.kept_tiles import KeptTiles
from services.governance.storage.ledger_store import LedgerStore, SignedCheckpoint
from shared.clock import Clock
from shared.transparency.checkpoint import Checkpoint
from shared.transparency.merkle import EMPTY_ROOT, HASH_BYTES, Hash, Range, consistency_ranges, inclusion_ranges, node_ranges
from shared.transparency.note import NoteRefused, Signer, Verifier, opened, verifiers_by_id
from shared.transparency.tiles import WIDTH, range_hash, tiles_of

_NOTES = 256
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """That a leaf is in the tree of a size, 1 or more."""

    index: int
    size: int
    leaf: Hash
    path: tuple[Hash, ...]


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """That the tree of the first size is how that of the second began."""

    sizes: tuple[int, int]
    roots: tuple[Hash, Hash]
    path: tuple[Hash, ...]


class Proofs:
    """Signs what the ledger is, and proves what it was."""

    def __init__(self, store: LedgerStore, signer: Signer, clock: Clock) -> None:
        self._store = store
        self._signer = signer
        self._clock = clock
        self._kept_tiles = KeptTiles(store)
        self._seen = 0
        self._notes: OrderedDict[int, str] = OrderedDict()

    @property
    def verifier_key(self) -> str:
        return str(self._signer.verifier)

    async def size(self) -> int:
        """Returns how many entries there are. Raises LedgerHeadMissing."""
        head = (await self._store.tip()).head
        if head is None:
            raise LedgerHeadMissing
        self._seen = max(self._seen, head.size)
        return head.size

    async def checkpoint(self, size: int = 0) -> SignedCheckpoint:
        """Signs the ledger at a size, as it stands when that is 0, and keeps what was signed.

        Raises TreeTooSmall, and LedgerForked where the ledger no longer is what was signed last: what came before that was compared
        then.
        """
        size = await self._within("size", size)
        last = await self._store.last_checkpoint()
        if last is not None and (last.issued.size > await self.size() or await self._root(last.issued.size) != last.issued.root):
            raise LedgerForked(last.issued.size)
        issued = IssuedCheckpoint(size, await self._root(size))
        signed = SignedCheckpoint(issued, self._signer.sign(str(Checkpoint(self._signer.name, size, issued.root))))
        await self._store.keep_checkpoint(signed, self.verifier_key, self._clock.now())
        return signed

    async def note(self, size: int) -> str:
        """Returns the signed note of a size, the one given before where it was asked for lately: what a proof is read beside."""
        note = self._notes.get(size) or (await self.checkpoint(size)).note
        self._notes[size] = note
        self._notes.move_to_end(size)
        if len(self._notes) > _NOTES:
            self._notes.popitem(last=False)
        return note

    async def tick(self, now: datetime) -> None:
        """Signs the ledger every minute it grew: between two checkpoints is where a forger could work unseen."""
        last = await self._store.last_checkpoint()
        if await self.size() > (last.issued.size if last else 0):
            signed = await self.checkpoint()
            _log.info("the ledger was signed", size=signed.issued.size, root=signed.issued.root.hex(), at=now.isoformat())

    async def inclusion(self, sequence: int, size: int = 0) -> InclusionProof:
        """Raises EntryNotFound, TreeTooSmall."""
        if not 0 < size <= self._seen:  # what the ledger has grown to, it has grown to for good
            size = await self._within("tree_size", size)
        if not 1 <= sequence <= size:
            raise EntryNotFound(sequence, size)
        ranges = [(sequence - 1, sequence), *inclusion_ranges(sequence - 1, size)]
        tiles = await self._kept_tiles.tiles(tiles_of(ranges), size)
        leaf_hash, *path = (range_hash(each, tiles) for each in ranges)
        return InclusionProof(sequence - 1, size, leaf_hash, tuple(path))

    async def inclusions(self, sequences: Sequence[int], size: int) -> list[tuple[Hash, ...]]:
        """Returns the audit path of each of these entries, all read at once."""
        ranges = [inclusion_ranges(each - 1, size) for each in sequences]
        tiles = await self._kept_tiles.tiles(tiles_of([part for path in ranges for part in path]), size)
        return [tuple(range_hash(part, tiles) for part in path) for path in ranges]

    async def tile(self, leaves: Range, size: int) -> tuple[bytes, tuple[Hash, ...]]:
        """Returns the hashes of leaves within one tile, from its first on, and the audit path of the node over them."""
        ranges = node_ranges(leaves, size)
        own = (0, leaves[0] // WIDTH)
        tiles = await self._kept_tiles.tiles({own, *tiles_of(ranges)}, size)
        return tiles[own][: (leaves[1] - leaves[0]) * HASH_BYTES], tuple(range_hash(each, tiles) for each in ranges)

    async def consistency(self, first: int, second: int, note: str = "") -> ConsistencyProof:
        """Proves from one size to another, and that a checkpoint kept from earlier still holds. Raises TreeTooSmall, CheckpointRefused."""
        kept = await self._kept(note) if note else None
        if kept is not None and first not in {0, kept.size}:
            raise CheckpointRefused(f"is of size {kept.size}, and first_size says {first}; leave first_size empty")
        first, second = kept.size if kept is not None else first, await self._within("second_size", second)
        if not 1 <= first <= second:
            raise TreeTooSmall("first_size", f"must be from 1 to second_size, which is {second}", second)
        one, two, *path = await self._hashes([(0, first), (0, second), *consistency_ranges(first, second)])
        if kept is not None and kept.root != one:
            raise LedgerForked(first)
        return ConsistencyProof((first, second), (one, two), tuple(path))

    async def _kept(self, note: str) -> Checkpoint:
        """Returns what a note says that this ledger signed. Raises CheckpointRefused."""
        known = [Verifier.from_text(key) for key in {*await self._store.verifier_keys(), self.verifier_key}]
        try:
            checkpoint = Checkpoint.from_text(opened(note, verifiers_by_id(known)))
        except NoteRefused as error:
            raise CheckpointRefused(f"{error}; give one that GetCheckpoint of this ledger answered, whole") from None
        if checkpoint.origin != self._signer.name:
            raise CheckpointRefused(f"is of the log {checkpoint.origin}, this one is {self._signer.name}; ask the one it came from")
        return checkpoint

    async def _within(self, field: str, size: int) -> int:
        present = await self.size()
        if size > present:
            raise TreeTooSmall(field, f"the ledger has {present} entries, {size} were asked for; ask for at most {present}", present)
        return size or present

    async def _root(self, size: int) -> Hash:
        return (await self._hashes([(0, size)]))[0] if size else EMPTY_ROOT

    async def _hashes(self, ranges: Sequence[Range]) -> list[Hash]:
        tiles = await self._store.tiles(tiles_of(ranges))
        return [range_hash(each, tiles) for each in ranges]
