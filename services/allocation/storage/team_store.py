"""Teams and their sprints in PostgreSQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.allocation.domain.decision import Split
from services.allocation.domain.errors import CalendarNotFound, TeamNotFound
from services.allocation.domain.events import TeamChanged
from services.allocation.domain.person import check_persons, persons_of
from services.allocation.domain.sprint import Sprint
from services.allocation.domain.team import Team, revise
from services.allocation.storage.documents import split_from_json
from services.allocation.storage.presences import calendars_of, teams_having, with_presence
from services.allocation.storage.rows import team_from_row, team_to_row
from services.allocation.storage.tables import team
from shared.events.outbox import Outbox
from shared.paging import Page, PageQuery
from shared.storage.database import Database
from shared.storage.etags import check_etag

# Two requests may store the same new team at once, which no row lock can order: they take turns.
_LOCK = text("select pg_advisory_xact_lock(hashtextextended('team', 7103))")
_SPLITS = text(
    """
    select coalesce(d.in_force_at, d.created_at) as since, d.after from decision d
    where d.team = :team and d.force_position is not null and coalesce(d.in_force_at, d.created_at) >= :begin
        and coalesce(d.in_force_at, d.created_at) < :end order by d.force_position
    """
)
_WORK = text(
    """
    select floor(extract(epoch from worked_at - :first) / (86400 * :days))::bigint + 1 as number,
           coalesce(sum(hours) filter (where work_class = 1), 0) as remediation,
           coalesce(sum(hours) filter (where work_class = 2), 0) as roadmap,
           coalesce(sum(hours) filter (where work_class = 3), 0) as other
    from work_record where team = :team and worked_at >= :begin and worked_at < :end group by 1
    """
)


@dataclass(frozen=True, slots=True)
class SprintFacts:
    """What is recorded of a sprint: its newest split, and the hours worked."""

    sprint: Sprint
    split: Split | None
    remediation_hours: Decimal
    roadmap_hours: Decimal
    other_hours: Decimal = Decimal(0)


class TeamStore:
    """Teams, by name."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def upsert(self, teams: Sequence[Team], etags: Mapping[str, str], now: datetime) -> list[Team]:
        """Stores teams with the events of those that changed: all or none. Safe to repeat: what is the same stays as it is.

        Raises Conflict when a team is not at its etag, CalendarNotFound, and PersonOverallocated when people are given away twice.
        """
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK)
            held = await _locked(connection, [each.name for each in teams])
            await _check_ground(connection, teams)
            for name, etag in etags.items():
                check_etag(name, held[name].version if name in held else 0, etag)
            after = [revise(each, held.get(each.name), now) for each in teams]
            changed = [each for each in after if held.get(each.name) != each]
            if changed:
                await _write(connection, changed)
                await self._outbox.record(connection, [TeamChanged(each) for each in changed])
        return after

    async def get(self, name: str) -> Team:
        """Raises TeamNotFound."""
        async with self._database.transaction() as connection:
            row = (await connection.execute(select(team).where(team.c.name == name))).first()
            if row is None:
                raise TeamNotFound(name)
            return (await with_presence(connection, [team_from_row(row)]))[0]

    async def present(self, names: Sequence[str], now: datetime) -> list[Team]:
        """Returns these teams as they are from now on, those that are stored."""
        async with self._database.transaction() as connection:
            rows = await connection.execute(select(team).where(team.c.name.in_(names)).order_by(team.c.name))
            return await with_presence(connection, [team_from_row(row) for row in rows], now)

    async def page(self, query: PageQuery) -> Page[Team]:
        """Returns a page of teams by name."""
        statement = select(team).order_by(team.c.name).limit(query.limit)
        if query.cursor:
            statement = statement.where(team.c.name > query.cursor[0])
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return query.page([team_from_row(row) for row in rows], [(row.name,) for row in rows])

    async def using(self, policy: str, most: int) -> list[str]:
        """Returns teams that decide by a policy, by name, at most so many."""
        statement = select(team.c.name).where(team.c.policy == policy).order_by(team.c.name).limit(most)
        async with self._database.transaction() as connection:
            return list((await connection.execute(statement)).scalars())

    async def sprint_facts(self, of: Team, sprints: Sequence[Sprint]) -> list[SprintFacts]:
        """Returns what is recorded of these sprints, which follow one another, newest first."""
        if not sprints:
            return []
        span = {"team": of.name, "begin": sprints[-1].begin_at, "end": sprints[0].end_at}
        async with self._database.transaction() as connection:
            decisions = list(await connection.execute(_SPLITS, span))
            cadence = {"first": of.first_sprint_at, "days": of.sprint_length.days}
            work = {row.number: row for row in await connection.execute(_WORK, span | cadence)}
        splits = {of.cadence.number_at(row.since): split_from_json(row.after) for row in decisions}
        return [
            SprintFacts(
                sprint,
                splits.get(sprint.number),
                work[sprint.number].remediation if sprint.number in work else Decimal(0),
                work[sprint.number].roadmap if sprint.number in work else Decimal(0),
                work[sprint.number].other if sprint.number in work else Decimal(0),
            )
            for sprint in sprints
        ]


async def _locked(connection: AsyncConnection, names: Sequence[str]) -> dict[str, Team]:
    rows = await connection.execute(select(team).where(team.c.name.in_(names)).order_by(team.c.name).with_for_update())
    return {row.name: team_from_row(row) for row in rows}


async def _check_ground(connection: AsyncConnection, sent: Sequence[Team]) -> None:
    """Refuses teams whose calendars are not there, and people given away more than once. Others are kept from changing either."""
    known = await calendars_of(connection, sent)
    for name in sorted({member.calendar for each in sent for member in each.members if member.calendar}):
        if name not in known:
            raise CalendarNotFound(name)
    if people := persons_of(sent):
        check_persons(sent, await teams_having(connection, "person", people))


async def _write(connection: AsyncConnection, changed: Sequence[Team]) -> None:
    statement = insert(team)
    rest = {column.name: statement.excluded[column.name] for column in team.columns if column.name not in {"name", "created_at"}}
    await connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=rest), [team_to_row(each) for each in changed])
