"""Settling: what a round of reports brought is stored, and re-arranged where event time says otherwise than arrival did."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from services.intake.domain.change import CHANGED, Opening
from services.intake.domain.events import IncidentChanged
from services.intake.domain.evidence import merge
from services.intake.domain.incident import IncidentChange, IncidentState, TimelineEntry, TimelineKind
from services.intake.storage.alert_batch import AlertBatch
from services.intake.storage.change_store import ChangeStore
from services.intake.usecases.changes import evidence_entry
from services.intake.usecases.joining import Joined, Joining, joined, save_joined
from services.intake.usecases.rearranging import Rearranging
from services.intake.usecases.revising import Revising
from services.intake.usecases.work import Work
from shared.ids import new_id

# How far back incidents are read that a late report may touch.
_REACH = timedelta(days=2)


class Settling:
    """Ends a round: incidents, time-lines and events are written, and groups re-arranged."""

    def __init__(self, revising: Revising, rearranging: Rearranging, changes: ChangeStore) -> None:
        self._revising = revising
        self._rearranging = rearranging
        self._changes = changes

    async def finish(self, batch: AlertBatch, work: Work) -> None:
        """Stores what the incidents gained, and re-arranges them where event time says so."""
        await self._absorb(batch, work)
        await self._save(batch, work)
        await self._reread(batch, work)
        if work.growth:
            await batch.grow([(each, growth.count, growth.first_start, growth.last_start) for each, growth in sorted(work.growth.items())])
            work.growth.clear()

    async def _absorb(self, batch: AlertBatch, work: Work) -> None:
        """Has incidents go into those that took them in."""
        for incident, joining in work.absorbed.values():
            into = joining.before
            await batch.move_all_alerts(incident.id, into.id)
            gone = replace(
                incident,
                version=incident.version + 1,
                state=IncidentState.RESOLVED,
                resolved_at=incident.resolved_at or max(incident.opened_at, work.now),
                alert_count=0,
                firing_count=0,
                merged_into=into.id,
                updated_at=work.now,
            )
            line = f"went into {into.name}: it fails, and this depends on it"
            entry = TimelineEntry(new_id(work.now), gone.id, work.now, "system", TimelineKind.MERGED, line, "", work.now)
            event = IncidentChanged(gone, IncidentChange.MERGED, (), "system")
            await batch.save([], [gone], [entry], [event], [joining.cause])
            told = work.receipts.incident_ids
            told[:] = [into.id if each == incident.id else each for each in told]
        work.absorbed.clear()

    async def _save(self, batch: AlertBatch, work: Work) -> None:
        """Stores what the incidents gained in this round; the next one goes on from there."""
        await self._add_changes(work)
        quietly = work.routing.storm is not None
        results = [(each, found) for each in work.joinings.values() if (found := joined(each, work.now, quietly=quietly)) is not None]
        await save_joined(batch, results)
        work.joinings = _next(work.joinings, results)
        work.new.clear()

    async def _add_changes(self, work: Work) -> None:
        """Tells incidents that open, or turn out to concern more components, of changes of these shortly before."""
        openings = [
            Opening(incident_id, tuple(sorted(each.components)), min(each.before.opened_at, each.first_start or each.before.opened_at))
            for incident_id, each in work.joinings.items()
            if not each.components <= set(each.before.components)
        ]
        if not openings:
            return
        for incident_id, found in (await self._changes.evidence(openings)).items():
            joining = work.joinings[incident_id]
            joining.evidence = merge(joining.evidence, CHANGED)
            lines = [evidence_entry(incident_id, each, work.now) for each in found]
            joining.notes += [(line.kind, line.occurred_at, line.text, line.evidence_url) for line in lines]

    async def _reread(self, batch: AlertBatch, work: Work) -> None:
        """Applies what changes the past, and re-arranges the groups in which event time says otherwise than arrival did."""
        if not (work.revise or work.rearrange):
            return
        since = work.now - _REACH
        if work.revise:
            since = min(since, await self._revising.run(batch, work, work.revise))
            work.revise.clear()
        if work.rearrange:
            told = [each for column in (work.reports.starts, work.reports.ends) for each in column if each is not None]
            await self._rearranging.run(batch, work, work.rearrange, min([since, *told]) - _REACH)
            work.rearrange.clear()
        work.joinings.clear()  # they changed in the database
        if work.moved:
            ids = work.receipts.alert_ids
            for at, alert_id in enumerate(ids):
                if alert_id in work.moved:
                    work.receipts.incident_ids[at] = work.moved[alert_id]
            work.moved.clear()


def _next(before: dict[UUID, Joining], results: Sequence[tuple[Joining, Joined]]) -> dict[UUID, Joining]:
    """Returns the incidents as they stand now, for the next round of the same batch."""
    after = {each.before.id: found.incident for each, found in results}
    return {incident_id: Joining(after.get(incident_id, joining.before), joining.cause) for incident_id, joining in before.items()}
