"""What is recorded of teams for back-tests, in PostgreSQL: one question of a kind for all of them."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from services.allocation.domain.backtest_recorded import RecordedTeam
from services.allocation.domain.errors import TeamNotFound
from services.allocation.domain.incident import IncidentFact
from services.allocation.domain.team import Team
from services.allocation.storage.presences import with_presence
from services.allocation.storage.rows import team_from_row
from services.allocation.storage.tables import team
from shared.storage.database import Database

_FACTS = """
    select owner.name as team, f.incident, f.assessment, f.revision, f.severity, f.opened_at,
           case when f.resolved_at <= $2 then f.resolved_at end as resolved_at
    from incident_fact f cross join lateral unnest(f.teams) as owner (name)
    where owner.name = any($1) and f.opened_at <= $2 order by f.opened_at, f.incident
    """
_WORK = """
    select w.team, w.incident, floor(extract(epoch from w.worked_at - t.first_sprint_at) / (86400 * t.sprint_days))::bigint + 1 as sprint,
           sum(w.hours)::float8 as hours
    from work_record w join team t on t.name = w.team
    where w.team = any($1) and w.incident <> '' and w.worked_at <= $2 group by w.team, w.incident, 3 having sum(w.hours) > 0
    """
_SHARES = """
    select team, coalesce(in_force_at, created_at) as since, (after ->> 'remediation_share')::bigint as share
    from decision where team = any($1) and force_position is not null and coalesce(in_force_at, created_at) <= $2 order by force_position
    """
_WORTHS = """
    select team, case when count(distinct currency) = 1
                      then (sum(cost_of_delay_per_week) / nullif(sum(effort_hours), 0))::float8 end as worth
    from roadmap_item where team = any($1) group by team
    """


class BacktestStore:
    """The recorded past of teams."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recorded(self, names: Sequence[str], now: datetime) -> list[RecordedTeam]:
        """Returns what is recorded of the teams up to `now`, in their order; of all teams by name when none is named.

        Only reads; each part is as of when it was read. Raises TeamNotFound.
        """
        teams = await self._teams(names)
        known = [each.name for each in teams]
        questions = (_FACTS, _WORK, _SHARES)
        facts, work, shares = await asyncio.gather(*(self._database.ask(each, known, now) for each in questions))
        worths = dict(list(map(tuple, await self._database.ask(_WORTHS, known))))
        facts_of: dict[str, list[IncidentFact]] = defaultdict(list)
        for name, incident, assessment, revision, severity, opened_at, resolved_at in facts:
            facts_of[name].append(IncidentFact(incident, assessment, revision, severity, opened_at, resolved_at, (name,), "", ""))
        work_of: dict[str, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
        for name, incident, sprint, hours in work:
            work_of[name][incident][sprint] = hours
        shares_of: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
        for name, since, share in shares:
            shares_of[name].append((since, share))
        return [
            RecordedTeam(each, tuple(facts_of[each.name]), work_of[each.name], tuple(shares_of[each.name]), worths.get(each.name))
            for each in teams
        ]

    async def _teams(self, names: Sequence[str]) -> list[Team]:
        statement = select(team).order_by(team.c.name)
        async with self._database.transaction() as connection:
            rows = await connection.execute(statement.where(team.c.name.in_(names)) if names else statement)
            found = {each.name: each for each in await with_presence(connection, [team_from_row(row) for row in rows])}
        for name in names:
            if name not in found:
                raise TeamNotFound(name)
        return [found[name] for name in names] if names else list(found.values())
