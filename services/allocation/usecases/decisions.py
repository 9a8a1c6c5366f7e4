"""Deciding: on request, when a sprint begins, and when an assessment matters; and reading what was decided."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol
from uuid import UUID

import structlog

from services.allocation.domain.capacity_change import restated
from services.allocation.domain.decision import Decision, DecisionTrigger
from services.allocation.domain.errors import SprintNotBegun, TeamNotFound
from services.allocation.domain.incident import IncidentFact, teams_to_decide
from services.allocation.domain.rule import Occasion, decide
from services.allocation.domain.rule_signal import watches_budgets
from services.allocation.storage.decision_query import DecisionQuery
from services.allocation.storage.decision_store import Deciding, DecisionStore
from services.allocation.storage.incident_store import IncidentStore
from services.allocation.storage.team_store import TeamStore
from services.allocation.usecases.proposals import Proposals
from shared.clock import Clock
from shared.ids import name_of, new_id
from shared.paging import Page, PageQuery
from shared.principal import current_principal_name

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Stores:
    """What decisions are made from, and kept in."""

    decisions: DecisionStore
    teams: TeamStore
    incidents: IncidentStore


class Trace(Protocol):
    """The trace of one decision while it is made."""

    @property
    def trace_id(self) -> str: ...

    def decided(self, decision: Decision) -> None:
        """Notes what was decided, on which incidents, and what it displaced."""


Tracing = Callable[[], AbstractContextManager[Trace]]


class Decisions:
    """Makes decisions, one after the other for each team, and reads them."""

    def __init__(self, stores: Stores, proposals: Proposals, clock: Clock, trace: Tracing) -> None:
        self._store = stores.decisions
        self._teams = stores.teams
        self._incidents = stores.incidents
        self._proposals = proposals
        self._clock = clock
        self._trace = trace

    async def decide(self, team: str) -> Decision:
        """Decides because somebody asked. Raises TeamNotFound or SprintNotBegun."""
        return await self._decide(team, Occasion(DecisionTrigger.REQUEST, self._clock.now(), author=current_principal_name()))

    async def preview(self, team: str) -> Decision:
        """Returns what `decide` would decide, and stores nothing. Raises TeamNotFound or SprintNotBegun."""
        occasion = Occasion(DecisionTrigger.REQUEST, self._clock.now(), author=current_principal_name())
        return await asyncio.to_thread(decide, await self._store.situation(team, occasion.now), occasion)

    async def follow_capacity(self, names: Sequence[str]) -> None:
        """Brings the hours of these teams' splits up to date where the present sprint has another capacity by now; their shares stay."""
        now = self._clock.now()
        splits = await self._store.splits(names)
        for team in await self._teams.present(sorted(splits), now):
            split, sprint = splits[team.name], team.cadence.sprint_at(now)
            if split.sprint_number == sprint.number and split.capacity_hours != team.capacity_in(sprint):
                await self._restate(team.name, Occasion(DecisionTrigger.CAPACITY, now, author=current_principal_name()))

    async def decide_due_sprints(self, now: datetime) -> None:
        """Decides for every team whose present sprint has begun without a decision for that; once, whoever else does the same.

        A team for which it fails does not keep it from the others. Raises the first failure at the end.
        """
        failures = []
        for team in await self._store.due_teams(now):
            try:
                await self._decide_boundary(team, now)
            except Exception as error:  # noqa: BLE001 - raised below, once all had their turn
                _log.warning("no decision at the beginning of a sprint", team=team, error=str(error))
                failures.append(error)
        if failures:
            raise failures[0]

    async def hear(self, fact: IncidentFact) -> bool:
        """Holds what an assessment says of an incident and decides for the teams it matters to.

        Returns whether it was newer than what was held. Teams that are not stored here, or have not begun, are passed over.
        """
        held = await self._incidents.replace(fact)
        if held is not None and held.revision >= fact.revision:
            return False
        occasion = Occasion(DecisionTrigger.ASSESSMENT, self._clock.now(), fact.assessment, fact.incident)
        for team in teams_to_decide(held, fact):
            try:
                await self._decide(team, occasion)
            except (TeamNotFound, SprintNotBegun) as error:
                _log.info("an assessment decides nothing", team=team, incident=fact.incident, reason=error.reason)
        return True

    async def hear_budget(self, team: str) -> None:
        """Looks again, as an error budget of the team's stands otherwise; decides where with it a rule begins to hold or the share changes.

        Budgets are told of often: what would only hold the split as it is leaves no decision. A team that is not stored here, or has not
        begun, is passed over.
        """
        now = self._clock.now()
        try:
            async with self._store.deciding(team, now) as turn:
                if not watches_budgets(turn.situation.policy):
                    return
                made = await asyncio.to_thread(decide, turn.situation, Occasion(DecisionTrigger.BUDGET, now))
                if made.share_change or made.rules != turn.situation.rules:
                    await self.keep(turn, lambda: made)
        except (TeamNotFound, SprintNotBegun) as error:
            _log.info("an error budget decides nothing", team=team, reason=error.reason)

    async def get(self, decision_id: UUID) -> Decision:
        return await self._store.get(decision_id)

    async def page(self, query: DecisionQuery, paging: PageQuery) -> Page[Decision]:
        return await self._store.page(query, paging)

    async def keep(self, turn: Deciding, make: Callable[[], Decision]) -> Decision:
        """Makes a decision in a team's turn and stores it, within a trace of its own.

        Approvers are asked once that is committed, if they must be; when a sprint begins, by the tick: however many teams begin one, and
        however long governance is away, all have their decisions first.
        """
        with self._trace() as trace:
            # In a thread: the optimum of a large roadmap takes a while, and the solver leaves the interpreter free meanwhile.
            made = await asyncio.to_thread(make)
            named = made.named(name_of("decisions", new_id(made.created_at)), trace.trace_id)
            trace.decided(named)
            lapsed = await turn.record(named)
            self._proposals.made(named, lapsed, ask=named.trigger is not DecisionTrigger.SPRINT_BEGAN)
        return named

    async def _decide(self, team: str, occasion: Occasion) -> Decision:
        async with self._store.deciding(team, occasion.now) as turn:
            return await self.keep(turn, partial(decide, turn.situation, occasion))

    async def _restate(self, team: str, occasion: Occasion) -> None:
        async with self._store.deciding(team, occasion.now) as turn:
            # A decision may have been made since the split was read.
            if (made := await asyncio.to_thread(restated, turn.situation, occasion)) is not None:
                await self.keep(turn, lambda: made)

    async def _decide_boundary(self, team: str, now: datetime) -> None:
        async with self._store.deciding(team, now) as turn:
            # Another replica may have been here between the list and the lock.
            if turn.situation.awaits_boundary_decision(now):
                await self.keep(turn, partial(decide, turn.situation, Occasion(DecisionTrigger.SPRINT_BEGAN, now)))
