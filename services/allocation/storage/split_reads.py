"""Reading splits: from the cache where it holds one that is fresh enough, else from PostgreSQL, which is the truth."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import structlog
from redis.exceptions import RedisError

from services.allocation.domain.decision import Split
from services.allocation.domain.split_reading import CachedSplit, SplitReading, SplitSource
from services.allocation.storage.documents import split_from_json
from services.allocation.storage.split_cache import Looked, SplitCache
from services.allocation.storage.split_store import SplitStore
from shared.errors import BallastError
from shared.gathering import Gathering

_log = structlog.get_logger(__name__)


class SplitReads:
    """The newest split of each team. Calls that come together ask cache and database together."""

    def __init__(self, store: SplitStore, cache: SplitCache, encode: Callable[[Split], bytes]) -> None:
        """`encode` gives the form in which splits are told, and cached: nothing is left to work out when one is read."""
        self._store = store
        self._cache = cache
        self._encode = encode
        self._looks: Gathering[str, tuple[int, CachedSplit | None] | None] = Gathering(self._look)
        self._fetches: Gathering[str, SplitReading | None] = Gathering(self._fetch)
        self._renewals: dict[str, asyncio.Task[None]] = {}

    async def read(self, team: str, most_age: int | None) -> SplitReading | None:
        """Returns the team's newest split, at most so many microseconds old; None before its first.

        Never older than the cache's life, whatever is asked for.
        """
        limit = self._cache.life if most_age is None else min(most_age, self._cache.life)
        if limit > 0:
            looked = await self._looks.ask(team)
            if looked is not None and (held := looked[1]) and (reading := held.reading(looked[0], limit)):
                if 2 * reading.age > self._cache.life:
                    self._renew(team)
                return reading
        return await self._fetches.ask(team)

    async def changing(self, team: str) -> Callable[[], Awaitable[object]]:
        """To be called in the transaction that changes a team's split; what it returns, once that is committed.

        In between the cache holds no split of the team, so that after the commit nobody is answered the old one. Where the cache is out of
        reach just then, others may be, for as long as it lives there.
        """
        try:
            fence = await self._cache.fence(team)
        except RedisError as error:  # a cache out of order, as with a full disk, is no reason not to decide
            _log.warning("no fence around a split that changes", team=team, error=str(error))
            fence = b""
        return partial(self._fetch, [team], fence)

    async def _look(self, teams: Sequence[str]) -> list[tuple[int, CachedSplit | None] | None]:
        looked: Looked | None = await self._cache.look(teams)
        return [(looked.now, looked.splits.get(team)) if looked else None for team in teams]

    async def _fetch(self, teams: Sequence[str], fence: bytes = b"") -> list[SplitReading | None]:
        """The cache's time comes first: what the database says after it held then or later, however long the answer takes."""
        cache_now = await self._cache.now()
        rows = {row["team"]: row for row in await self._store.newest(teams)}
        documents = {team: self._encode(split_from_json(row["after"])) for team, row in rows.items()}
        if cache_now is not None and rows:
            found = {team: CachedSplit(row["force_position"], cache_now, documents[team]) for team, row in rows.items()}
            await self._cache.put(found, cache_now, fence)
        source = SplitSource.DATABASE if cache_now is not None else SplitSource.DATABASE_WITHOUT_CACHE
        return [_reading(rows.get(team), documents.get(team, b""), source) for team in teams]

    def _renew(self, team: str) -> None:
        """Reads anew what grows old while the cache still serves it: nobody has to wait for the database as it runs out."""
        if team not in self._renewals:
            task = self._renewals[team] = asyncio.create_task(self._renewed(team))
            task.add_done_callback(lambda _: self._renewals.pop(team))

    async def _renewed(self, team: str) -> None:
        try:
            await self._fetches.ask(team)
        except BallastError as error:
            _log.warning("a cached split was not renewed", team=team, reason=error.reason)


def _reading(row: Any, document: bytes, source: SplitSource) -> SplitReading | None:
    return SplitReading(document, source, row["as_of"]) if row else None
