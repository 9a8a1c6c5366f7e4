"""Heartbeats as people and machines use them: setting, beating, reading and removing."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.intake.domain.errors import HeartbeatNotFound
from services.intake.domain.heartbeat import (
    Heartbeat,
    HeartbeatState,
    Rhythm,
    adjusted,
    beaten,
    check_beat,
    removed,
    set_up,
    telling_of,
)
from services.intake.domain.item import Refusal
from services.intake.storage.heartbeat_store import HeartbeatStore
from services.intake.usecases.heartbeat_watch import HeartbeatWatch
from shared.clock import Clock
from shared.paging import Page, PageQuery
from shared.storage.database import Database
from shared.storage.etags import check_etag


@dataclass(frozen=True, slots=True)
class Beat:
    """One beat as it was sent: perhaps without a time."""

    heartbeat: str
    at: datetime | None


class Heartbeats:
    """What others do with heartbeats; what follows for their alerts is told once the change has committed."""

    def __init__(self, database: Database, store: HeartbeatStore, watch: HeartbeatWatch, clock: Clock) -> None:
        self._database = database
        self._store = store
        self._watch = watch
        self._clock = clock

    async def set(self, heartbeat_id: str, rhythm: Rhythm, etag: str, *, validate_only: bool) -> Heartbeat:
        """Raises Conflict when the etag is old, and HeartbeatNotFound when there is one but no such heartbeat."""
        now = self._clock.now()

        def decide(known: Heartbeat | None) -> Heartbeat:
            present = None if known is None or known.is_removed else known
            if etag and present is None:
                raise HeartbeatNotFound(f"heartbeats/{heartbeat_id}")
            if present is not None:
                check_etag(present.name, present.version, etag)
            return set_up(heartbeat_id, rhythm, now) if known is None else adjusted(known, rhythm, now)

        if validate_only:
            return decide(await self._store.find(heartbeat_id))
        async with self._database.transaction():
            after = await self._store.put(heartbeat_id, decide, now)
            self._settle_after([after], now)
        return after

    async def beat(self, beats: Sequence[Beat | Refusal], places: Sequence[str]) -> list[Heartbeat | Refusal]:
        """Takes the beats that stand at `places` of a request but for those refused, and answers for each in their order."""
        now = self._clock.now()
        judged = [
            each if isinstance(each, Refusal) else check_beat(each.at, place, now) or each
            for each, place in zip(beats, places, strict=True)
        ]
        times: dict[str, list[datetime]] = defaultdict(list)
        for each in judged:
            if isinstance(each, Beat):
                times[each.heartbeat].append(each.at or now)
        async with self._database.transaction():
            moved = await self._store.move(list(times), lambda known: beaten(known, max(times[known.id]), now), now)
            self._settle_after(moved, now)
        found = {each.id: each for each in moved if not each.is_removed}
        return [
            each if isinstance(each, Refusal) else found.get(each.heartbeat) or _unknown(each, place)
            for each, place in zip(judged, places, strict=True)
        ]

    async def remove(self, heartbeat_id: str, etag: str) -> None:
        """Raises HeartbeatNotFound, and Conflict when the etag is old."""
        now = self._clock.now()

        def step(known: Heartbeat) -> Heartbeat:
            if known.is_removed:
                raise HeartbeatNotFound(known.name)
            check_etag(known.name, known.version, etag)
            return removed(known, now)

        async with self._database.transaction():
            found = await self._store.move([heartbeat_id], step, now)
            if not found:
                raise HeartbeatNotFound(f"heartbeats/{heartbeat_id}")
            self._settle_after(found, now)

    async def get(self, heartbeat_id: str) -> Heartbeat:
        found = await self._store.find(heartbeat_id)
        if found is None or found.is_removed:
            raise HeartbeatNotFound(f"heartbeats/{heartbeat_id}")
        return found

    async def page(self, states: Sequence[HeartbeatState], paging: PageQuery) -> Page[Heartbeat]:
        return await self._store.page(states, self._clock.now(), paging)

    def _settle_after(self, heartbeats: Sequence[Heartbeat], now: datetime) -> None:
        """Tells of these heartbeats' alerts after the commit; should that fail, whoever watches does it a second later."""
        ids = [each.id for each in heartbeats if telling_of(each, now) is not None]
        if ids:
            self._database.after_commit(lambda: self._watch.settle(ids))


def _unknown(beat: Beat, place: str) -> Refusal:
    error = HeartbeatNotFound(f"heartbeats/{beat.heartbeat}")
    return Refusal(error.reason, f"{place}.heartbeat", error.message)
