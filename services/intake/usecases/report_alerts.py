"""Reporting alerts: reports become alerts, incidents, time-lines and events, all in one transaction that concurrent calls share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.intake.domain.alert import AlertReport, KnownAlert, ReportOutcome, check_reports, fingerprint_of, outcome_of
from services.intake.domain.grouping import Group, Grouping, group_of
from services.intake.storage.alert_store import AlertBatch, AlertStore, NewAlert
from services.intake.usecases.joining import Joining, joined, opened
from shared.clock import Clock
from shared.events.outbox import Headers, current_headers
from shared.ids import new_id
from shared.storage.group_commit import GroupCommit
from shared.storage.requests import RequestIdReused, RequestKey


@dataclass(frozen=True, slots=True)
class RawReport:
    """A report as it was sent: without identity, and perhaps without a begin."""

    key: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime | None
    ends_at: datetime | None
    generator_url: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that a report is durable, and what it did; ids are None for a stale report of an unknown alert."""

    alert_id: UUID | None
    fingerprint: UUID
    incident_id: UUID | None
    outcome: ReportOutcome


Encode = Callable[[Sequence[Receipt]], bytes]


@dataclass(frozen=True, slots=True)
class _Submission:
    """One call's reports, ready to be applied."""

    reports: tuple[AlertReport, ...]
    groups: tuple[Group, ...]
    locks: frozenset[str]
    cause: Headers
    key: RequestKey | None
    encode: Encode


@dataclass(frozen=True, slots=True)
class _Placed:
    """A report with its group and the call it came by."""

    report: AlertReport
    group: Group
    submission: _Submission


