"""Adherence: reading how work follows its plan, and looking for drift when a sprint ends."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from opentelemetry.metrics import Meter

from services.allocation.domain.adherence_series import CHART_SPRINTS, Assessed, assess
from services.allocation.domain.drift import ChartDesign, Drift, DriftKind
from services.allocation.domain.errors import SprintNotBegun
from services.allocation.domain.quantity import WHOLE
from services.allocation.domain.sprint import check_sprint
from services.allocation.domain.team import Team
from services.allocation.storage.adherence_store import AdherenceStore
from services.allocation.storage.team_store import TeamStore
from shared.clock import Clock
from shared.paging import Page, PageQuery

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AdherenceTerms:
    """What adherence is told by: how rarely chance alone is to raise an alarm, and how much must be recorded."""

    design: ChartDesign
    least_coverage: float


class Gauges:
    """What an operator sees of each team after its last finished sprint."""

    def __init__(self, meter: Meter) -> None:
        self._planned = meter.create_gauge("ballast_allocation_remediation_planned_ratio", "1", "Share of remediation planned.")
        self._recorded = meter.create_gauge("ballast_allocation_remediation_recorded_ratio", "1", "Share of remediation recorded.")
        self._difference = meter.create_gauge(
            "ballast_allocation_adherence_difference_ratio", "1", "Chart of recorded minus planned share."
        )
        self._coverage = meter.create_gauge("ballast_allocation_work_recorded_ratio", "1", "Recorded hours as a part of capacity.")
        self._active = meter.create_gauge("ballast_allocation_drift_active", "1", "Whether a team drifts in this way.")

    def show(self, team: str, assessed: Assessed) -> None:
        of, work = {"ballast.team.name": team}, assessed.work
        if work.planned_share is not None:
            self._planned.set(work.planned_share / WHOLE, of)
        if work.recorded_share is not None:
            self._recorded.set(work.recorded_share / WHOLE, of)
        if assessed.point is not None:
            self._difference.set(assessed.point.value, of)
        self._coverage.set(work.coverage, of)
        found = {each.kind for each in assessed.findings}
        for kind in DriftKind:
            self._active.set(int(kind in found), of | {"ballast.drift.kind": kind.name.lower()})


class AdherenceWatch:
    """Planned against recorded work of teams."""

    def __init__(self, store: AdherenceStore, teams: TeamStore, terms: AdherenceTerms, clock: Clock, meter: Meter) -> None:
        self.terms = terms
        self._store = store
        self._teams = teams
        self._clock = clock
        self._gauges = Gauges(meter)

    async def get(self, name: str, number: int) -> tuple[Team, Assessed]:
        """Returns a sprint, the present one for 0. Raises TeamNotFound, SprintNotBegun or SprintOutOfRange."""
        team, now = await self._teams.get(name), self._clock.now()
        present = team.cadence.number_at(now)
        if number:
            check_sprint("sprint", number, team.cadence)
        number = number or present
        if number < 1 or number > present:
            raise SprintNotBegun(name, team.cadence.sprint(max(number, 1)).begin_at.isoformat(), max(number, 1))
        return team, (await self._assessed(team, number, number, now))[-1]

    async def page(self, name: str, paging: PageQuery) -> tuple[Team, Page[Assessed]]:
        """Returns a page of a team's sprints, the present one first; none before sprint 1. Raises TeamNotFound."""
        team, now = await self._teams.get(name), self._clock.now()
        newest = int(paging.cursor[0]) - 1 if paging.cursor else team.cadence.number_at(now)
        oldest = max(newest - paging.limit + 1, 1)
        found = (await self._assessed(team, oldest, newest, now))[::-1] if newest >= 1 else []
        return team, paging.page(found, [(str(each.work.sprint.number),) for each in found])

    async def drifts(self, team: str, paging: PageQuery, *, with_ended: bool) -> Page[Drift]:
        return await self._store.page(team, paging, with_ended=with_ended)

    async def look(self, now: datetime) -> None:
        """Looks for drift in every team of which a sprint has ended; once for each, whoever else does the same.

        A team for which it fails does not keep it from the others. Raises the first failure at the end.
        """
        failures = []
        for name in await self._store.due_teams(now):
            try:
                await self._look_at(name, now)
            except Exception as error:  # noqa: BLE001 - raised below, once all had their turn
                _log.warning("adherence could not be looked at", team=name, error=str(error))
                failures.append(error)
        if failures:
            raise failures[0]

    async def _look_at(self, name: str, now: datetime) -> None:
        team = await self._teams.get(name)
        ended = team.cadence.number_at(now) - 1
        async with self._store.looking(team, ended, now) as is_first:
            if not is_first:
                return
            assessed = (await self._assessed(team, ended, ended, now))[-1]
            await self._store.note_drift(team, assessed.point.value if assessed.point else None)
            for told in await self._store.tell(team, ended, assessed.findings, now):
                _log.info("a drift ended" if told.ended_at else "a drift began", drift=told.name, reason=told.finding.reason)
        self._gauges.show(name, assessed)

    async def _assessed(self, team: Team, oldest: int, newest: int, now: datetime) -> Sequence[Assessed]:
        """Returns these sprints; their chart began some sprints before the oldest."""
        first = max(oldest - CHART_SPRINTS, 1)
        sprints = [team.cadence.sprint(number) for number in range(first, newest + 1)]
        works = await self._store.works(team, sprints, now, self.terms.least_coverage)
        # In a thread: it is arithmetic, and calls are not to wait for it.
        return (await asyncio.to_thread(assess, works, self.terms.design))[oldest - first :]
