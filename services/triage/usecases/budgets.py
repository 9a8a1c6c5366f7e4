"""What people and platforms do with error budgets: send samples, read budgets, adjust them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from services.triage.domain.budget_adjustment import AdjustmentUnit, BudgetAdjustment, check_adjustment, share_of
from services.triage.domain.budget_policy import BudgetPolicy
from services.triage.domain.budget_report import BudgetReport
from services.triage.domain.budget_window import Span
from services.triage.domain.error_budget import Floats
from services.triage.domain.errors import SloNotFound
from services.triage.domain.incident_budget import IncidentUse
from services.triage.domain.sli_series import Refusal, Sample
from services.triage.domain.slo import Slo
from services.triage.storage.budget_incident_store import BudgetIncidentStore
from services.triage.storage.budget_store import BudgetStore
from services.triage.storage.budgeted_slos import BudgetedSlos
from services.triage.storage.sli_store import SliStore
from services.triage.usecases.budget_evaluation import BudgetEvaluation, step_places
from services.triage.usecases.budget_readings import BudgetKey, BudgetReadings, BudgetTable, begin_edge, minutes_of, present_edge
from services.triage.usecases.budget_watch import BudgetWatch
from shared.clock import Clock
from shared.errors import invalid_field
from shared.ids import new_id
from shared.paging import Page, PageQuery
from shared.principal import current_principal_name
from shared.revisions import RevisionStore


@dataclass(frozen=True, slots=True)
class BudgetQuery:
    """Which budgets to list; empty conditions hold for all."""

    component: str = ""
    team: str = ""
    step: str = ""


@dataclass(frozen=True, slots=True)
class AdjustmentOrder:
    """An adjustment as somebody asks for it; without times it holds from now on, for the SLO's window."""

    slo: str
    objective: int
    amount: float
    unit: AdjustmentUnit
    reason: str
    approver: str
    valid_from: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class BurnDownPoint:
    """What remained of a budget at a time, and the events up to then in its window."""

    at: datetime
    remaining: float
    good: float
    total: float


class Samples:
    """Good and total events as sources send them."""

    def __init__(self, slos: BudgetedSlos, series: SliStore, watch: BudgetWatch, clock: Clock) -> None:
        self._slos = slos
        self._series = series
        self._watch = watch
        self._clock = clock

    async def record(self, samples: Sequence[Sample | Refusal]) -> list[Refusal | None]:
        """Takes the samples that can be taken, and says for each of the others why not, in the order given."""
        known = await self._slos.all()
        found: list[Refusal | None] = [each if isinstance(each, Refusal) else None for each in samples]
        places = [place for place, each in enumerate(samples) if isinstance(each, Sample)]
        for place in places:
            sample = samples[place]
            if isinstance(sample, Sample) and sample.slo not in known:
                found[place] = Refusal("SLO_NOT_FOUND", "slo", f"there is no {sample.slo}; import it first, or mend the name")
        taken = [(place, each) for place, each in enumerate(samples) if isinstance(each, Sample) and found[place] is None]
        judged = await self._series.record([each for _, each in taken], known, self._clock.now())
        for (place, _), refusal in zip(taken, judged, strict=True):
            found[place] = refusal
        self._watch.mark({each.slo for (_, each), refusal in zip(taken, judged, strict=True) if refusal is None})
        return found


