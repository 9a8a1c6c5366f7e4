"""Decisions in PostgreSQL, and everything a decision is made on."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.allocation.domain.decision import Decision, DecisionTrigger, Split
from services.allocation.domain.errors import DecisionNotFound, TeamNotFound
from services.allocation.domain.events import DecisionMade
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.proposal import reason_to_lapse
from services.allocation.domain.situation import Situation, needed_since
from services.allocation.domain.standing import DecisionState, Occurrence
from services.allocation.storage import standings
from services.allocation.storage.decision_query import DecisionQuery, chosen
from services.allocation.storage.documents import decision_from_row, split_from_json
from services.allocation.storage.heard_store import HeardStore
from services.allocation.storage.policy_store import PolicyStore
from services.allocation.storage.presences import with_presence
from services.allocation.storage.rows import team_from_row
from services.allocation.storage.signal_store import SignalStore
from services.allocation.storage.situations import situation_of
from services.allocation.storage.split_reads import SplitReads
from services.allocation.storage.tables import decision, team
from shared.events.outbox import Outbox
from shared.ids import name_of, uuid_of
from shared.paging import Page, PageQuery
from shared.storage.database import AfterCommit, Database

TRIAGE = "/ballast/triage"  # as its events name it

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
class Deciding:
    """A team's turn: its situation, and the place to put what is decided."""

    situation: Situation
    _now: datetime
    _connection: AsyncConnection
    _store: "DecisionStore"

    async def record(self, made: Decision) -> Decision | None:
        """Stores the decision with its event, and what it ends; the cache learns of the split once it is committed.

        Returns the proposal that lapsed with it.
        """
        return await self._store.record(self._connection, self.situation, made)

    async def move(self, before: Decision, after: Decision) -> None:
        """Stores where a decision stands by now, with its event, and what it ends."""
        await self._store.move(self._connection, before, after, self._now)

    async def read(self, decision_id: UUID) -> Decision:
        """Returns a decision as it stands in this turn. Raises DecisionNotFound."""
        return await self._store.read(self._connection, decision_id)


