"""Evaluating budgets: the step of the policy each is in and why, and what incidents used of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from services.triage.domain.budget_cause import BudgetCause, deciding_cause
from services.triage.domain.budget_policy import Acting, BudgetPolicy, BudgetStep, Standing, places_in_force, standing_of
from services.triage.domain.budget_report import BudgetReport
from services.triage.domain.budget_window import Span, without
from services.triage.domain.incident_budget import FOUR_WEEKS, QUARTER, BudgetIncident, IncidentUse, share_of_budget
from services.triage.domain.slo import Slo
from services.triage.storage.budget_incident_store import BudgetIncidentStore
from services.triage.storage.budget_state_store import BudgetStateStore
from services.triage.usecases.budget_readings import BudgetReadings, BudgetTable


class BudgetEvaluation:
    """Says where budgets stand under a policy."""

    def __init__(self, readings: BudgetReadings, incidents: BudgetIncidentStore, states: BudgetStateStore) -> None:
        self._readings = readings
        self._incidents = incidents
        self._states = states

    async def reports(self, slos: Sequence[Slo], policy: BudgetPolicy, now: datetime, more: Sequence[timedelta] = ()) -> list[BudgetReport]:
        """Returns every budget of these SLOs with its standing, and with its burn in the windows `more` beside those always told."""
        table = await self._readings.read(slos, now, (*policy.windows, *more))
        return await self.stand(table, policy, range(len(table.keys)))

    async def table(self, slos: Sequence[Slo], policy: BudgetPolicy, now: datetime) -> BudgetTable:
        return await self._readings.read(slos, now, policy.windows)

    async def stand(self, table: BudgetTable, policy: BudgetPolicy, rows: Sequence[int]) -> list[BudgetReport]:
        """Returns these rows of the table with their standing."""
        places = step_places(table, policy)
        steps = {row: policy.steps[places[row]] for row in rows if places[row] >= 0}
        causes = await self._causes(table, steps)
        return [table.report(row, _standing(table, row, steps.get(row), causes.get(row, BudgetCause.UNKNOWN))) for row in rows]

    async def uses(self, table: BudgetTable, incidents: Sequence[BudgetIncident]) -> list[IncidentUse]:
        """Returns what each of these incidents used of each budget of its components; planned work is left out of it."""
        asked = [
            (row, each, piece)
            for each in incidents
            for row, key in enumerate(table.keys)
            if key.slo.component in each.components
            for piece in _pieces(table, row, each.span(table.now))
        ]
        good, total = await self._readings.sums([(table.keys[row].series, piece) for row, _, piece in asked])
        counts: dict[tuple[int, str], tuple[BudgetIncident, float, float]] = {}
        for (row, each, _), fine, every in zip(asked, good, total, strict=True):
            _, bad_before, total_before = counts.get((row, each.name), (each, 0.0, 0.0))
            counts[row, each.name] = (each, bad_before + float(every - fine), total_before + float(every))
        return [_use(table, row, *found) for (row, _), found in counts.items()]

    async def _causes(self, table: BudgetTable, steps: Mapping[int, BudgetStep]) -> dict[int, BudgetCause]:
        """Returns the cause that spent the most in the time each of these rows' steps looks at."""
        if not steps:
            return {}
        since = {row: table.now - step.window if step.window else table.keys[row].span.starts_at for row, step in steps.items()}
        components = sorted({table.keys[row].slo.component for row in steps})
        incidents = await self._incidents.between(Span(min(since.values()), table.now), components)
        if not incidents:
            return {}
        incidents = await self._judged(incidents)
        asked = [
            (row, each, piece)
            for row in steps
            for each in incidents
            if table.keys[row].slo.component in each.components and (cut := each.span(table.now).cut(Span(since[row], table.now)))
            for piece in _pieces(table, row, cut)
        ]
        good, total = await self._readings.sums([(table.keys[row].series, piece) for row, _, piece in asked])
        spent: dict[int, dict[BudgetCause, float]] = {row: {} for row in steps}
        for (row, each, _), bad in zip(asked, total - good, strict=True):
            spent[row][each.cause] = spent[row].get(each.cause, 0.0) + float(bad)
        return {row: deciding_cause(spent[row], _bad(table, row, step.window)) for row, step in steps.items()}

    async def _judged(self, incidents: Sequence[BudgetIncident]) -> list[BudgetIncident]:
        """Returns the incidents; a dependency whose own budget is frozen is the cause of a team that works on it already."""
        frozen = await self._states.frozen_components()
        return [replace(each, cause=BudgetCause.FROZEN_TEAM) if _waits_for(each, frozen) else each for each in incidents]


def _waits_for(incident: BudgetIncident, frozen: Collection[str]) -> bool:
    is_anothers = incident.cause_ref in frozen and incident.cause_ref not in incident.components
    return incident.cause is BudgetCause.DEPENDENCY and is_anothers


def step_places(table: BudgetTable, policy: BudgetPolicy) -> NDArray[np.int64]:
    """Returns the position of the step each budget is in; -1 where none holds."""
    return places_in_force(policy, Acting(table.windows, table.acting, table.measured.remaining, table.counted.total[:, -1]))


def _standing(table: BudgetTable, row: int, step: BudgetStep | None, cause: BudgetCause) -> Standing:
    remaining = float(table.measured.remaining[row])
    if step is None or step.window is None:
        return standing_of(step, 0.0, remaining, cause)
    column = list(table.windows).index(step.window)
    return standing_of(step, float(table.acting[row, column]), remaining, cause, known=float(table.known[row, column]))


def _bad(table: BudgetTable, row: int, window: timedelta | None) -> float:
    column = list(table.windows).index(window) if window else -1
    return float(table.counted.total[row, column] - table.counted.good[row, column])


def _pieces(table: BudgetTable, row: int, span: Span) -> list[Span]:
    return without(span, [each.span for each in table.exclusions.get(table.keys[row].slo.component, ())])


def _use(table: BudgetTable, row: int, incident: BudgetIncident, bad: float, total: float) -> IncidentUse:
    key, counted = table.keys[row], float(table.counted.counted_seconds[row])
    rate = float(table.counted.total[row, -1]) / counted if counted > 0 else 0.0
    period = timedelta(seconds=float(table.counted.period_seconds[row]))
    shares = [share_of_budget(bad, key.target, rate, each) for each in (period, FOUR_WEEKS, QUARTER)]
    return IncidentUse(incident, key.slo.name, key.objective, bad, total, *shares)
