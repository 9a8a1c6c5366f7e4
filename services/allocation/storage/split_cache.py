"""The current split of each team in Redis or Valkey: read in under a millisecond, never the only copy."""

import json
from typing import Any

from services.allocation.domain.decision import Split
from services.allocation.storage.documents import split_from_json, split_to_json
from shared.cache import Cache, when_away

# Bounds how long a split may be out of date after the cache was cut off from this service just when the split changed.
TTL_SECONDS = 30

# Two decisions may reach the cache in another order than they were made, and a reader may bring what it read before either:
# the higher position wins.
_PUT = """
local held = redis.call('get', KEYS[1])
if held and tonumber(string.match(held, '^%d+')) > tonumber(ARGV[1]) then return 0 end
redis.call('set', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'EX', ARGV[3])
return 1
"""


class SplitCache:
    """Splits by team, each with the position of the decision after which it held."""

    def __init__(self, cache: Cache, database: str) -> None:
        """`database` is the name of the database whose splits these are: several may share a cache."""
        self.cache = cache
        self._prefix = f"ballast:allocation:{database}:split:"

    @when_away(returns=None)
    async def get(self, team: str) -> Split | None:
        """Returns the split, or None when it is not cached; the same when the cache is away."""
        held: Any = await self.cache.client.get(self._prefix + team)
        return split_from_json(json.loads(held.split(b" ", 1)[1])) if held else None

    @when_away(returns=None)
    async def put(self, position: int, split: Split) -> None:
        """Caches the split unless a later one is cached; does nothing when the cache is away."""
        document = json.dumps(split_to_json(split), separators=(",", ":"))
        await self.cache.client.eval(_PUT, 1, self._prefix + split.team, str(position), document, str(TTL_SECONDS))
