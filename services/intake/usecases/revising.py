"""Revising: reports that change a signal's past, read again together with all that was told of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from services.intake.domain.alert import Disposition, ReportOutcome
from services.intake.domain.episode import Episode, episodes
from services.intake.domain.grouping_rule import Placement
from services.intake.domain.incident import IncidentKind
from services.intake.storage.alert_batch import AlertBatch
from services.intake.storage.batch_rows import LifeRow, OneAlert
from services.intake.usecases.joining import Joining, group_at, group_of, joined, save_joined
from services.intake.usecases.muting_check import mutes_of
from services.intake.usecases.work import Work
from shared.ids import new_id

# How far back episodes of a signal are read: nothing older can touch what a report may still tell of.
_MARGIN = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class _Change:
    """What became of an alert by the report at `at`: its new life, or none where it is gone."""

    row: LifeRow
    life: Episode | None
    at: int


class Revising:
    """Applies reports that no quick rule can judge; then the groups they are in are re-arranged by event time."""

    def __init__(self, rejoin: timedelta) -> None:
        self._rejoin = rejoin

    async def run(self, batch: AlertBatch, work: Work, positions: Sequence[int]) -> datetime:
        """Revises the signals of these reports, each once; returns from when on incidents may be other than they were."""
        reports = work.reports
        told = [at for position in positions for at in (reports.starts[position], reports.ends[position]) if at is not None]
        since = min(told, default=work.now) - _MARGIN
        rows = await batch.lives([reports.fingerprints[at] for at in positions], since)
        changes: list[_Change] = []
        for at in positions:
            changes += await self._signal(batch, work, at, rows.get(reports.fingerprints[at], []))
        await self._tell(batch, work, [each for each in changes if each.row.incident_id is not None])
        return since

    async def _signal(self, batch: AlertBatch, work: Work, at: int, rows: list[LifeRow]) -> "list[_Change]":
        """Gives the signal's alerts the lives that all that was told makes; returns what became of those known before."""
        reports = work.reports
        end = reports.ends[at]
        begin = reports.starts[at] or (work.now if end is None else None)
        starts = {each for row in rows for each in row.life.starts} | ({begin} if begin is not None else set())
        ends = {each for row in rows for each in row.life.ends} | ({end} if end is not None else set())
        lives = episodes(starts, ends, self._rejoin)
        owners = _owners(lives, rows)
        live = next((row for row in rows if row.is_live), None)
        gone = [row for row in rows if row not in owners]
        if gone:
            await batch.delete(gone)
        if live is not None and live in owners and owners[-1] is not live:
            await batch.retire([live.fingerprint])
        changes = [_Change(row, None, at) for row in gone]
        if rows:  # where it says nothing new, or what cannot be
            last = max(rows, key=lambda row: (row.is_live, row.life.starts_at))
            work.receipt(at, last.id, last.incident_id, ReportOutcome.STALE)
        for index, (life, row) in enumerate(zip(lives, owners, strict=True)):
            is_last = index == len(lives) - 1
            # What went into the history stays there, unless it fires: then it is the signal's current alert again.
            is_live = is_last and (row is None or row.is_live or life.is_firing)
            if row is not None and is_live and not row.is_live:
                await batch.recall(row)
            kept = row if row is not None else await self._insert(batch, work, at, life, rows, is_live=is_live)
            if kept.life != life:
                await batch.relive(kept, life, is_live=is_live)
                changes.append(_Change(kept, life, at))
            if begin in life.starts or (end is not None and end in life.ends):
                is_changed = row is None or row.life != life
                work.receipt(at, kept.id, kept.incident_id, _outcome(end, changed=is_changed, is_new=row is None))
        return changes

    async def _insert(self, batch: AlertBatch, work: Work, at: int, life: Episode, rows: Sequence[LifeRow], *, is_live: bool) -> LifeRow:
        """Stores an episode as an alert of its own. What is parted from an alert that was kept out of incidents is kept out too."""
        reports, placement = work.reports, self._placement(work, at)
        row = LifeRow(new_id(work.now), reports.fingerprints[at], None, Disposition.GROUPED, placement.key, life, is_live=is_live)
        origin = next((each for each in rows if set(each.life.starts) & set(life.starts)), None)
        if origin is not None:
            if origin.incident_id is None:
                row = replace(row, disposition=origin.disposition, mute=origin.mute, mute_version=origin.mute_version)
        elif (mute := (await mutes_of(batch, work, [at])).get(at)) is not None:
            row = replace(row, disposition=Disposition.MUTED, mute=mute.name, mute_version=mute.version)
        told = OneAlert(
            reports.stamps[at],
            reports.sources[at],
            reports.label_texts[at].decode(),
            reports.annotation_texts[at].decode(),
            reports.urls[at],
            placement.rule.name,
            work.routing.rules.revision,
        )
        await batch.insert(row, told)
        if row.disposition is Disposition.GROUPED:
            work.rearrange[placement.key] = group_at(placement, work.routing.rules.revision)
        return row

    async def _tell(self, batch: AlertBatch, work: Work, changes: "Sequence[_Change]") -> None:
        """Has the groups re-arranged whose incidents follow event time, and tells all other incidents what changed in them."""
        held = await batch.incidents(sorted({each.row.incident_id for each in changes if each.row.incident_id})) if changes else {}
        joinings: dict[UUID, Joining] = {}
        for change in changes:
            incident = held[change.row.incident_id] if change.row.incident_id else None
            assert incident is not None
            if incident.kind is IncidentKind.ALERTS and not incident.shaped:
                work.rearrange.setdefault(incident.group_key, group_of(incident))
                continue
            joining = joinings.setdefault(incident.id, Joining(incident, work.cause_of(change.at)))
            joining.revise(change.row.life, change.life)
            joining.sources[work.reports.sources[change.at]] = None
        quietly = work.routing.storm is not None
        results = [(each, found) for each in joinings.values() if (found := joined(each, work.now, quietly=quietly)) is not None]
        await save_joined(batch, results)

    def _placement(self, work: Work, at: int) -> Placement:
        reports = work.reports
        return work.routing.rules.place(reports.labels[at], reports.annotations[at], reports.sources[at], reports.fingerprints[at].hex)


def _owners(lives: Sequence[Episode], rows: Sequence[LifeRow]) -> list[LifeRow | None]:
    """Returns for each episode the alert that keeps it: the latest that shares a begin with it, each given once, newest first."""
    free = sorted(rows, key=lambda row: (row.is_live, row.life.starts_at), reverse=True)
    owners: list[LifeRow | None] = []
    for life in reversed(lives):
        found = next((row for row in free if set(row.life.starts) & set(life.starts)), None)
        if found is not None:
            free.remove(found)
        owners.append(found)
    return owners[::-1]


def _outcome(end: datetime | None, *, changed: bool, is_new: bool) -> ReportOutcome:
    if not changed:
        return ReportOutcome.STALE
    if end is not None:
        return ReportOutcome.RESOLVED
    return ReportOutcome.OPENED if is_new else ReportOutcome.REPEATED
