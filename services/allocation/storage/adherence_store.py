"""What adherence is told from, and what was told of drift, in PostgreSQL."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, func, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.allocation.domain.adherence import Held, SprintWork, planned_share
from services.allocation.domain.drift import Drift, DriftKind, Finding
from services.allocation.domain.events import DriftDetected, DriftEnded
from services.allocation.domain.roadmap import RoadmapItem
from services.allocation.domain.sprint import Sprint
from services.allocation.domain.team import Team
from services.allocation.storage.capacity_tables import adherence_look, drift
from services.allocation.storage.documents import split_from_json
from services.allocation.storage.rows import item_from_row
from services.allocation.storage.tables import decision, incident_fact, roadmap_item
from services.allocation.storage.team_store import SprintFacts, TeamStore
from shared.events.outbox import Outbox
from shared.paging import Page, PageQuery
from shared.storage.database import Database

# Teams of which a sprint has ended since drift was last looked for, as sprints are cut in the domain.
_DUE = text(
    """
    select t.name from team t left join adherence_look a on a.team = t.name
    cross join lateral (
        select floor(extract(epoch from cast(:now as timestamptz) - t.first_sprint_at) / (86400 * t.sprint_days))::bigint as ended
    ) s where s.ended >= 1 and coalesce(a.sprint_number, 0) < s.ended order by t.name
    """
)


class AdherenceStore:
    """Planned and recorded work by sprint, and drifts by team and kind."""

    def __init__(self, database: Database, outbox: Outbox, teams: TeamStore) -> None:
        self._database = database
        self._outbox = outbox
        self._teams = teams

    async def works(self, of: Team, sprints: Sequence[Sprint], now: datetime, least_coverage: float) -> list[SprintWork]:
        """Returns what is known of these sprints, which follow one another, oldest first; the present one up to `now`."""
        async with self._database.transaction() as connection:
            facts = {each.sprint.number: each for each in await self._teams.sprint_facts(of, sprints[::-1])}
            held = await _held(connection, of.name, sprints[0].begin_at, now)
            incidents = await _incidents(connection, of.name, sprints[0].begin_at, sprints[-1].end_at)
            rows = await connection.execute(select(roadmap_item).where(roadmap_item.c.team == of.name, roadmap_item.c.due_at <= now))
            due = [item for item in (item_from_row(row) for row in rows) if not item.is_done and item.due_at]
        gathered = _Gathered(of, held, incidents, due)
        return [gathered.work(facts[sprint.number], min(sprint.end_at, now), least_coverage) for sprint in sprints]

    async def due_teams(self, now: datetime) -> list[str]:
        """Returns the teams of which a sprint has ended since drift was looked for, by name."""
        async with self._database.transaction() as connection:
            return list((await connection.execute(_DUE, {"now": now})).scalars())

    @asynccontextmanager
    async def looking(self, of: Team, number: int, now: datetime) -> AsyncIterator[bool]:
        """Opens a transaction in which drift is looked for at the end of that sprint; gives False where that was done already."""
        statement = insert(adherence_look).values(team=of.name, sprint_number=number, looked_at=now)
        newer = statement.on_conflict_do_update(
            index_elements=["team"], set_={"sprint_number": number, "looked_at": now}, where=adherence_look.c.sprint_number < number
        )
        async with self._database.transaction() as connection:
            yield (await connection.execute(newer.returning(adherence_look.c.team))).first() is not None

    async def note_drift(self, of: Team, drift_seen: float | None) -> None:
        """Holds how far recorded shares lie from planned ones after the sprint looked at; None where that cannot be told."""
        async with self._database.transaction() as connection:
            await connection.execute(update(adherence_look).where(adherence_look.c.team == of.name).values(drift=drift_seen))

    async def tell(self, of: Team, number: int, found: Sequence[Finding], now: datetime) -> list[Drift]:
        """Stores the drifts that begin and end with that sprint, with their events; returns those. One that goes on keeps its beginning."""
        async with self._database.transaction() as connection:
            rows = await connection.execute(select(drift).where(drift.c.team == of.name).with_for_update())
            held = {each.finding.kind: each for each in (drift_from_row(row) for row in rows)}
            kinds = {each.kind for each in found}
            going = {kind for kind, each in held.items() if each.ended_at is None}
            begun = [
                Drift(of.name, number, each, now, version=held[each.kind].version + 1 if each.kind in held else 1)
                for each in found
                if each.kind not in going
            ]
            ended = [held[kind].ended(now) for kind in sorted(going - kinds)]
            for each in (*begun, *ended):
                await _write(connection, each)
            await self._outbox.record(connection, [*map(DriftDetected, begun), *map(DriftEnded, ended)])
        return [*begun, *ended]

    async def page(self, of_team: str, query: PageQuery, *, with_ended: bool) -> Page[Drift]:
        """Returns a page of drifts by team and kind; of one team or of all."""
        key = tuple_(drift.c.team, drift.c.kind)
        statement = select(drift).order_by(drift.c.team, drift.c.kind).limit(query.limit)
        if of_team:
            statement = statement.where(drift.c.team == of_team)
        if not with_ended:
            statement = statement.where(drift.c.ended_at.is_(None))
        if query.cursor:
            statement = statement.where(key > (query.cursor[0], int(query.cursor[1])))
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return query.page([drift_from_row(row) for row in rows], [(row.team, str(row.kind)) for row in rows])


class _Gathered:
    """What is held of a team over several sprints."""

    def __init__(self, of: Team, held: Sequence[Held], incidents: Sequence[Any], due: Sequence[RoadmapItem]) -> None:
        self._team = of
        self._held = held
        self._incidents = incidents
        self._due = due

    def work(self, facts: SprintFacts, until: datetime, least_coverage: float) -> SprintWork:
        begin = facts.sprint.begin_at
        begun = [each for each in self._incidents if begin <= each.opened_at < until]
        ended = [each for each in self._incidents if each.resolved_at and begin <= each.resolved_at < until]
        still = [each for each in self._incidents if each.opened_at < until and not (each.resolved_at and each.resolved_at < until)]
        return SprintWork(
            sprint=facts.sprint,
            until=until,
            capacity_hours=self._capacity(facts, until),
            planned_share=planned_share(self._held, begin, until),
            remediation_hours=facts.remediation_hours,
            roadmap_hours=facts.roadmap_hours,
            other_hours=facts.other_hours,
            incidents_begun=len(begun),
            incidents_ended=len(ended),
            incidents_open=len(still),
            items_late=sum(item.due_at is not None and item.due_at <= until for item in self._due),
            least_coverage=least_coverage,
        )

    def _capacity(self, facts: SprintFacts, until: datetime) -> Decimal:
        """A sprint that ended had the capacity its split stood on; of one under way counts what has passed."""
        if until < facts.sprint.end_at:
            return self._team.capacity_between(facts.sprint.begin_at, until)
        return facts.split.capacity_hours if facts.split else self._team.capacity_in(facts.sprint)


async def _held(connection: AsyncConnection, name: str, begin: datetime, now: datetime) -> list[Held]:
    """Returns the shares in force since `begin`, and the one before it."""
    since = func.coalesce(decision.c.in_force_at, decision.c.created_at)
    known = select(since.label("since"), decision.c.after).where(decision.c.team == name, decision.c.force_position.is_not(None))
    before = (await connection.execute(known.where(since < begin).order_by(decision.c.force_position.desc()).limit(1))).first()
    rows = await connection.execute(known.where(since >= begin, since <= now).order_by(decision.c.force_position))
    found = [*([before] if before else []), *rows]
    return [Held(row.since, split_from_json(row.after).remediation_share) for row in found]


async def _incidents(connection: AsyncConnection, name: str, begin: datetime, end: datetime) -> list[Any]:
    concerns = incident_fact.c.teams.contains([name])
    recent = and_(incident_fact.c.opened_at < end, or_(incident_fact.c.resolved_at.is_(None), incident_fact.c.resolved_at >= begin))
    return list(await connection.execute(select(incident_fact.c.opened_at, incident_fact.c.resolved_at).where(concerns, recent)))


async def _write(connection: AsyncConnection, of: Drift) -> None:
    values = {
        "team": of.team,
        "kind": of.finding.kind.value,
        "sprint_number": of.sprint_number,
        "detected_at": of.detected_at,
        "ended_at": of.ended_at,
        "finding": asdict(of.finding) | {"kind": of.finding.kind.value},
        "version": of.version,
    }
    statement = insert(drift).values(values)
    await connection.execute(statement.on_conflict_do_update(index_elements=["team", "kind"], set_=values))


def drift_from_row(row: Any) -> Drift:
    finding = Finding(**row.finding | {"kind": DriftKind(row.kind)})
    return Drift(row.team, row.sprint_number, finding, row.detected_at, row.ended_at, row.version)