class ReportAlerts:
    """Takes batches of reports."""

    def __init__(self, store: AlertStore, clock: Clock, grouping: Grouping) -> None:
        self._store = store
        self._clock = clock
        self._grouping = grouping
        self._commits: GroupCommit[_Submission, bytes | None] = GroupCommit(self._run, lambda each: len(each.reports))

    async def __call__(self, source: str, raw: Sequence[RawReport], key: RequestKey | None, encode: Encode) -> bytes | None:
        """Stores the batch; returns once it is durable, after `encode` was given a receipt for each report.

        With a `key`, what `encode` returned is kept, and a repeat returns it instead; otherwise returns None.
        Raises ReportRefused, and then nothing is stored, or RequestIdReused.
        """
        now = self._clock.now()
        check_reports([(each.labels, each.annotations, each.starts_at or each.ends_at or now, each.ends_at) for each in raw], now)
        reports = tuple(self._identified(source, each, now) for each in raw)
        groups = tuple(group_of(report.labels, report.fingerprint.hex, self._grouping) for report in reports)
        # A sender's key may stay while labels move to another group: such a signal is locked like a group.
        keyed = {f"key:{report.fingerprint.hex}" for each, report in zip(raw, reports, strict=True) if each.key}
        locks = frozenset(keyed | {group.key for group in groups})
        return await self._commits.submit(_Submission(reports, groups, locks, current_headers(), key, encode))

    def _identified(self, source: str, raw: RawReport, now: datetime) -> AlertReport:
        fingerprint = fingerprint_of(source, raw.key, raw.labels)
        begin = raw.starts_at or raw.ends_at or now
        return AlertReport(source, fingerprint, raw.labels, raw.annotations, begin, raw.ends_at, raw.generator_url)

    async def _run(self, submissions: Sequence[_Submission]) -> list[bytes | Exception | None]:
        """Applies the batches of several calls in one transaction, in the order they came."""
        now = self._clock.now()
        answers: dict[int, bytes | Exception | None] = {}
        async with self._store.batch(sorted(frozenset().union(*(each.locks for each in submissions))), now) as batch:
            fresh = await self._claimed(batch, submissions, answers)
            placed = [_Placed(*pair, each) for each in fresh for pair in zip(each.reports, each.groups, strict=True)]
            receipts: list[Receipt] = []
            for round_ in _rounds(placed):
                receipts += await self._apply(batch, round_, now)
            kept: dict[UUID, bytes] = {}
            position = 0
            for each in fresh:
                encoded = each.encode(receipts[position : position + len(each.reports)])
                position += len(each.reports)
                answers[id(each)] = None
                if each.key is not None:
                    kept[each.key.id] = encoded
            await batch.keep(kept)
        # The same call twice within one group: one was applied, and both get its answer.
        return [answers[id(each)] if each.key is None or id(each) in answers else kept[each.key.id] for each in submissions]

    async def _claimed(
        self, batch: AlertBatch, submissions: Sequence[_Submission], answers: dict[int, bytes | Exception | None]
    ) -> list[_Submission]:
        """Returns the calls to apply: those without a key, and the first of each new key; answers those already answered before."""
        first: dict[UUID, _Submission] = {}
        for each in submissions:
            if each.key and first.setdefault(each.key.id, each).key != each.key:
                answers[id(each)] = RequestIdReused()
        known = await batch.claim([each.key for each in first.values() if each.key])
        fresh = []
        for each in submissions:
            if each.key is None or (first[each.key.id] is each and known[each.key.id] is None):
                fresh.append(each)
            elif id(each) not in answers and known[each.key.id] is not None:
                answers[id(each)] = known[each.key.id]
        return fresh

    async def _apply(self, batch: AlertBatch, placed: Sequence[_Placed], now: datetime) -> list[Receipt]:
        """Applies reports of different signals."""
        known = await batch.known_alerts([each.report.fingerprint for each in placed])
        outcomes = [outcome_of(each.report, known.get(each.report.fingerprint)) for each in placed]
        pairs = list(zip(placed, outcomes, strict=True))
        by_group, by_id = await self._incidents(batch, pairs, known, now)
        receipts: list[Receipt] = []
        new: list[NewAlert] = []
        repeated: dict[UUID, AlertReport] = {}
        resolved: dict[UUID, AlertReport] = {}
        for each, outcome in pairs:
            report = each.report
            before = known.get(report.fingerprint)
            if outcome is ReportOutcome.OPENED:
                target = by_group[each.group.key]
                alert = NewAlert(new_id(now), target.before.id, report)
                target.opened.append(alert)
                target.note(report)
                new.append(alert)
                receipts.append(Receipt(alert.id, report.fingerprint, alert.incident_id, outcome))
                continue
            if before is not None and outcome is ReportOutcome.RESOLVED:
                resolved[before.id] = report
                by_id[before.incident_id].resolved.append(report)
                by_id[before.incident_id].sources[report.source] = None
            elif before is not None and outcome is ReportOutcome.REPEATED:
                repeated[before.id] = report
                by_id[before.incident_id].note(report)
            receipts.append(Receipt(before.id if before else None, report.fingerprint, before.incident_id if before else None, outcome))
        await batch.open(new)
        await batch.repeat(repeated)
        await batch.resolve(resolved)
        await self._save(batch, [*by_id.values(), *by_group.values()], now)
        return receipts

    async def _incidents(
        self, batch: AlertBatch, pairs: Sequence[tuple[_Placed, ReportOutcome]], known: Mapping[UUID, KnownAlert], now: datetime
    ) -> tuple[dict[str, Joining], dict[UUID, Joining]]:
        """Returns the incidents the reports touch: by group where an alert opens, by id where it is in one already."""
        opening = {each.group.key: each for each, outcome in reversed(pairs) if outcome is ReportOutcome.OPENED}
        touched = {
            known[each.report.fingerprint].incident_id: each
            for each, outcome in reversed(pairs)
            if outcome in {ReportOutcome.REPEATED, ReportOutcome.RESOLVED}
        }
        held = await batch.incidents(list(touched)) if touched else {}
        present = await batch.open_incidents(list(opening)) if opening else {}
        by_id = {found: Joining(incident, touched[found].submission.cause) for found, incident in held.items()}
        by_group: dict[str, Joining] = {}
        for each, outcome in pairs:  # in the order of the reports, so that the same batch opens its incidents in the same order
            key = each.group.key
            if outcome is not ReportOutcome.OPENED or key in by_group:
                continue
            incident = present.get(key)
            if incident is None:
                by_group[key] = Joining(opened(each.report, each.group, now), each.submission.cause)
            else:
                by_group[key] = by_id.setdefault(incident.id, Joining(incident, each.submission.cause))
        return by_group, by_id

    async def _save(self, batch: AlertBatch, joinings: Sequence[Joining], now: datetime) -> None:
        unique = {each.before.id: each for each in joinings}.values()
        results = [(each, result) for each in unique if (result := joined(each, self._grouping, now)) is not None]
        await batch.save(
            [result.incident for _, result in results],
            [entry for _, result in results for entry in result.entries],
            [result.event for _, result in results],
            [each.cause for each, _ in results],
        )


def _rounds(placed: Sequence[_Placed]) -> list[list[_Placed]]:
    """Cuts a batch where a signal comes again: within a round each signal comes once, and rounds keep the order."""
    rounds: list[list[_Placed]] = [[]]
    seen: set[UUID] = set()
    for each in placed:
        if each.report.fingerprint in seen:
            rounds.append([])
            seen.clear()
        seen.add(each.report.fingerprint)
        rounds[-1].append(each)
    return rounds
