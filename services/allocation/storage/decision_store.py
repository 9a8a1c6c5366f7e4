"""Decisions in PostgreSQL, and everything a decision is made on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, insert, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.allocation.domain.decision import Decision, DecisionOutcome, DecisionTrigger, Split
from services.allocation.domain.errors import DecisionNotFound, TeamNotFound
from services.allocation.domain.events import DecisionMade
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.situation import DecisionMark, Situation, needed_since
from services.allocation.domain.sprint import Sprint
from services.allocation.domain.team import Team
from services.allocation.storage.documents import decision_from_row, decision_to_row, split_from_json
from services.allocation.storage.policy_store import PolicyStore
from services.allocation.storage.rows import fact_from_row, item_from_row, team_from_row
from services.allocation.storage.split_cache import SplitCache
from services.allocation.storage.tables import decision, incident_fact, roadmap_item, team, work_record
from shared.events.outbox import Outbox
from shared.ids import name_of
from shared.paging import Page, PageQuery
from shared.storage.database import Database

# A day of a session in UTC has 24 hours, so sprints are cut here exactly as in the domain.
_DUE = text(
    """
    select t.name from team t cross join (select cast(:now as timestamptz) as at) now
    where t.first_sprint_at <= now.at and not exists (
        select 1 from decision d where d.team = t.name and d.trigger = :trigger and d.created_at >= t.first_sprint_at
            + floor(extract(epoch from now.at - t.first_sprint_at) / (86400 * t.sprint_days)) * t.sprint_days * interval '1 day'
    ) order by t.name
    """
)


@dataclass(frozen=True, slots=True)
class DecisionQuery:
    """Which decisions to list; empty conditions hold for all."""

    team: str = ""
    sprint_number: int = 0
    assessment: str = ""
    outcomes: tuple[DecisionOutcome, ...] = ()


@dataclass(frozen=True, slots=True)
class Deciding:
    """A team's turn: its situation, and the place to put what is decided."""

    situation: Situation
    _connection: AsyncConnection
    _store: "DecisionStore"

    async def record(self, made: Decision) -> None:
        """Stores the decision with its event; the cache learns of the split once it is committed."""
        await self._store.record(self._connection, made)


class DecisionStore:
    """Decisions of all teams."""

    def __init__(self, database: Database, outbox: Outbox, policies: PolicyStore, cache: SplitCache) -> None:
        self._database = database
        self._outbox = outbox
        self._policies = policies
        self._cache = cache

    @asynccontextmanager
    async def deciding(self, team_name: str, now: datetime) -> AsyncIterator[Deciding]:
        """Opens a transaction in which this team's decisions and roadmap stand still for all others. Raises TeamNotFound."""
        async with self._database.transaction() as connection:
            situation = await self._situation(connection, select(team).where(team.c.name == team_name).with_for_update(), team_name, now)
            yield Deciding(situation, connection, self)

    async def situation(self, team_name: str, now: datetime) -> Situation:
        """Returns what a decision at `now` would be made on. Raises TeamNotFound."""
        async with self._database.transaction() as connection:
            return await self._situation(connection, select(team).where(team.c.name == team_name), team_name, now)

    async def record(self, connection: AsyncConnection, made: Decision) -> None:
        statement = insert(decision).values(decision_to_row(made)).returning(decision.c.position)
        position = (await connection.execute(statement)).scalar_one()
        await self._outbox.record(connection, [DecisionMade(made)])
        self._database.after_commit(lambda: self._cache.put(position, made.after))

    async def due_teams(self, now: datetime) -> list[str]:
        """Returns the teams whose present sprint has begun without a decision for that, by name."""
        async with self._database.transaction() as connection:
            rows = await connection.execute(_DUE, {"now": now, "trigger": DecisionTrigger.SPRINT_BEGAN.value})
            return [row.name for row in rows]

    async def split(self, team_name: str) -> Split | None:
        """Returns the team's newest split, from the cache or else from here; None before its first decision."""
        cached = await self._cache.get(team_name)
        if cached is not None:
            return cached
        async with self._database.transaction() as connection:
            row = await _newest(connection, team_name)
        if row is None:
            return None
        split = split_from_json(row.after)
        await self._cache.put(row.position, split)
        return split

    async def get(self, decision_id: UUID) -> Decision:
        """Raises DecisionNotFound."""
        async with self._database.transaction() as connection:
            row = (await connection.execute(select(decision).where(decision.c.id == decision_id))).first()
        if row is None:
            raise DecisionNotFound(name_of("decisions", decision_id))
        return decision_from_row(row)

    async def page(self, query: DecisionQuery, paging: PageQuery) -> Page[Decision]:
        """Returns a page of decisions, newest first."""
        statement = _filtered(query).order_by(decision.c.position.desc()).limit(paging.limit)
        if paging.cursor:
            statement = statement.where(decision.c.position < int(paging.cursor[0]))
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return paging.page([decision_from_row(row) for row in rows], [(str(row.position),) for row in rows])

    async def _situation(self, connection: AsyncConnection, of_team: "Select[tuple[object, ...]]", name: str, now: datetime) -> Situation:
        row = (await connection.execute(of_team)).first()
        if row is None:
            raise TeamNotFound(name)
        found = team_from_row(row)
        policy = await self._policies.newest(found.policy, now)
        return await _gather(connection, found, policy, now)