class Budgets:
    """The error budgets of SLOs."""

    def __init__(
        self,
        slos: BudgetedSlos,
        store: BudgetStore,
        readings: BudgetReadings,
        evaluation: BudgetEvaluation,
        policies: RevisionStore[BudgetPolicy],
    ) -> None:
        self._slos = slos
        self._store = store
        self._readings = readings
        self._evaluation = evaluation
        self._policies = policies

    async def get(self, name: str, now: datetime, windows: Sequence[timedelta] = ()) -> list[BudgetReport]:
        """Returns the budget of each objective of an SLO, with its burn in these windows too. Raises SloNotFound."""
        policy = (await self._policies.newest(now)).document
        return await self._evaluation.reports([await self._slo(name)], policy, now, windows)

    async def page(self, query: BudgetQuery, paging: PageQuery, now: datetime) -> Page[BudgetReport]:
        """Returns a page of budgets, the one with the least left first: all are counted for that, and those of the page evaluated."""
        policy = (await self._policies.newest(now)).document
        keys, rests = await self._rests(query, policy, now)
        order = sorted((rest, key.slo.name, key.objective, row) for row, (key, rest) in enumerate(zip(keys, rests, strict=True)))
        if paging.cursor:
            after = (float(paging.cursor[0]), paging.cursor[1], int(paging.cursor[2]))
            order = [each for each in order if each[:3] > after]
        shown = order[: paging.limit]
        slos = list({keys[row].slo.name: keys[row].slo for *_, row in shown}.values())
        table = await self._evaluation.table(slos, policy, now)
        rows = {(key.slo.name, key.objective): row for row, key in enumerate(table.keys)}
        reports = await self._evaluation.stand(table, policy, [rows[name, objective] for _, name, objective, _ in shown])
        return paging.page(reports, [(repr(rest), name, str(objective)) for rest, name, objective, _ in shown])

    async def _rests(self, query: BudgetQuery, policy: BudgetPolicy, now: datetime) -> tuple[Sequence[BudgetKey], Sequence[float]]:
        """Returns the budgets that a query is about, and what remains of each; which step each is in takes all of its windows."""
        slos = await self._chosen(query)
        if not query.step:
            keys, rests = await self._readings.remaining(slos, now)
            return keys, rests.tolist()
        table = await self._evaluation.table(slos, policy, now)
        places = step_places(table, policy).tolist()
        chosen = [row for row, place in enumerate(places) if place >= 0 and policy.steps[place].name == query.step]
        return [table.keys[row] for row in chosen], [float(table.measured.remaining[row]) for row in chosen]

    async def adjust(self, order: AdjustmentOrder, now: datetime) -> BudgetAdjustment:
        """Keeps an adjustment on behalf of the caller. Raises SloNotFound, AdjustmentRefused."""
        slo = await self._slo(order.slo)
        begin = order.valid_from or now
        table = await self._readings.read([slo], now)
        made = BudgetAdjustment(
            id=new_id(now),
            slo=order.slo,
            objective=order.objective,
            amount=order.amount,
            unit=order.unit,
            reason=order.reason,
            approver=order.approver,
            author=current_principal_name(),
            valid_from=begin,
            valid_until=order.valid_until or _later(begin, table.keys[0].span.length),
            created_at=now,
        )
        check_adjustment(made, len(slo.objectives), _share(made, table))
        await self._store.adjust(made)
        return made

    async def adjustments(self, slo: str, paging: PageQuery) -> Page[BudgetAdjustment]:
        return await self._store.adjustments(slo, paging)

    async def burn_down(self, name: str, objective: int, count: int, now: datetime) -> tuple[BudgetReport, list[BurnDownPoint]]:
        """Returns a budget and `count` points of what remained of it, from the begin of its window until now.

        Each point is of the budget as it is known now: the last is what remains. Raises SloNotFound.
        """
        slo = await self._slo(name)
        policy = (await self._policies.newest(now)).document
        table = await self._evaluation.table([slo], policy, now)
        if not 0 <= objective < len(table.keys):
            raise invalid_field(
                "objective", f"is {objective}; {name} has {len(table.keys)}: give 0 to {len(table.keys) - 1}", reason="FIELD_INVALID"
            )
        report = (await self._evaluation.stand(table, policy, [objective]))[0]
        begin, end = report.window.starts_at, min(now, report.window.ends_at)
        times = [begin + (end - begin) * (place / (count - 1)) for place in range(count)] if begin < end else [end]
        good, total = await self._since_begin(table, objective, times)
        bad_now = report.total - report.good
        allowed = bad_now / report.used if report.used > 0 else float("inf")
        return report, [
            BurnDownPoint(at, 1 - float(every - fine) / allowed + report.adjusted, float(fine), float(every))
            for at, fine, every in zip(times, good, total, strict=True)
        ]

    async def _since_begin(self, table: BudgetTable, row: int, times: Sequence[datetime]) -> tuple[Floats, Floats]:
        """Returns good and total from the begin of the budget's window up to each time, planned work left out."""
        key = table.keys[row]
        edges = np.array([begin_edge(key), *(present_edge(each) for each in times)], dtype=np.int64)
        good, total = await self._readings.before(key.series, edges)
        good, total = good[1:] - good[0], total[1:] - total[0]
        cuts = [
            (place, cut)
            for each in minutes_of(table.exclusions.get(key.slo.component, ()))
            for place, at in enumerate(times)
            if (cut := each.cut(Span(key.span.starts_at, at + (timedelta(minutes=1) if at == table.now else timedelta(0)))))
        ]
        out_good, out_total = await self._readings.sums([(key.series, cut) for _, cut in cuts])
        np.subtract.at(good, [place for place, _ in cuts], out_good)
        np.subtract.at(total, [place for place, _ in cuts], out_total)
        return good, total

    async def _slo(self, name: str) -> Slo:
        known = await self._slos.all()
        if name not in known:
            raise SloNotFound(name)
        return known[name]

    async def _chosen(self, query: BudgetQuery) -> list[Slo]:
        known = (await self._slos.all()).values()
        teams = await self._store.owners() if query.team else {}
        return [slo for slo in known if query.component in {"", slo.component} and query.team in {"", teams.get(slo.component, "")}]


def _share(adjustment: BudgetAdjustment, table: BudgetTable) -> float:
    row = adjustment.objective
    if not 0 <= row < len(table.keys):
        return 0.0
    period = timedelta(seconds=float(table.counted.period_seconds[row]))
    return share_of(adjustment, table.keys[row].target, period, table.counted.expected_total(row))


def _later(begin: datetime, length: timedelta) -> datetime:
    last = datetime.max.replace(tzinfo=UTC)
    return begin + length if last - begin > length else last


class IncidentUses:
    """What incidents used of budgets."""

    def __init__(
        self, slos: BudgetedSlos, incidents: BudgetIncidentStore, evaluation: BudgetEvaluation, policies: RevisionStore[BudgetPolicy]
    ) -> None:
        self._slos = slos
        self._incidents = incidents
        self._evaluation = evaluation
        self._policies = policies

    async def of_incident(self, name: str, now: datetime) -> list[IncidentUse]:
        """Returns what an incident used of each budget of its components. Raises BudgetIncidentNotFound."""
        incident = await self._incidents.get(name)
        slos = [slo for slo in (await self._slos.all()).values() if slo.component in incident.components]
        table = await self._evaluation.table(slos, (await self._policies.newest(now)).document, now)
        return await self._evaluation.uses(table, [incident])

    async def of_slo(self, name: str, lookback: timedelta, now: datetime) -> list[IncidentUse]:
        """Returns what each incident within `lookback` used of an SLO's budgets. Raises SloNotFound."""
        known = await self._slos.all()
        if name not in known:
            raise SloNotFound(name)
        table = await self._evaluation.table([known[name]], (await self._policies.newest(now)).document, now)
        return await self._evaluation.uses(table, await self._incidents.between(Span(now - lookback, now), [known[name].component]))
