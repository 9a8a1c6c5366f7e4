"""Telling the access log: what a process counted becomes one event every so often, and once more when it stops."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import structlog
from ballast.events.v1.access_observed_pb2 import AccessObserved, AccessRow

from shared.clock import Clock
from shared.events.event import EncodedEvent
from shared.events.outbox import Outbox
from shared.rpc.access_log import AccessCount, AccessKey, AccessLog
from shared.storage.database import Database

_log = structlog.get_logger(__name__)


class AccessReports:
    """Records `AccessObserved` for what was counted; nothing where nothing was. Every replica tells its own."""

    def __init__(self, log: AccessLog, database: Database, outbox: Outbox, clock: Clock, interval_seconds: float) -> None:
        """An interval of 0 tells nothing, ever."""
        self._log = log
        self._database = database
        self._outbox = outbox
        self._clock = clock
        self._interval = interval_seconds

    async def run(self) -> None:
        """Tells every interval, by the machine's clock: a simulated one may stand still while calls come."""
        while self._interval:
            await asyncio.sleep(self._interval)
            await self.tell()

    async def tell(self) -> None:
        """Records what was counted since the last time; what cannot be recorded is told the next time."""
        if not self._interval:
            return
        begin, rows = self._log.take()
        if not rows:
            return
        now = self._clock.now()
        event = EncodedEvent(f"accessLogs/{self._database.schema}", 0, _observed(begin, now, rows), now)
        try:
            async with self._database.transaction() as connection:
                await self._outbox.record(connection, [event])
        except Exception as error:  # noqa: BLE001 - whatever it is, calls go on, and their counts wait for the next time
            self._log.put_back(begin, rows)
            _log.warning("the access log waits to be told", error=repr(error), rows=len(rows))


def _observed(begin: datetime, end: datetime, rows: Sequence[tuple[AccessKey, AccessCount]]) -> AccessObserved:
    told = [_row(key, count) for key, count in rows]
    message = AccessObserved(rows=told, others_count=sum(each.count for each in told if each.others))
    message.begin_time.FromDatetime(begin)
    message.end_time.FromDatetime(end)
    return message


def _row(key: AccessKey, count: AccessCount) -> AccessRow:
    row = AccessRow(
        principal=key.principal,
        method=key.method,
        role=key.role,
        code=key.code,
        reason=key.reason,
        peer=key.peer,
        count=count.count,
        last_trace_id=count.trace_id,
        others=not key.method,
    )
    row.first_time.FromDatetime(count.first)
    row.last_time.FromDatetime(count.last)
    return row
