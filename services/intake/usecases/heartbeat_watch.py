"""Watching heartbeats: raising the alert of one that stopped, within a second, and resolving it when it beats again."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from services.intake.domain.heartbeat import (
    SOURCE,
    Heartbeat,
    Say,
    Telling,
    annotations_of,
    labels_of,
    noted,
    telling_of,
    told,
)
from services.intake.domain.item import Refusal
from services.intake.storage.heartbeat_store import HeartbeatStore
from services.intake.usecases.alert_intake import AlertIntake
from services.intake.usecases.reports import RawReport
from shared.clock import Clock

# Heartbeats that another replica sets are found by looking again this soon.
LONGEST_SLEEP_SECONDS = 1.0
_SHORTEST_SLEEP_SECONDS = 0.02
_log = structlog.get_logger(__name__)


class HeartbeatWatch:
    """Tells of heartbeats' alerts. Replicas share the work by leases; should two tell the same, the alert's key makes it one."""

    def __init__(self, store: HeartbeatStore, alerts: AlertIntake, clock: Clock, component_label: str) -> None:
        self._store = store
        self._alerts = alerts
        self._clock = clock
        self._component_label = component_label

    async def watch(self) -> None:
        """Looks at each heartbeat when it is due, until it is cancelled."""
        while True:
            await self.settle()
            due = await self._store.next_check()
            left = (due - self._clock.now()).total_seconds() if due is not None else LONGEST_SLEEP_SECONDS
            await asyncio.sleep(min(max(left, _SHORTEST_SLEEP_SECONDS), LONGEST_SLEEP_SECONDS))

    async def tick(self, now: datetime) -> None:
        """Looks at all that are due."""
        del now
        await self.settle()

    async def settle(self, ids: Sequence[str] | None = None) -> None:
        """Tells what has to be told of these heartbeats, or of all, and returns when nothing is left or nothing can be told now."""
        while claimed := await self._store.claim(self._clock.now(), ids):
            try:
                await self._tell(claimed)
            except Exception as error:  # noqa: BLE001 - whatever stands in the way now, the answer is to try again
                _log.warning("heartbeats wait to be told of", heartbeats=len(claimed), error=repr(error))
                await self._store.put_off(claimed)
                return

    async def _tell(self, claimed: Sequence[str]) -> None:
        """Notes what is about to be told, reports it, and notes that it was; goes on while beats that came meanwhile say more."""
        left = list(claimed)
        while left:
            now = self._clock.now()
            held = await self._store.move(left, lambda known, at=now: noted(known, telling_of(known, at)), now)  # type: ignore[misc]
            due = {each.id: (each, telling) for each in held if (telling := telling_of(each, now)) is not None}
            if not due:
                return
            await self._report(list(due.values()), now)
            after = await self._store.move(list(due), lambda known, said=due: told(known, *said[known.id]), now)  # type: ignore[misc]
            left = [each.id for each in after if telling_of(each, now) is not None]

    async def _report(self, due: Sequence[tuple[Heartbeat, Telling]], now: datetime) -> None:
        reports = [self._report_of(heartbeat, telling) for heartbeat, telling in due]
        places = [heartbeat.name for heartbeat, _ in due]
        answers = await self._alerts(SOURCE, reports, places)
        refused = [index for index, answer in enumerate(answers) if isinstance(answer, Refusal)]
        if refused:
            # Times too long past to be taken, after a long sleep of the service: an alert that begins late is better than none.
            _log.warning("heartbeats are told of with the present time", heartbeats=len(refused), why=str(answers[refused[0]]))
            present = [replace(reports[index], starts_at=None, ends_at=reports[index].ends_at and now) for index in refused]
            await self._alerts(SOURCE, present, [places[index] for index in refused])

    def _report_of(self, heartbeat: Heartbeat, telling: Telling) -> RawReport:
        return RawReport(
            key=heartbeat.name,
            labels=labels_of(heartbeat, self._component_label),
            annotations=annotations_of(heartbeat),
            starts_at=telling.at if telling.say is Say.FIRING else heartbeat.firing_since,
            ends_at=telling.at if telling.say is Say.RESOLVED else None,
            generator_url="",
        )
