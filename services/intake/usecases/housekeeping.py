"""Housekeeping: what intake does by itself beside the calls it answers."""

import asyncio
import contextlib
from datetime import datetime, timedelta

import structlog

from services.intake.storage.alert_store import AlertStore
from services.intake.storage.history_store import HistoryStore
from services.intake.storage.incident_store import IncidentStore
from services.intake.storage.stream_store import StreamStore
from services.intake.usecases.releasing import Releasing
from services.intake.usecases.repeats import Repeats
from services.intake.usecases.storms import Storms
from shared.errors import BallastError

_BEAT_SECONDS = 1.0
_LAST_SECONDS = 2.0
_ARCHIVE_PAGE = 2_000
_TOLD_PAGE = 200
# A sender away for longer begins its stream anew.
_STREAM_RETENTION = timedelta(days=14)
_log = structlog.get_logger(__name__)


class Housekeeping:
    """Counts repeats, tells of incidents that changed quietly, watches for storms, releases the muted, and ages alerts."""

    def __init__(self, repeats: Repeats, storms: Storms, releasing: Releasing, incidents: IncidentStore) -> None:
        self._repeats = repeats
        self._storms = storms
        self._releasing = releasing
        self._incidents = incidents

    async def beat(self) -> None:
        """Runs what is due every second, until it is cancelled; the last beat comes then."""
        try:
            while True:
                await asyncio.sleep(_BEAT_SECONDS)
                await self._once()
        finally:
            # Counts are all that may be lost: not worth holding up a stop for when storage does not answer.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_SECONDS):
                    await self._repeats.flush()

    async def release(self, now: datetime) -> None:
        """Lets go what nothing mutes any more; every minute."""
        del now  # the clock of the parts
        await self._releasing.mark_sources()
        released = await self._releasing.run()
        if released:
            _log.info("muted alerts that still fire were let go", alerts=released)

    async def _once(self) -> None:
        try:
            await self._repeats.flush()
            await self._storms.watch()
            # A page a second: a storm over thousands of groups must not become a storm of events.
            await self._incidents.tell_untold(_TOLD_PAGE)
        except BallastError as error:
            _log.warning("housekeeping waits for the next second", error=error.message)


class Ageing:
    """Moves alerts that are over into the history, and drops from it what is older than is kept."""

    def __init__(self, alerts: AlertStore, history: HistoryStore, streams: StreamStore, settle: timedelta, retention: timedelta) -> None:
        """`settle`: how long alerts stay at hand after their end; `retention`: how long the history keeps them."""
        self._alerts = alerts
        self._history = history
        self._streams = streams
        self._settle = settle
        self._retention = retention

    async def run(self, now: datetime) -> None:
        await self._history.prepare(now)
        while await self._alerts.archive(now - self._settle, _ARCHIVE_PAGE) == _ARCHIVE_PAGE:
            pass
        dropped = await self._history.expire(now - self._retention)
        if dropped:
            _log.info("months of the alert history are over and were dropped", partitions=dropped)
        await self._streams.forget(now - _STREAM_RETENTION)
