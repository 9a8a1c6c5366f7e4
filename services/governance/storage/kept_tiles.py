"""Tiles kept in memory: what a tile has it has for good, and near the root every proof needs the same."""

from collections import OrderedDict
from collections.abc import Iterable

from services.governance.storage.ledger_store import LedgerStore
from shared.transparency.merkle import HASH_BYTES
from shared.transparency.tiles import Tile, length_of

_KEPT = 1024  # of up to 8 KiB each


class KeptTiles:
    """Reads tiles for proofs. What somebody does to a tile in the store is not seen here; verification reads the store itself."""

    def __init__(self, store: LedgerStore) -> None:
        self._store = store
        self._kept: OrderedDict[Tile, bytes] = OrderedDict()

    async def tiles(self, wanted: Iterable[Tile], size: int) -> dict[Tile, bytes]:
        """Returns those of the tiles that there are, each with at least what it has in a tree of this size."""
        found = {tile: self._kept[tile] for tile in wanted if self._reaches(tile, size)}
        for tile in found:
            self._kept.move_to_end(tile)
        missing = [tile for tile in wanted if tile not in found]
        if missing:
            read = await self._store.tiles(missing)
            found |= read
            self._kept |= read
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return found

    def _reaches(self, tile: Tile, size: int) -> bool:
        return tile in self._kept and len(self._kept[tile]) >= length_of(tile, size) * HASH_BYTES
