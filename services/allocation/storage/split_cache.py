"""The current split of each team in Redis or Valkey: read in under a millisecond, never the only copy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from services.allocation.domain.split_reading import MICROSECOND, CachedSplit
from shared.cache import Cache, when_away

# All of one script, with the cache's own time: how old a split is may not depend on how well the clocks of several machines agree.
_LOOK = """
local found = redis.call('mget', unpack(KEYS))
local now = redis.call('time')
table.insert(found, 1, now[1] * 1000000 + now[2])
return found
"""
# A split of an earlier decision never takes the place of one of a later, however late it comes; what comes so late that its time is
# over, as after a cache that hung, is not taken at all; and where a fence stands, only what who set it brings.
_PUT = """
local now, as_of, life, fence = redis.call('time'), tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local left = as_of + life - (now[1] * 1000000 + now[2])
if left <= 0 or left > life then return 0 end
for index, key in ipairs(KEYS) do
    local position, held = ARGV[2 * index + 2], redis.call('get', key)
    local at, since
    if held then at, since = string.match(held, '^(%d+) (%d+) ') end
    local is_later = at and (tonumber(at) < tonumber(position) or (at == position and tonumber(since) < as_of))
    if not held or held == fence or is_later then
        redis.call('set', key, position .. ' ' .. ARGV[1] .. ' ' .. ARGV[2 * index + 3], 'PX', math.ceil(left / 1000))
    end
end
return 1
"""
_FENCE = b"fence "
# Longer than a transaction takes to commit once it has decided; should who set it die, splits are read from the database meanwhile.
_FENCE_MILLISECONDS = 5_000


@dataclass(frozen=True, slots=True)
class Looked:
    """What the cache held of the teams asked about, and its time as it was asked, in microseconds since 1970."""

    now: int
    splits: Mapping[str, CachedSplit]


class SplitCache:
    """Splits by team, each with the position of the decision after which it held, and when it was known to hold."""

    def __init__(self, cache: Cache, database: str, life: timedelta) -> None:
        """`database` is the name of the database whose splits these are: several may share a cache. What is older than `life` is gone."""
        self.cache = cache
        self.life = life // MICROSECOND
        # In braces what a cluster places keys by: those that are asked for together lie together.
        self._prefix = f"ballast:allocation:{{{database}}}:split-read:"

    @when_away(returns=None)
    async def look(self, teams: Sequence[str]) -> Looked | None:
        """Returns what is held of these teams, whatever its age; None when the cache is away."""
        now, *found = await self._run(_LOOK, teams)
        return Looked(now, {team: _split(held) for team, held in zip(teams, found, strict=True) if held and not held.startswith(_FENCE)})

    @when_away(returns=None)
    async def now(self) -> int | None:
        """Returns the cache's time in microseconds since 1970; None when the cache is away."""
        seconds, microseconds = await self.cache.client.time()
        return int(seconds) * 1_000_000 + int(microseconds)

    @when_away(returns=None)
    async def put(self, splits: Mapping[str, CachedSplit], as_of: int, fence: bytes = b"") -> None:
        """Caches the splits of teams, which held at `as_of`, unless later ones are; does nothing when the cache is away.

        Where a fence stands nothing is cached but what comes with it, and takes it down.
        """
        values = [each for split in splits.values() for each in (split.position, split.document)]
        await self._run(_PUT, list(splits), as_of, self.life, fence, *values)

    @when_away(returns=b"")
    async def fence(self, team: str) -> bytes:
        """Has a team's split be read from the database, for who is about to change it; returns what `put` is to come with.

        It goes by itself after a while. Nothing stands when the cache is away.
        """
        fence = _FENCE + uuid4().bytes
        await self.cache.client.set(self._prefix + team, fence, px=_FENCE_MILLISECONDS)
        return fence

    async def _run(self, script: str, teams: Sequence[str], *values: Any) -> Any:
        return await self.cache.client.eval(script, len(teams), *(self._prefix + team for team in teams), *values)


def _split(held: bytes) -> CachedSplit:
    position, as_of, document = held.split(b" ", 2)
    return CachedSplit(int(position), int(as_of), document)
