"""Releasing: what was muted and still fires once nothing mutes it any more is placed as if it came now."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import orjson

from services.intake.domain.alert import Alert, Disposition
from services.intake.domain.inhibition import Inhibitors
from services.intake.domain.muting import Mute, MuteSet
from services.intake.storage.alert_batch import AlertBatch, Contended
from services.intake.storage.alert_store import AlertStore
from services.intake.usecases.muting_check import firing_sources
from services.intake.usecases.placing import Placing
from services.intake.usecases.reports import reports_of
from services.intake.usecases.routing import MUTES, Routes, Routing
from services.intake.usecases.settling import Settling
from services.intake.usecases.work import Work
from shared.clock import Clock
from shared.events.outbox import current_headers

_PAGE = 500
_MOST_TRIES = 8


class Releasing:
    """Looks again at every muted alert that fires; to be called every minute, and whenever a mute ends."""

    def __init__(self, store: AlertStore, clock: Clock, routes: Routes, placing: Placing, settling: Settling) -> None:
        self._store = store
        self._clock = clock
        self._routes = routes
        self._placing = placing
        self._settling = settling
        self._marked = 0  # version of the mutes by which alerts were marked as sources

    async def run(self) -> int:
        """Returns how many alerts were let go."""
        released = 0
        after: UUID | None = None
        while True:
            page = await self._store.muted(after, _PAGE)
            if page:
                after = page[-1].id
                released += await self._release(page)
            if len(page) < _PAGE:
                return released

    async def mark_sources(self) -> None:
        """Marks the firing alerts that may inhibit others by the rules in force, when these have changed."""
        async with self._store.batch(self._clock.now()) as batch:
            versions = await batch.begin()
            mutes = (await self._routes.at(versions)).mutes
        version = versions.get(MUTES, 0)
        if version == self._marked:
            return
        after: UUID | None = None
        while page := await self._store.firing(after, _PAGE):
            after = page[-1][0]
            inhibiting = [signal for _, signal, labels in page if mutes.is_source(orjson.loads(labels))]
            found = set(inhibiting)
            others = [signal for _, signal, _ in page if signal not in found]
            await self._store.mark_sources(inhibiting, others)
        self._marked = version

    async def _release(self, alerts: Sequence[Alert]) -> int:
        for _ in range(_MOST_TRIES):
            try:
                async with self._store.batch(self._clock.now()) as batch:
                    routing = await self._routes.at(await batch.begin())
                    return await self._place(batch, routing, alerts)
            except Contended:
                continue
        return 0  # they are looked at again in a minute

    async def _place(self, batch: AlertBatch, routing: Routing, alerts: Sequence[Alert]) -> int:
        now = self._clock.now()
        inhibitors = routing.mutes.inhibitors(await firing_sources(batch) if routing.mutes else [])
        found = [_mute_of(routing.mutes, inhibitors, each, now) for each in alerts]
        await batch.mute_by([(each.fingerprint, mute) for each, mute in zip(alerts, found, strict=True) if mute and mute.name != each.mute])
        free = [each for each, mute in zip(alerts, found, strict=True) if mute is None]
        held = await batch.known([each.fingerprint for each in free]) if free else {}
        free = [
            each
            for each in free
            if (known := held.get(each.fingerprint)) is not None
            and (known.id, known.disposition) == (each.id, Disposition.MUTED)
            and known.life.is_firing
        ]
        if not free:
            return 0
        work = Work(reports_of(free), routing, now, [0], [current_headers()])
        await self._placing.place_again(batch, work, range(len(free)), {at: each.id for at, each in enumerate(free)})
        await self._settling.finish(batch, work)
        return len(free)


def _mute_of(mutes: MuteSet, inhibitors: Inhibitors, alert: Alert, now: datetime) -> Mute | None:
    """Returns what mutes the alert now: what it was muted by for as long as that does, and otherwise what else does."""
    found = mutes.mutes_of(alert.labels, now)
    if not found and (rules := mutes.inhibit_targets(alert.labels)):
        inhibition = inhibitors.of(alert.labels, rules)
        found = [mutes.inhibited(inhibition)] if inhibition is not None else []
    return next((each for each in found if each.name == alert.mute), found[0] if found else None)
