"""Exporting entries with what proves them, so that they can be checked where this service is not."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from services.governance.domain.erasure import ERASURE_TYPE, record_name
from services.governance.domain.errors import EntriesSealed, ExportOvertaken, TreeTooSmall
from services.governance.domain.own_record import LEDGER_SOURCE
from services.governance.storage.ledger_store import EntryFilter, KeptEntry, LedgerStore, SignedCheckpoint
from services.governance.storage.segment_store import SegmentStore
from services.governance.usecases.proofs import Proofs
from shared.transparency.merkle import Hash
from shared.transparency.tiles import WIDTH


@dataclass(frozen=True, slots=True)
class Header:
    """What an export begins with; `is_complete` when it has every entry of the checkpoint."""

    checkpoint: str
    verifier_keys: tuple[str, ...]
    is_complete: bool
    sealed_through: int = 0


@dataclass(frozen=True, slots=True)
class Exported:
    """An entry with its content, and its audit path; without one in a complete export."""

    kept: KeptEntry
    path: tuple[Hash, ...] = ()


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint that was signed over the entries so far."""

    note: str


@dataclass(frozen=True, slots=True)
class Leaves:
    """The hashes of the entries that follow, and the audit path of the node over them."""

    first_sequence: int
    hashes: bytes
    path: tuple[Hash, ...]


@dataclass(frozen=True, slots=True)
class Footer:
    """What an export ends with."""

    entry_count: int


Part = Header | Leaves | Exported | Signed | Footer


@dataclass(frozen=True, slots=True)
class Selection:
    """Entries that fit one of the filters, from a first to a last sequence; 0 where there is no such bound."""

    wanted: tuple[EntryFilter, ...]
    first: int = 0
    last: int = 0

    @property
    def is_complete(self) -> bool:
        return not self.has_bounds and any(each.is_empty for each in self.wanted)

    @property
    def has_bounds(self) -> bool:
        return self.first > 1 or self.last > 0

    def check_within(self, size: int) -> None:
        """Raises TreeTooSmall."""
        if self.first > size and self.has_bounds:
            raise TreeTooSmall("first_sequence", f"is {self.first}, and the ledger has {size} entries; ask for at most that", size)
        if self.last > size or (self.last and self.first > self.last):
            rule = f"must lie from first_sequence to the ledger's {size} entries; leave it empty for the last of all"
            raise TreeTooSmall("last_sequence", rule, size)


class Exports:
    """Reads in batches, so that an export of any length takes the memory of one."""

    def __init__(self, stores: tuple[LedgerStore, SegmentStore], proofs: Proofs, batch: int) -> None:
        self._store, self._segments = stores
        self._proofs = proofs
        self._batch = batch

    async def __call__(self, selection: Selection) -> AsyncIterator[Part]:
        """Yields a header, the entries as they stood at the call, and a footer.

        Raises TreeTooSmall, EntriesSealed, LedgerForked, and at the end ExportOvertaken.
        """
        signed, sealed_through = await self._begun()
        size = signed.issued.size
        selection.check_within(size)
        await self._check_unsealed(selection, sealed_through)
        yield Header(signed.note, tuple(await self._store.verifier_keys()), selection.is_complete, sealed_through)
        count, bare = 0, set()
        async for part in self._whole(size, sealed_through) if selection.is_complete else self._proved(selection, size):
            if isinstance(part, Exported):
                count += 1
                if part.kept.content is None:
                    bare.add(part.kept.entry.sequence)
            yield part
        await self._check_current(sealed_through, size, bare)
        yield Footer(count)

    async def _begun(self) -> tuple[SignedCheckpoint, int]:
        """Signs the ledger, and returns up to where it was sealed by then: the record of every seal is among what is signed."""
        while True:
            sealed_through = await self._store.sealed_through()
            signed = await self._proofs.checkpoint()
            if await self._store.sealed_through() == sealed_through:
                return signed, sealed_through

    async def _check_unsealed(self, selection: Selection, sealed_through: int) -> None:
        first = max(selection.first, 1)
        if selection.has_bounds and first <= sealed_through:
            last = min(selection.last or sealed_through, sealed_through)
            names = [each.name for each in await self._segments.over(first, last)]
            raise EntriesSealed("first_sequence" if selection.first else "last_sequence", sealed_through, names)

    async def _check_current(self, sealed_through: int, size: int, bare: set[int]) -> None:
        """Raises ExportOvertaken where something went that the signed entries do not account for, however rightly."""
        if await self._store.sealed_through() != sealed_through:
            raise ExportOvertaken("entries were sealed")
        records = EntryFilter(type=ERASURE_TYPE, source=LEDGER_SOURCE)
        names, position = {record_name(each) for each in bare}, size
        while names and (late := await self._store.kept([records], (position + 1, None), self._batch)):
            if any(each.entry.subject in names for each in late):
                raise ExportOvertaken("contents were erased")
            position = late[-1].entry.sequence

    async def _proved(self, selection: Selection, size: int) -> AsyncIterator[Part]:
        """Each entry with a path of its own."""
        position, last = max(selection.first, 1) - 1, selection.last or size
        while kept := await self._store.kept(selection.wanted, (position + 1, last), self._batch):
            paths = await self._proofs.inclusions([each.entry.sequence for each in kept], size)
            for each, path in zip(kept, paths, strict=True):
                yield Exported(each, path)
            position = kept[-1].entry.sequence

    async def _whole(self, size: int, sealed_through: int) -> AsyncIterator[Part]:
        """Tile by tile: what proves its entries, then these, and between them what was signed over those before."""
        for begin in range(0, size, WIDTH):
            end = min(begin + WIDTH, size)
            hashes, path = await self._proofs.tile((begin, end), size)
            yield Leaves(begin + 1, hashes, path)
            notes = {each.issued.size: each.note for each in await self._store.checkpoints(begin, end)}
            if end <= sealed_through:
                if end in notes:
                    yield Signed(notes[end])
                continue
            for each in await self._store.kept((EntryFilter(),), (begin + 1, end), WIDTH):
                yield Exported(each)
                if each.entry.sequence in notes:
                    yield Signed(notes[each.entry.sequence])
