"""What plans are made of, read at one moment."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.allocation.domain.errors import TeamNotFound
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.roadmap_plan import TeamRoadmap
from services.allocation.domain.team import Team
from services.allocation.domain.work import WorkClass
from services.allocation.storage.documents import split_from_json
from services.allocation.storage.policy_store import PolicyStore
from services.allocation.storage.presences import with_presence
from services.allocation.storage.rows import item_from_row, team_from_row
from services.allocation.storage.tables import decision, roadmap_item, team, work_record
from shared.storage.database import Database


class PlanStore:
    """Teams with their roadmaps and splits."""

    def __init__(self, database: Database, policies: PolicyStore) -> None:
        self._database = database
        self._policies = policies

    async def roadmaps(self, names: Sequence[str], now: datetime) -> tuple[list[TeamRoadmap], AllocationPolicy]:
        """Returns the teams in the order asked for, and the policy of the first. Raises TeamNotFound."""
        async with self._database.transaction() as connection:
            rows = await connection.execute(select(team).where(team.c.name.in_(names)))
            teams = {each.name: each for each in await with_presence(connection, [team_from_row(row) for row in rows], now)}
            for name in names:
                if name not in teams:
                    raise TeamNotFound(name)
            items = await connection.execute(select(roadmap_item).where(roadmap_item.c.team.in_(names)).order_by(roadmap_item.c.name))
            held = [item_from_row(row) for row in items]
            shares = await _shares(connection, names)
            policies = {name: await self._policies.newest(name, now) for name in sorted({each.policy for each in teams.values()})}
            found = [
                TeamRoadmap(
                    team=teams[name],
                    items=tuple(item for item in held if item.team == name),
                    remediation_share=shares.get(name, policies[teams[name].policy].baseline_share),
                    recorded_hours=await _recorded(connection, teams[name], now),
                )
                for name in names
            ]
        return found, policies[teams[names[0]].policy]


async def _shares(connection: AsyncConnection, names: Sequence[str]) -> dict[str, int]:
    newest = select(func.max(decision.c.position)).where(decision.c.team.in_(names)).group_by(decision.c.team)
    rows = await connection.execute(select(decision.c.team, decision.c.after).where(decision.c.position.in_(newest)))
    return {row.team: split_from_json(row.after).remediation_share for row in rows}


async def _recorded(connection: AsyncConnection, of: Team, now: datetime) -> Decimal:
    """Returns the hours recorded on the roadmap in the present sprint."""
    sprint = of.cadence.sprint_at(now)
    during = (work_record.c.worked_at >= sprint.begin_at) & (work_record.c.worked_at < sprint.end_at)
    chosen = (work_record.c.team == of.name) & (work_record.c.work_class == WorkClass.ROADMAP.value) & during
    total: Decimal = (await connection.execute(select(func.coalesce(func.sum(work_record.c.hours), 0)).where(chosen))).scalar_one()
    return Decimal(total)
