"""Applying: what a round of reports, each of another signal, does to alerts; the incidents gather what concerns them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.intake.domain.alert import Effect, KnownAlert, ReportOutcome, begun_again, effect_of
from services.intake.domain.episode import Episode, FlapRule, is_flapping
from services.intake.domain.gathering import leaves_gap
from services.intake.domain.incident import IncidentKind, IncidentState
from services.intake.storage.alert_batch import AlertBatch, Contended
from services.intake.storage.batch_rows import Description, Revived
from services.intake.usecases.joining import Joining, group_of
from services.intake.usecases.muting_check import mutes_of
from services.intake.usecases.placing import Placing
from services.intake.usecases.settling import Settling
from services.intake.usecases.work import Work

# How far back alerts of a signal are read to tell whether it flaps, beside the window itself.
_REACH = timedelta(days=2)
# What ended longer ago than this may be in the history: the least that the setting allows.
_LEAST_SETTLE = timedelta(hours=1)

Glances = Mapping[UUID, tuple[UUID, UUID, UUID | None, int, datetime, bool]]


@dataclass(frozen=True, slots=True)
class ApplyingRules:
    """When an alert goes on that begins again, and when it flaps."""

    rejoin: timedelta
    flapping: FlapRule


class Applying:
    """Applies reports: opens, repeats, ends and revives alerts, and leaves to revising what changes the past."""

    def __init__(self, placing: Placing, settling: Settling, rules: ApplyingRules) -> None:
        self._placing = placing
        self._settling = settling
        self._rules = rules

    async def apply(self, batch: AlertBatch, work: Work, positions: Sequence[int]) -> int:
        """Applies reports of different signals; returns how many alerts it opened."""
        reports = work.reports
        signals = reports.fingerprints if len(positions) == len(reports) else [reports.fingerprints[at] for at in positions]
        seen = await batch.glance(signals)
        opening: Sequence[int] = positions
        earliest = min((each for each in reports.starts if each is not None), default=work.now)
        if seen or any(reports.ends) or earliest < self._settled(work):
            opening = await self._known(batch, work, positions, seen)
        opened = await self._placing.open(batch, work, opening) if opening else 0
        over = [at for at in opening if reports.ends[at] is not None]
        if over:
            await self._end(batch, work, await batch.known([reports.fingerprints[at] for at in over]), over)
        await self._settling.finish(batch, work)
        return opened

    async def _known(self, batch: AlertBatch, work: Work, positions: Sequence[int], seen: Glances) -> list[int]:
        """Applies what is told of known signals, and returns the reports that open an alert."""
        reports, rejoin = work.reports, self._rules.rejoin
        signals, starts, ends, stamps, receipts = reports.fingerprints, reports.starts, reports.ends, reports.stamps, work.receipts
        opening: list[int] = []
        changing: list[int] = []
        unknown: list[int] = []
        for at in positions:
            held = seen.get(signals[at])
            if held is None:
                unknown.append(at)
                continue
            _, alert_id, incident_id, stamp, starts_at, is_plain = held
            begin = starts[at]
            if is_plain and stamp == stamps[at] and ends[at] is None and (begin is None or begin == starts_at):
                # It fires, and nothing new is said: counted, and that is all.
                work.repeat(at)
                receipts.alert_ids[at], receipts.incident_ids[at] = alert_id, incident_id
                receipts.outcomes[at] = ReportOutcome.REPEATED
            else:
                changing.append(at)
        if unknown:
            opening = await self._unknown(batch, work, unknown)
        if not changing:
            return opening
        # Read again, locked: what was read before may have changed meanwhile, and must not from here on.
        known = await batch.known([reports.fingerprints[at] for at in changing])
        effects: dict[Effect, list[int]] = {}
        for at in changing:
            found = known.get(reports.fingerprints[at])
            if found is None:
                raise Contended
            effects.setdefault(effect_of(found, reports.starts[at], reports.ends[at], work.now, rejoin), []).append(at)
        await self._describe(batch, work, known, effects)
        await self._end(batch, work, known, effects.get(Effect.RESOLVE, ()))
        await self._begin_again(batch, work, known, effects.get(Effect.NOTE, ()), ReportOutcome.REPEATED)
        renewed = effects.get(Effect.RENEW, [])
        await self._note_flapping(batch, work, [*effects.get(Effect.REFIRE, ()), *renewed])
        await self._begin_again(batch, work, known, effects.get(Effect.REFIRE, ()), ReportOutcome.REFIRED)
        if renewed:
            await batch.retire([reports.fingerprints[at] for at in renewed])
        work.revise += effects.get(Effect.REVISE, [])
        return sorted([*opening, *renewed])

    async def _unknown(self, batch: AlertBatch, work: Work, positions: Sequence[int]) -> list[int]:
        """Takes what is told of signals without a current alert; returns the reports that open one.

        A firing opens an alert, a whole life is one that is over, and an end of nothing is refused. What may be about an alert that
        went into the history by now is read together with that.
        """
        reports = work.reports
        settled = self._settled(work)
        late = [at for at in positions if reports.ends[at] is not None or (reports.starts[at] or work.now) < settled]
        if not late:
            return list(positions)
        told = [each for at in late for each in (reports.starts[at], reports.ends[at]) if each is not None]
        past = await batch.lives([reports.fingerprints[at] for at in late], min(told) - _REACH)
        revised = {at for at in late if reports.fingerprints[at] in past}
        work.revise += sorted(revised)
        opening = [at for at in positions if at not in revised and reports.ends[at] is None]
        over = [at for at in late if at not in revised and reports.ends[at] is not None]
        for at in over:
            if reports.starts[at] is None:
                work.receipt(at, None, None, ReportOutcome.REFUSED)
        whole = [at for at in over if reports.starts[at] is not None]
        return sorted([*opening, *await self._told_whole(batch, work, whole)]) if whole else opening

    def _settled(self, work: Work) -> datetime:
        """Returns the time before which a begin may be that of an alert in the history."""
        return work.now - _LEAST_SETTLE + self._rules.rejoin

    async def _told_whole(self, batch: AlertBatch, work: Work, over: Sequence[int]) -> list[int]:
        """Takes alerts that were over when they were first told of; returns those that are to be opened like any other, and then ended.

        Event time alone places the others. Where more decides than the group, an alert that is over goes the way of one that fires.
        """
        muted = await mutes_of(batch, work, over)
        apart = [at for at in over if at in muted or work.routing.storm is not None or self._placing.looks_beyond(work, at)]
        work.revise += [at for at in over if at not in set(apart)]
        return apart

    async def _describe(self, batch: AlertBatch, work: Work, known: dict[UUID, KnownAlert], effects: dict[Effect, list[int]]) -> None:
        """Keeps what describes firing alerts now, and tells their incidents what it says of the impact."""
        reports = work.reports
        for at in effects.get(Effect.STALE, ()):
            held = known[reports.fingerprints[at]]
            work.receipt(at, held.id, held.incident_id, ReportOutcome.STALE)
        for at in effects.get(Effect.REPEAT, ()):
            held = known[reports.fingerprints[at]]
            work.repeat(at)
            work.receipt(at, held.id, held.incident_id, ReportOutcome.REPEATED)
        told = [at for effect in (Effect.REPEAT, Effect.NOTE, Effect.REFIRE) for at in effects.get(effect, ())]
        told = [at for at in told if reports.stamps[at] != known[reports.fingerprints[at]].stamp]
        if not told:
            return
        await batch.describe(
            [
                Description(
                    reports.fingerprints[at],
                    reports.label_texts[at].decode(),
                    reports.annotation_texts[at].decode(),
                    reports.urls[at],
                    reports.stamps[at],
                )
                for at in told
            ]
        )
        await self._join(batch, work, known, told)
        for at in told:
            joining = self._joining_of(work, known[reports.fingerprints[at]])
            if joining is not None:
                joining.describe(reports.annotations[at], reports.annotation_texts[at])
                joining.sources[reports.sources[at]] = None

    async def _end(self, batch: AlertBatch, work: Work, known: dict[UUID, KnownAlert], positions: Sequence[int]) -> None:
        reports = work.reports
        ends = {reports.fingerprints[at]: end for at in positions if (end := reports.ends[at]) is not None}
        if not ends:
            return
        await batch.resolve(ends)
        await self._join(batch, work, known, positions)
        for at in positions:
            held = known[reports.fingerprints[at]]
            end = ends[reports.fingerprints[at]]
            work.receipt(at, held.id, held.incident_id, ReportOutcome.RESOLVED)
            joining = self._joining_of(work, held)
            if joining is None:
                continue
            joining.end(end)
            joining.sources[reports.sources[at]] = None
            if joining.before.kind is IncidentKind.ALERTS and leaves_gap(joining.before, end):
                work.rearrange[joining.before.group_key] = group_of(joining.before)

    async def _begin_again(
        self, batch: AlertBatch, work: Work, known: dict[UUID, KnownAlert], positions: Sequence[int], outcome: ReportOutcome
    ) -> None:
        """Keeps another begin of alerts: told by a replica while they fire, or so soon after their end that they go on."""
        if not positions:
            return
        reports = work.reports
        await self._join(batch, work, known, positions)
        lives = []
        again: dict[str, Joining] = {}
        for at in positions:
            held = known[reports.fingerprints[at]]
            begin = reports.starts[at] or work.now
            life = begun_again(held.life, begin)
            lives.append(Revived(reports.fingerprints[at], life, is_flapping=at in work.flapping))
            work.receipt(at, held.id, held.incident_id, outcome)
            joining = self._joining_of(work, held)
            if joining is not None and outcome is ReportOutcome.REFIRED:
                joining.refired += 1
                joining.begin(begin)
                joining.flap(work.pasts[at])
                joining.flapping += at in work.flapping
                joining.sources[reports.sources[at]] = None
                if joining.before.state is IncidentState.RESOLVED and joining.before.kind is IncidentKind.ALERTS:
                    again[joining.before.group_key] = joining
        await batch.revive(lives)
        await self._reopen(batch, work, again)

    async def _reopen(self, batch: AlertBatch, work: Work, again: dict[str, Joining]) -> None:
        """Has groups re-arranged in which an incident is open again, and another one began since."""
        current = await batch.groups(list(again)) if again else {}
        for key, joining in again.items():
            if current.get(key) != joining.before.id and not joining.before.shaped:
                work.rearrange[key] = group_of(joining.before)

    async def _note_flapping(self, batch: AlertBatch, work: Work, positions: Sequence[int]) -> None:
        """Finds out which of the signals that fire again do so again and again."""
        if not positions:
            return
        reports, rule = work.reports, self._rules.flapping
        begins = {at: reports.starts[at] or work.now for at in positions}
        rows = await batch.lives([reports.fingerprints[at] for at in positions], min(begins.values()) - rule.window - _REACH)
        for at, begin in begins.items():
            work.pasts[at] = rows.get(reports.fingerprints[at], ())
            lives = [row.life for row in work.pasts[at]]
            if is_flapping([*lives, Episode((begin,))], begin, rule):
                work.flapping.add(at)

    async def _join(self, batch: AlertBatch, work: Work, known: dict[UUID, KnownAlert], positions: Sequence[int]) -> None:
        """Reads and locks the incidents that the alerts of these reports are in."""
        missing: dict[UUID, int] = {}
        for at in positions:
            incident_id = known[work.reports.fingerprints[at]].incident_id
            if incident_id is not None and incident_id not in work.joinings:
                missing.setdefault(incident_id, at)
        if missing:
            for incident_id, incident in (await batch.incidents(list(missing))).items():
                work.joining(incident, missing[incident_id])

    def _joining_of(self, work: Work, held: KnownAlert) -> Joining | None:
        return work.joinings.get(held.incident_id) if held.incident_id is not None else None
