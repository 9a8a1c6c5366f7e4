"""Tiles that are full, kept in memory: they never change, and near the root every proof needs the same."""

from collections import OrderedDict
from collections.abc import Iterable

from services.governance.storage.ledger_store import LedgerStore
from shared.transparency.merkle import HASH_BYTES
from shared.transparency.tiles import WIDTH, Tile

_KEPT = 1024  # of 8 KiB each


class WholeTiles:
    """Reads tiles for proofs. What somebody does to a tile in the store is not seen here; verification reads the store itself."""

    def __init__(self, store: LedgerStore) -> None:
        self._store = store
        self._kept: OrderedDict[Tile, bytes] = OrderedDict()

    async def tiles(self, wanted: Iterable[Tile]) -> dict[Tile, bytes]:
        """Returns those of the tiles that there are."""
        found = {tile: self._kept[tile] for tile in wanted if tile in self._kept}
        missing = [tile for tile in wanted if tile not in found]
        for tile in found:
            self._kept.move_to_end(tile)
        for tile, hashes in (await self._store.tiles(missing) if missing else {}).items():
            found[tile] = hashes
            if len(hashes) == WIDTH * HASH_BYTES:
                self._kept[tile] = hashes
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return found
