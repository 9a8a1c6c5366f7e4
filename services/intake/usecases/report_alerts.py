"""Reporting alerts: reports become alerts, incidents, time-lines and events, all in one transaction that concurrent calls share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate
from uuid import UUID

from services.intake.domain.alert import Effect, KnownAlert, ReportOutcome, begun_again, effect_of
from services.intake.domain.change import CHANGED, Opening
from services.intake.domain.episode import Episode, FlapRule, is_flapping
from services.intake.domain.errors import ReportRefused
from services.intake.domain.events import IncidentChanged
from services.intake.domain.evidence import merge
from services.intake.domain.gathering import leaves_gap
from services.intake.domain.incident import IncidentChange, IncidentKind, IncidentState, TimelineEntry, TimelineKind
from services.intake.storage.alert_batch import AlertBatch, Contended, Description, Revived
from services.intake.storage.alert_store import AlertStore
from services.intake.storage.change_store import ChangeStore
from services.intake.usecases.changes import evidence_entry
from services.intake.usecases.joining import Joined, Joining, group_of, joined, save_joined
from services.intake.usecases.muting_check import mutes_of
from services.intake.usecases.placing import Placing
from services.intake.usecases.rearranging import Rearranging
from services.intake.usecases.repeats import Repeats
from services.intake.usecases.reports import Receipts, Reports, Sent, violations_of
from services.intake.usecases.revising import Revising
from services.intake.usecases.routing import Routes
from services.intake.usecases.storms import Storms
from services.intake.usecases.work import Work
from shared.clock import Clock
from shared.errors import Unavailable
from shared.events.outbox import Headers, current_headers
from shared.ids import new_id
from shared.storage.group_commit import GroupCommit
from shared.storage.requests import RequestAnswered, RequestIdReused, RequestKey

_MOST_TRIES = 8
# How far back incidents are read that a late report may touch.
_REACH = timedelta(days=2)

# What ended longer ago than this may be in the history: the least that the setting allows.
_LEAST_SETTLE = timedelta(hours=1)

Encode = Callable[[Receipts], bytes]
Glances = Mapping[UUID, tuple[UUID, UUID, UUID | None, int, datetime, bool]]


@dataclass(frozen=True, slots=True)
class _Submission:
    """One call's reports, ready to be applied."""

    sent: Sent
    cause: Headers
    key: RequestKey | None
    encode: Encode


@dataclass(frozen=True, slots=True)
class Parts:
    """What the alert path is made of."""

    placing: Placing
    revising: Revising
    rearranging: Rearranging
    storms: Storms
    repeats: Repeats
    rejoin: timedelta
    flapping: FlapRule
    changes: ChangeStore


