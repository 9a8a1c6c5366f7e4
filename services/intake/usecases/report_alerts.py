"""Reporting alerts: reports become alerts, incidents, time-lines and events, all in one transaction that concurrent calls share."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from uuid import UUID

from services.intake.domain.errors import ReportRefused
from services.intake.storage.alert_batch import AlertBatch, Contended
from services.intake.storage.alert_store import AlertStore
from services.intake.usecases.applying import Applying
from services.intake.usecases.receipts import Receipts, packed, unpacked
from services.intake.usecases.repeats import Repeats
from services.intake.usecases.reports import Reports, Sent, violations_of
from services.intake.usecases.routing import Routes
from services.intake.usecases.storms import Storms
from services.intake.usecases.work import Work
from shared.clock import Clock
from shared.errors import Unavailable
from shared.events.outbox import Headers, current_headers
from shared.storage.group_commit import GroupCommit
from shared.storage.requests import RequestAnswered, RequestIdReused, RequestKey

_MOST_TRIES = 8


@dataclass(frozen=True, slots=True)
class _Submission:
    """One call's reports, ready to be applied."""

    sent: Sent
    cause: Headers
    key: RequestKey | None


@dataclass(frozen=True, slots=True)
class Parts:
    """What the alert path is made of."""

    applying: Applying
    storms: Storms
    repeats: Repeats


class ReportAlerts:
    """Takes batches of reports."""

    def __init__(self, store: AlertStore, clock: Clock, routes: Routes, parts: Parts, *, most_waiting: int = 50_000) -> None:
        self._store = store
        self._clock = clock
        self._routes = routes
        self._parts = parts
        self.commits: GroupCommit[_Submission, Receipts] = GroupCommit(self._run, lambda each: each.sent.count, most_waiting=most_waiting)

    async def __call__(self, sent: Sent, source: str, key: RequestKey | None) -> Receipts:
        """Stores the reports of one call; returns a receipt for each once they are durable.

        With a `key` the receipts are kept, and a repeat returns them.
        Raises ReportRefused when every report was refused, RequestIdReused, or Overloaded; then nothing is stored.
        """
        if not len(sent.reports):
            violations = violations_of(sent, "reports")
            raise ReportRefused("; ".join(f"{each.field}: {each.description}" for each in violations[:5]), violations)
        return await self.commits.submit(_Submission(sent, current_headers(), key), source)

    async def _run(self, submissions: Sequence[_Submission]) -> list[Receipts | Exception]:
        """Applies the reports of several calls in one transaction, in the order they came; again where another one interfered."""
        for _ in range(_MOST_TRIES):
            try:
                return await self._attempt(submissions)
            except (Contended, RequestAnswered):
                continue
        raise Unavailable("others change the same alerts all the time; try again", reason="CONTENDED")

    async def _attempt(self, submissions: Sequence[_Submission]) -> list[Receipts | Exception]:
        now = self._clock.now()
        answers: dict[int, Receipts | Exception] = {}
        async with self._store.batch(now) as batch:
            routing = await self._routes.at(await batch.begin())
            fresh = await self._fresh(batch, submissions, answers)
            offsets = [0, *accumulate(len(each.sent.reports) for each in fresh)]
            work = Work(_together(fresh), routing, now, offsets[:-1], [each.cause for each in fresh])
            opened = 0
            for positions in _rounds(work.reports):
                opened += await self._parts.applying.apply(batch, work, positions)
            kept: list[tuple[RequestKey, bytes]] = []
            told: dict[UUID, Receipts] = {}
            for each, begin, end in zip(fresh, offsets, offsets[1:], strict=False):
                receipts = answers[id(each)] = work.receipts.part(begin, end)
                if each.key is not None:
                    told[each.key.id] = receipts
                    kept.append((each.key, packed(receipts)))
            await batch.keep(kept)
        for rule, count in work.matched.items():
            routing.rules.counts.note(rule, count)
        self._parts.repeats.add(work.repeats)
        self._parts.storms.note(opened, now)
        # The same call twice within one group: one was applied, and both get its answer.
        return [answers[id(each)] if each.key is None or id(each) in answers else told[each.key.id] for each in submissions]

    async def _fresh(
        self, batch: AlertBatch, submissions: Sequence[_Submission], answers: dict[int, Receipts | Exception]
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
                kept = known[each.key.id]
                answers.setdefault(id(each), kept if isinstance(kept, RequestIdReused) else unpacked(kept))
            elif first[each.key.id] is each:
                fresh.append(each)
        return fresh


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
