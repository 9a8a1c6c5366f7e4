"""Watching budgets: telling of those that changed, after samples and every minute, and raising the duties that follow."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import structlog

from services.triage.domain.budget_policy import BudgetPolicy
from services.triage.domain.budget_window import Span
from services.triage.domain.incident_budget import FOUR_WEEKS, QUARTER, duties_of
from services.triage.domain.slo import Slo
from services.triage.storage.budget_incident_store import BudgetIncidentStore
from services.triage.storage.budget_state_store import BudgetStateStore, Told
from services.triage.storage.budgeted_slos import BudgetedSlos
from services.triage.storage.sli_store import SliStore
from services.triage.usecases.budget_evaluation import BudgetEvaluation, step_places
from services.triage.usecases.budget_readings import BudgetTable
from shared.clock import Clock
from shared.errors import BallastError
from shared.revisions import RevisionStore

_BEAT_SECONDS = 1.0
_RECENT = timedelta(hours=1)
_MOST_AT_ONCE = 500  # told in one transaction
_log = structlog.get_logger(__name__)


class BudgetWatch:
    """Looks at budgets and tells of those that stand otherwise than before."""

    def __init__(
        self,
        slos: BudgetedSlos,
        evaluation: BudgetEvaluation,
        policies: RevisionStore[BudgetPolicy],
        states: BudgetStateStore,
        incidents: BudgetIncidentStore,
    ) -> None:
        self._slos = slos
        self._evaluation = evaluation
        self._policies = policies
        self._states = states
        self._incidents = incidents
        self._marked: set[str] = set()

    def mark(self, slos: Iterable[str]) -> None:
        """Has these SLOs looked at within the second. Lost with the process, which the minute makes good."""
        self._marked.update(slos)

    async def beat(self, clock: Clock) -> None:
        """Looks at what was marked, every second, until it is cancelled."""
        while True:
            await asyncio.sleep(_BEAT_SECONDS)
            if not self._marked:
                continue
            marked, self._marked = self._marked, set()
            try:
                known = await self._slos.all()
                await self._look([known[name] for name in sorted(marked) if name in known], clock.now())
            except BallastError as error:
                _log.warning("budgets wait for the next minute", error=error.message)

    async def tick(self, now: datetime) -> None:
        """Looks at every budget, every minute: time alone moves windows."""
        known = await self._slos.all()
        await self._look(list(known.values()), now)
        await self._raise_duties(list(known.values()), now)

    async def _look(self, slos: Sequence[Slo], now: datetime) -> None:
        policy = (await self._policies.newest(now)).document
        table = await self._evaluation.table(slos, policy, now)
        rows = _moved(table, step_places(table, policy).tolist(), await self._states.all())
        for begin in range(0, len(rows), _MOST_AT_ONCE):
            reports = await self._evaluation.stand(table, policy, rows[begin : begin + _MOST_AT_ONCE])
            await self._states.tell(reports, now)

    async def _raise_duties(self, slos: Sequence[Slo], now: datetime) -> None:
        recent = await self._incidents.between(Span(now - _RECENT, now))
        components = {component for each in recent for component in each.components}
        concerned = [slo for slo in slos if slo.component in components]
        if not concerned:
            return
        policy = (await self._policies.newest(now)).document
        table = await self._evaluation.table(concerned, policy, now)
        incidents = await self._incidents.between(Span(now - QUARTER, now), sorted(components))
        uses = await self._evaluation.uses(table, incidents)
        fresh = [each for each in uses if each.incident.span(now).ends_at > now - FOUR_WEEKS]
        duties = duties_of(uses, policy.post_mortem_share, policy.planning_share)
        names = {each.incident.name for each in fresh}
        raised = await self._incidents.arise(
            [each for each in duties if each.about in names or not each.about.startswith("incidents/")], now
        )
        if raised:
            _log.info("duties arose from what incidents used of budgets", duties=len(raised))


def _moved(table: BudgetTable, places: Sequence[int], told: dict[tuple[str, int], Told]) -> list[int]:
    """Returns the rows that may be news: what is plainly as it was told is left out without making a report of it."""
    found = []
    rest, loud = table.measured.remaining.tolist(), (table.alerts != 1).any(axis=1).tolist()
    for row, key in enumerate(table.keys):
        before = told.get((key.slo.name, key.objective))
        quiet = places[row] < 0 and not loud[row]
        if before is None:
            if not quiet or rest[row] < 0.99:
                found.append(row)
        elif not quiet or before.step or any(each != 1 for each in before.alerts) or abs(before.remaining - rest[row]) >= 0.01:
            found.append(row)
    return found


class SliHousekeeping:
    """Drops the detail of indicator series that is no longer kept."""

    def __init__(self, series: SliStore) -> None:
        self._series = series

    async def run(self, now: datetime) -> None:
        await self._series.thin(now)
