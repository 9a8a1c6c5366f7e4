"""What other services told that rules of policies look at, in PostgreSQL, and the outlook on a team's demand."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects.postgresql import Insert, insert

from services.allocation.domain.demand_forecast import DemandPool, Wanted, pooled
from services.allocation.domain.demand_question import RecordedDemand
from services.allocation.domain.incident import IncidentFact
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.rule_signal import foresees, looks_farther, watches_adherence
from services.allocation.domain.signals import Cause, Tier
from services.allocation.domain.surroundings import BudgetFact, CauseFact, Outlook, Surroundings, outlook_of
from services.allocation.domain.team import Team
from services.allocation.storage.demand_store import DemandStore
from services.allocation.storage.signal_tables import component_tier, error_budget, incident_cause
from shared.storage.database import Database

_BUDGET_MEMORY = timedelta(days=400)
_MOST_KEPT = 60  # beginnings of sprints: as many as one preview looks at
_SPENT = """
    select incident, sum(hours)::float8 as hours from work_record
    where team = $1 and incident = any($2::text[]) and worked_at <= $3 group by incident
    """
_BUDGETS = """
    select b.slo, b.objective, b.component, b.team, b.told_at, b.remaining, b.burn, b.frozen, b.cause from error_budget b
    where b.team = $1 and b.told_at <= $3 and (b.told_at >= $2 or b.day = (
        select max(day) from error_budget e where e.slo = b.slo and e.objective = b.objective and e.told_at < $2))
    """
# What was last looked at lies at most a sprint back: older, it says nothing of the present.
_DRIFT = "select drift from adherence_look where team = $1 and sprint_number between $2 - 2 and $2 - 1 and looked_at <= $3"
_FROZEN = """
    select distinct component from (
        select distinct on (slo, objective) component, team, frozen from error_budget where told_at between $2 and $3
        order by slo, objective, day desc
    ) as newest where frozen and team <> $1 and component = any($4::text[])
    """


class SignalStore:
    """Budgets, tiers and causes as last told; what is foretold is computed at most once a minute for sprints that begin together."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._demand = DemandStore(database)
        self._kept: dict[tuple[datetime, datetime], tuple[dict[str, RecordedDemand], DemandPool]] = {}

    async def note_budget(self, fact: BudgetFact) -> bool:
        """Holds how a budget stands, unless something newer of that day is held; returns whether it was newer. Safe to repeat."""
        statement = insert(error_budget).values(
            slo=fact.slo,
            objective=fact.objective,
            day=fact.told_at.date(),
            told_at=fact.told_at,
            component=fact.component,
            team=fact.team,
            remaining=fact.remaining,
            burn=fact.burn,
            frozen=fact.frozen,
            cause=fact.cause.value,
        )
        newer = error_budget.c.told_at < statement.excluded.told_at
        return await self._upsert(statement, ["slo", "objective", "day"], newer)

    async def note_component(self, component: str, tier: int, team: str, version: int) -> bool:
        """Holds what is known of a component, unless a version as new is held; returns whether it was newer. Safe to repeat."""
        statement = insert(component_tier).values(component=component, tier=tier, team=team, version=version)
        return await self._upsert(statement, ["component"], component_tier.c.version < statement.excluded.version)

    async def note_cause(self, incident: str, fact: CauseFact, version: int) -> bool:
        """Holds what people say of an incident's cause, unless a version as new is held; returns whether it was newer. Safe to repeat."""
        statement = insert(incident_cause).values(incident=incident, cause=fact.cause.value, ref=fact.ref, version=version)
        return await self._upsert(statement, ["incident"], incident_cause.c.version < statement.excluded.version)

    async def surroundings(
        self,
        team: Team,
        policy: AllocationPolicy,
        incidents: Sequence[IncidentFact],
        since: datetime,
        now: datetime,
        asked_at: datetime | None = None,
    ) -> Surroundings:
        """Returns what the policy looks at; nothing is asked for one that looks at its three triggers only.

        `now` may lie in the past: then it is what had been told by then, of what is recorded when it is asked.
        """
        if not looks_farther(policy):
            return Surroundings()
        budgets = [
            BudgetFact(**dict(row) | {"cause": Cause(row["cause"])}) for row in await self._database.ask(_BUDGETS, team.name, since, now)
        ]
        causes = await self._causes([each.incident for each in incidents])
        refs = [each.ref for each in causes.values() if each.ref]
        frozen = await self._database.ask(_FROZEN, team.name, now - _BUDGET_MEMORY, now, refs) if refs else []
        components = {each.component for each in budgets} | {name for each in incidents for name in each.components}
        outlook = await self.outlook(team, now, asked_at or now) if foresees(policy) else Outlook()
        spent = await self._database.ask(_SPENT, team.name, [each.incident for each in incidents if each.is_open_at(now)], now)
        return Surroundings(
            budgets=tuple(budgets),
            tiers=await self._tiers(sorted(components)),
            causes=causes,
            frozen_elsewhere=frozenset(row[0] for row in frozen),
            outlook=outlook,
            spent=dict(tuple(row) for row in spent),
            drift=await self._drift(team, now) if watches_adherence(policy) else None,
        )

    async def _drift(self, team: Team, now: datetime) -> float | None:
        rows = await self._database.ask(_DRIFT, team.name, team.cadence.number_at(now), now)
        return next((row[0] for row in rows), None)

    async def outlook(self, team: Team, now: datetime, asked_at: datetime) -> Outlook:
        """Foretells the team's sprint of then from what was recorded by its beginning: the same all through the sprint."""
        begin = team.cadence.sprint_at(now).begin_at
        recorded, pool = await self._foretold(begin, asked_at.replace(second=0, microsecond=0))
        if team.name not in recorded:
            return Outlook(note="Nothing was recorded of this team when the sprint began, so the baseline stands.")
        return await asyncio.to_thread(outlook_of, recorded[team.name].history(begin)[0], pool)

    async def _foretold(self, begin: datetime, minute: datetime) -> tuple[dict[str, RecordedDemand], DemandPool]:
        """Returns what was recorded of all teams by then, read at most once a minute."""
        key = (begin, minute)
        if key not in self._kept:
            recorded = await self._demand.recorded(begin)
            histories = [each.history(begin)[0] for each in recorded.values()]
            while len(self._kept) >= _MOST_KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = (recorded, await asyncio.to_thread(pooled, histories, Wanted()))
        return self._kept[key]

    async def _causes(self, incidents: Sequence[str]) -> dict[str, CauseFact]:
        statement = select(incident_cause).where(incident_cause.c.incident.in_(incidents))
        async with self._database.transaction() as connection:
            return {row.incident: CauseFact(Cause(row.cause), row.ref) for row in await connection.execute(statement)}

    async def _tiers(self, components: Sequence[str]) -> dict[str, Tier]:
        statement = select(component_tier).where(component_tier.c.component.in_(components))
        async with self._database.transaction() as connection:
            return {row.component: Tier(row.tier) for row in await connection.execute(statement) if row.tier}

    async def _upsert(self, statement: Insert, keys: list[str], newer: ColumnElement[bool]) -> bool:
        rest = {name: value for name, value in statement.excluded.items() if name not in keys}
        upsert = statement.on_conflict_do_update(index_elements=keys, set_=rest, where=newer)
        async with self._database.transaction() as connection:
            return bool((await connection.execute(upsert)).rowcount)