async def _gather(connection: AsyncConnection, of: Team, policy: AllocationPolicy, now: datetime) -> Situation:
    since, sprint = needed_since(of, policy, now), of.cadence.sprint_at(now)
    concerns = incident_fact.c.teams.contains([of.name])
    recent = or_(incident_fact.c.opened_at >= since, incident_fact.c.resolved_at >= since, incident_fact.c.resolved_at.is_(None))
    facts = await connection.execute(select(incident_fact).where(concerns, recent).order_by(incident_fact.c.incident))
    first = (await connection.execute(select(func.min(incident_fact.c.opened_at)).where(concerns))).scalar_one()
    marked = select(decision.c.created_at, decision.c.trigger, decision.c.fired).where(decision.c.team == of.name)
    marks = await connection.execute(marked.where(decision.c.created_at >= since).order_by(decision.c.position))
    newest = await _newest(connection, of.name)
    items = await connection.execute(select(roadmap_item).where(roadmap_item.c.team == of.name).order_by(roadmap_item.c.name))
    return Situation(
        team=of,
        policy=policy,
        incidents=tuple(fact_from_row(row) for row in facts),
        observed_since=min(of.created_at, first) if first else of.created_at,
        marks=tuple(DecisionMark(row.created_at, DecisionTrigger(row.trigger), row.fired) for row in marks),
        split=split_from_json(newest.after) if newest else None,
        items=tuple(item_from_row(row) for row in items),
        roadmap_recorded_hours=(await connection.execute(_roadmap_hours(of, sprint))).scalar_one(),
    )


async def _newest(connection: AsyncConnection, team_name: str) -> Any:
    statement = select(decision.c.position, decision.c.after).where(decision.c.team == team_name)
    return (await connection.execute(statement.order_by(decision.c.position.desc()).limit(1))).first()


def _roadmap_hours(of: Team, sprint: Sprint) -> "Select[tuple[Any]]":
    return select(func.coalesce(func.sum(work_record.c.hours), 0)).where(
        work_record.c.team == of.name,
        work_record.c.roadmap_item != "",
        work_record.c.worked_at >= sprint.begin_at,
        work_record.c.worked_at < sprint.end_at,
    )


def _filtered(query: DecisionQuery) -> "Select[tuple[object, ...]]":
    statement = select(decision)
    if query.team:
        statement = statement.where(decision.c.team == query.team)
    if query.sprint_number:
        statement = statement.where(decision.c.sprint_number == query.sprint_number)
    if query.assessment:
        statement = statement.where(decision.c.assessment == query.assessment)
    if query.outcomes:
        statement = statement.where(decision.c.outcome.in_([outcome.value for outcome in query.outcomes]))
    return statement
