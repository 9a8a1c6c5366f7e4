"""What is recorded of the demand for remediation, in PostgreSQL: one question for all teams."""

import asyncio
from datetime import datetime

from sqlalchemy import select

from services.allocation.domain.demand_history import Effort
from services.allocation.domain.demand_question import RecordedDemand
from services.allocation.storage.presences import with_presence
from services.allocation.storage.rows import team_from_row
from services.allocation.storage.tables import team
from shared.storage.database import Database

_COUNTS = """
    select t.name, floor(extract(epoch from f.opened_at - t.first_sprint_at) / (86400 * t.sprint_days))::bigint + 1 as number,
           count(*) as count, min(f.opened_at) as first_opened_at
    from incident_fact f cross join lateral unnest(f.teams) as owner (name) join team t on t.name = owner.name
    where f.opened_at <= $1 group by t.name, 2
    """
# An incident nobody told of, as work recorded from elsewhere has it, counts as ended; one of which all
# work was taken back took none.
_EFFORTS = """
    select team, array_agg(hours order by newest, incident) as hours, array_agg(ended order by newest, incident) as ended
    from (
        select w.team, w.incident, sum(w.hours)::float8 as hours, max(w.worked_at) as newest,
               f.incident is null or coalesce(f.resolved_at <= $1, false) as ended
        from work_record w left join incident_fact f on f.incident = w.incident
        where w.incident <> '' and w.worked_at <= $1
        group by w.team, w.incident, f.incident, f.resolved_at having sum(w.hours) > 0
    ) as effort group by team
    """


class DemandStore:
    """Incidents by sprint, and the hours recorded on them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recorded(self, now: datetime) -> dict[str, RecordedDemand]:
        """Returns what is recorded of every team up to `now`, by name. Only reads; each part is as of when it was read."""
        asked = [self._database.ask(question, now) for question in (_COUNTS, _EFFORTS)]
        # Within a transaction both go over its one connection, which answers one question at a time.
        counts, efforts = [await each for each in asked] if self._database.is_joined else await asyncio.gather(*asked)
        async with self._database.transaction() as connection:
            rows = [team_from_row(row) for row in await connection.execute(select(team).order_by(team.c.name))]
            teams = await with_presence(connection, rows, now)
        by_sprint: dict[str, dict[int, int]] = {}
        opened: dict[str, datetime] = {}
        for name, number, count, first in counts:
            by_sprint.setdefault(name, {})[number] = count
            opened[name] = min(first, opened.get(name, first))
        spent = {name: tuple(Effort(some, ended) for some, ended in zip(hours, ends, strict=True)) for name, hours, ends in efforts}
        return {
            each.name: RecordedDemand(each, by_sprint.get(each.name, {}), opened.get(each.name), spent.get(each.name, ())) for each in teams
        }