class DecisionStore:
    """Decisions of all teams."""

    def __init__(
        self, database: Database, outbox: Outbox, policies: PolicyStore, splits: SplitReads, stale_after: timedelta | None = None
    ) -> None:
        """Without `stale_after` nobody asks when triage was last heard of."""
        self._database = database
        self._outbox = outbox
        self._policies = policies
        self._splits = splits
        self._heard = HeardStore(database)
        self._signals = SignalStore(database)
        self._stale_after = stale_after

    @asynccontextmanager
    async def deciding(self, team_name: str, now: datetime) -> AsyncIterator[Deciding]:
        """Opens a transaction in which this team's decisions and roadmap stand still for all others. Raises TeamNotFound."""
        async with self._database.transaction() as connection:
            situation = await self._situation(connection, select(team).where(team.c.name == team_name).with_for_update(), team_name, now)
            yield Deciding(situation, now, connection, self)

    async def situation(self, team_name: str, now: datetime, policy: AllocationPolicy | None = None) -> Situation:
        """Returns what a decision at `now` would be made on, by the team's own policy unless another is tried. Raises TeamNotFound."""
        async with self._database.transaction() as connection:
            return await self._situation(connection, select(team).where(team.c.name == team_name), team_name, now, policy)

    async def record(self, connection: AsyncConnection, situation: Situation, made: Decision) -> Decision | None:
        lapsed = None
        if situation.proposal and (reason := reason_to_lapse(situation.proposal, made)):
            standing = situation.proposal.standing.after(Occurrence.OVERTAKEN, reason, made.created_at)
            lapsed = replace(situation.proposal, standing=standing)
            await self.move(connection, situation.proposal, lapsed, made.created_at)
        if not made.standing.waits:
            await self._replace(connection, made, made.created_at)
        await standings.add(connection, made)
        await self._outbox.record(connection, [DecisionMade(made)])
        if not made.standing.waits:
            await self._tell_cache(made.team)
        return lapsed

    async def move(self, connection: AsyncConnection, before: Decision, after: Decision, now: datetime) -> None:
        comes_in_force = before.standing.waits and after.standing.state is DecisionState.IN_FORCE
        if comes_in_force:
            await self._replace(connection, after, now)
        await standings.move(connection, self._outbox, before, after, now)
        if comes_in_force:
            await self._tell_cache(after.team)

    async def read(self, connection: AsyncConnection, decision_id: UUID) -> Decision:
        row = (await connection.execute(select(decision).where(decision.c.id == decision_id))).first()
        if row is None:
            raise DecisionNotFound(name_of("decisions", decision_id))
        return decision_from_row(row)

    async def waiting(self, approval: str = "") -> list[Decision]:
        """Returns the decisions that wait for approvers, oldest first: for that approval, or for any when it is empty."""
        async with self._database.transaction() as connection:
            return await standings.waiting(connection, approval)

    def after_commit(self, call: AfterCommit) -> None:
        """Runs `call` once the transaction under way has committed; what it raises is only logged."""
        self._database.after_commit(call)

    async def due_teams(self, now: datetime) -> list[str]:
        """Returns the teams whose present sprint has begun without a decision for that, by name."""
        async with self._database.transaction() as connection:
            rows = await connection.execute(_DUE, {"now": now, "trigger": DecisionTrigger.SPRINT_BEGAN.value})
            return [row.name for row in rows]

    async def splits(self, teams: Sequence[str]) -> dict[str, Split]:
        """Returns the split in force of each of these teams that has one."""
        in_force = decision.c.team.in_(teams), decision.c.state == DecisionState.IN_FORCE.value
        statement = select(decision.c.team, decision.c.after).where(*in_force).order_by(decision.c.force_position)
        async with self._database.transaction() as connection:
            rows = await connection.execute(statement)
            return {row.team: split_from_json(row.after) for row in rows}

    async def get(self, decision_id: UUID) -> Decision:
        """Raises DecisionNotFound."""
        async with self._database.transaction() as connection:
            return await self.read(connection, decision_id)

    async def page(self, query: DecisionQuery, paging: PageQuery) -> Page[Decision]:
        """Returns a page of decisions, newest first."""
        statement = chosen(query).order_by(decision.c.position.desc()).limit(paging.limit)
        if paging.cursor:
            statement = statement.where(decision.c.position < int(paging.cursor[0]))
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return paging.page([decision_from_row(row) for row in rows], [(str(row.position),) for row in rows])

    async def _situation(
        self,
        connection: AsyncConnection,
        of_team: "Select[tuple[object, ...]]",
        name: str,
        now: datetime,
        tried: AllocationPolicy | None = None,
    ) -> Situation:
        row = (await connection.execute(of_team)).first()
        if row is None:
            raise TeamNotFound(name)
        (found,) = await with_presence(connection, [team_from_row(row)], now)
        policy = tried or await self._policies.newest(found.policy, now)
        heard_at = await self._heard.newest(TRIAGE) if self._stale_after else None
        held = await situation_of(connection, found, policy, now)
        since = needed_since(found, policy, now)
        around = await self._signals.surroundings(found, policy, held.incidents, since, now)
        return replace(held, heard_at=heard_at, stale_after=self._stale_after, surroundings=around)

    async def _replace(self, connection: AsyncConnection, by: Decision, now: datetime) -> None:
        """Notes what a decision ends by coming in force: those in force before it, and the one it takes back."""
        for held in await standings.standing_in(connection, by.team, DecisionState.IN_FORCE):
            if held.name != by.standing.rolls_back:
                standing = held.standing.after(Occurrence.REPLACED, f"{by.name} came in force after it.", now)
                await standings.move(connection, self._outbox, held, replace(held, standing=standing), now)
        if by.standing.rolls_back:
            target = await self.read(connection, uuid_of(by.standing.rolls_back))
            standing = target.standing.after(Occurrence.TAKEN_BACK, f"{by.name} put back the share before it.", now)
            await standings.move(connection, self._outbox, target, replace(target, standing=standing), now)

    async def _tell_cache(self, of_team: str) -> None:
        """Has the cache learn of a team's split once it is committed, before whoever decided goes on."""
        self._database.after_commit(await self._splits.changing(of_team))
