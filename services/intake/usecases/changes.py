"""Changes: taking what pipelines and tools report, reading it back, and telling the incidents it is evidence of."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from services.intake.domain.change import (
    Change,
    ChangeReport,
    ChangeReportOutcome,
    begun,
    check_change,
    continued,
    evidenced,
    line_of,
)
from services.intake.domain.events import IncidentChanged
from services.intake.domain.incident import Incident, IncidentChange, TimelineEntry, TimelineKind
from services.intake.domain.item import Refusal
from services.intake.storage.change_store import ChangeQuery, ChangeStore
from services.intake.storage.incident_store import IncidentStore
from shared.clock import Clock
from shared.ids import new_id
from shared.paging import Page, PageQuery
from shared.storage.database import Database

# An incident and a change that were stored at the same moment did not see each other; the next look finds them.
LOOK_BACK = timedelta(hours=1)

Taken = tuple[Change, ChangeReportOutcome]


class Changes:
    """What others do with changes."""

    def __init__(self, database: Database, store: ChangeStore, incidents: IncidentStore, clock: Clock) -> None:
        self._database = database
        self._store = store
        self._incidents = incidents
        self._clock = clock

    async def report(self, source: str, reports: Sequence[ChangeReport | Refusal], places: Sequence[str]) -> list[Taken | Refusal]:
        """Stores the reports that stand at `places` of a request but for those refused, and answers for each in their order."""
        now = self._clock.now()
        judged = [
            each if isinstance(each, Refusal) else check_change(each, place, now) or each
            for each, place in zip(reports, places, strict=True)
        ]
        answers: list[Taken | Refusal] = []

        def decide(known: Mapping[str, Change]) -> list[Change]:
            current, stored = dict(known), dict[str, Change]()
            answers[:] = [each if isinstance(each, Refusal) else self._taken(each, source, current, stored, now) for each in judged]
            return list(stored.values())

        keys = [each.key for each in judged if not isinstance(each, Refusal)]
        async with self._database.transaction():
            await self._store.merge(source, keys, decide)
            ids = [each[0].id for each in answers if not isinstance(each, Refusal) and each[1] is not ChangeReportOutcome.REPEATED]
            if ids:
                # After the commit, incident by incident: each is locked for a moment, and never while a change waits to be stored.
                self._database.after_commit(lambda: self._tell_of(ids))
        return answers

    async def get(self, change_id: UUID) -> Change:
        return await self._store.get(change_id)

    async def page(self, query: ChangeQuery, paging: PageQuery) -> Page[Change]:
        return await self._store.page(query, paging)

    async def tell_missed(self, now: datetime) -> None:
        """Tells incidents of changes that were stored at the same moment as they, or before a crash."""
        await self._tell(await self._store.untold_since(now - LOOK_BACK))

    async def _tell_of(self, ids: Sequence[UUID]) -> None:
        await self._tell(await self._store.untold(ids))

    async def _tell(self, pairs: Sequence[tuple[UUID, Change]]) -> None:
        for incident_id, change in pairs:
            await self._tell_one(incident_id, change)

    async def _tell_one(self, incident_id: UUID, change: Change) -> None:
        now = self._clock.now()

        def tell(before: Incident) -> tuple[Incident, Sequence[TimelineEntry], Sequence[object]]:
            after = evidenced(before, now)
            entry = evidence_entry(incident_id, change, now)
            return after, [entry], [] if after is before else [IncidentChanged(after, IncidentChange.EVIDENCE, (), entry.actor)]

        async with self._database.transaction():
            if await self._store.tell(incident_id, change.id):
                await self._incidents.change(incident_id, "", tell)

    def _taken(self, report: ChangeReport, source: str, current: dict[str, Change], stored: dict[str, Change], now: datetime) -> Taken:
        known = current.get(report.key)
        after = begun(report, new_id(now), source, now) if known is None else continued(known, report, now)
        if after is known:
            return after, ChangeReportOutcome.REPEATED
        current[report.key] = stored[report.key] = after
        return after, ChangeReportOutcome.RECORDED if known is None else ChangeReportOutcome.UPDATED


def evidence_entry(incident_id: UUID, change: Change, now: datetime) -> TimelineEntry:
    """Returns the line by which an incident's time-line tells of a change: when it was over or began, who made it, and where to see it."""
    at = change.finished_at or change.started_at
    actor = change.author or change.source
    return TimelineEntry(new_id(now), incident_id, at, actor, TimelineKind.CHANGE, line_of(change), change.url, now)