class ReportAlerts:
    """Takes batches of reports."""

    def __init__(self, store: AlertStore, clock: Clock, routes: Routes, parts: Parts, *, most_waiting: int = 50_000) -> None:
        self._store = store
        self._clock = clock
        self._routes = routes
        self._parts = parts
        self.commits: GroupCommit[_Submission, bytes | None] = GroupCommit(
            self._run, lambda each: each.sent.count, most_waiting=most_waiting
        )

    async def __call__(self, sent: Sent, source: str, key: RequestKey | None, encode: Encode) -> bytes | None:
        """Stores the reports of one call; returns once they are durable, after `encode` was given a receipt for each.

        With a `key`, what `encode` returned is kept, and a repeat returns it instead; otherwise returns None.
        Raises ReportRefused when every report was refused, RequestIdReused, or Overloaded; then nothing is stored.
        """
        if not len(sent.reports):
            violations = violations_of(sent, "reports")
            raise ReportRefused("; ".join(f"{each.field}: {each.description}" for each in violations[:5]), violations)
        return await self.commits.submit(_Submission(sent, current_headers(), key, encode), source)

    async def _run(self, submissions: Sequence[_Submission]) -> list[bytes | Exception | None]:
        """Applies the reports of several calls in one transaction, in the order they came; again where another one interfered."""
        for _ in range(_MOST_TRIES):
            try:
                return await self._attempt(submissions)
            except (Contended, RequestAnswered):
                continue
        raise Unavailable("others change the same alerts all the time; try again", reason="CONTENDED")

    async def _attempt(self, submissions: Sequence[_Submission]) -> list[bytes | Exception | None]:
        now = self._clock.now()
        answers: dict[int, bytes | Exception | None] = {}
        async with self._store.batch(now) as batch:
            routing = await self._routes.at(await batch.begin())
            fresh = await self._fresh(batch, submissions, answers)
            offsets = [0, *accumulate(len(each.sent.reports) for each in fresh)]
            work = Work(_together(fresh), routing, now, offsets[:-1], [each.cause for each in fresh])
            opened = 0
            for positions in _rounds(work.reports):
                opened += await self._apply(batch, work, positions)
            kept: list[tuple[RequestKey, bytes]] = []
            for each, begin, end in zip(fresh, offsets, offsets[1:], strict=False):
                encoded = each.encode(work.receipts.part(begin, end))
                answers[id(each)] = None
                if each.key is not None:
                    kept.append((each.key, encoded))
            await batch.keep(kept)
        for rule, count in work.matched.items():
            routing.rules.counts.note(rule, count)
        self._parts.repeats.add(work.repeats)
        self._parts.storms.note(opened, now)
        by_id = {key.id: encoded for key, encoded in kept}
        # The same call twice within one group: one was applied, and both get its answer.
        return [answers[id(each)] if each.key is None or id(each) in answers else by_id[each.key.id] for each in submissions]

    async def _fresh(
        self, batch: AlertBatch, submissions: Sequence[_Submission], answers: dict[int, bytes | Exception | None]
    ) -> list[_Submission]:
        """Returns the calls that are to be applied: not those answered before, nor a second one of the same id."""
        first: dict[UUID, _Submission] = {}
        for each in submissions:
            if each.key and first.setdefault(each.key.id, each).key != each.key:
                answers[id(each)] = RequestIdReused()
        known = await batch.answers_to([each.key for each in first.values() if each.key])
        fresh = []
        for each in submissions:
            if each.key is None:
                fresh.append(each)
            elif each.key.id in known:
                answers.setdefault(id(each), known[each.key.id])
            elif first[each.key.id] is each:
                fresh.append(each)
        return fresh

    async def _apply(self, batch: AlertBatch, work: Work, positions: Sequence[int]) -> int:
        """Applies reports of different signals; returns how many alerts it opened."""
        reports = work.reports
        signals = reports.fingerprints if len(positions) == len(reports) else [reports.fingerprints[at] for at in positions]
        seen = await batch.glance(signals)
        opening: Sequence[int] = positions
        earliest = min((each for each in reports.starts if each is not None), default=work.now)
        if seen or any(reports.ends) or earliest < self._settled(work):
            opening = await self._known(batch, work, positions, seen)
        opened = await self._parts.placing.open(batch, work, opening) if opening else 0
        over = [at for at in opening if reports.ends[at] is not None]
        if over:
            await self._end(batch, work, await batch.known([reports.fingerprints[at] for at in over]), over)
        await self.finish(batch, work)
        return opened

    async def finish(self, batch: AlertBatch, work: Work) -> None:
        """Stores what the incidents gained, and re-arranges them where event time says so."""
        await self._absorb(batch, work)
        await self._save(batch, work)
        await self._reread(batch, work)
        if work.growth:
            await batch.grow([(each, growth.count, growth.first_start, growth.last_start) for each, growth in sorted(work.growth.items())])
            work.growth.clear()

    async def _known(self, batch: AlertBatch, work: Work, positions: Sequence[int], seen: Glances) -> list[int]:
        """Applies what is told of known signals, and returns the reports that open an alert."""
        reports, rejoin = work.reports, self._parts.rejoin
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
        return work.now - _LEAST_SETTLE + self._parts.rejoin

    async def _told_whole(self, batch: AlertBatch, work: Work, over: Sequence[int]) -> list[int]:
        """Takes alerts that were over when they were first told of; returns those that are to be opened like any other, and then ended.

        Event time alone places the others. Where more decides than the group, an alert that is over goes the way of one that fires.
        """
        muted = await mutes_of(batch, work, over)
        apart = [at for at in over if at in muted or work.routing.storm is not None or self._parts.placing.looks_beyond(work, at)]
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
        reports, rule = work.reports, self._parts.flapping
        begins = {at: reports.starts[at] or work.now for at in positions}
        rows = await batch.lives([reports.fingerprints[at] for at in positions], min(begins.values()) - rule.window - _REACH)
        for at, begin in begins.items():
            lives = [row.life for row in rows.get(reports.fingerprints[at], ())]
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
        for incident_id, found in (await self._parts.changes.evidence(openings)).items():
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
            since = min(since, await self._parts.revising.run(batch, work, work.revise))
            work.revise.clear()
        if work.rearrange:
            told = [each for column in (work.reports.starts, work.reports.ends) for each in column if each is not None]
            await self._parts.rearranging.run(batch, work, work.rearrange, min([since, *told]) - _REACH)
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


def _together(submissions: Sequence[_Submission]) -> Reports:
    if len(submissions) == 1:
        return submissions[0].sent.reports
    reports = Reports()
    for each in submissions:
        reports.extend(each.sent.reports)
    return reports


def _rounds(reports: Reports) -> list[Sequence[int]]:
    """Cuts a batch where a signal comes again: within a round each signal comes once, and rounds keep the order."""
    count = len(reports)
    if len(set(reports.fingerprints)) == count:
        return [range(count)] if count else []
    rounds: list[list[int]] = [[]]
    seen: set[UUID] = set()
    for at, signal in enumerate(reports.fingerprints):
        if signal in seen:
            rounds.append([])
            seen.clear()
        seen.add(signal)
        rounds[-1].append(at)
    return list(rounds)
