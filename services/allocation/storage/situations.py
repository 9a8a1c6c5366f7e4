"""Everything a decision is made on, gathered from PostgreSQL."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.allocation.domain.decision import DecisionTrigger
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.situation import DecisionMark, Situation, needed_since
from services.allocation.domain.sprint import Sprint
from services.allocation.domain.standing import DecisionState
from services.allocation.domain.team import Team
from services.allocation.domain.work import WorkClass
from services.allocation.storage import standings
from services.allocation.storage.documents import split_from_json
from services.allocation.storage.policy_rule_rows import memory_from_json
from services.allocation.storage.rows import fact_from_row, item_from_row
from services.allocation.storage.tables import decision, incident_fact, roadmap_item, work_record

# By these nobody judged anything.
_UNRULED = (DecisionTrigger.ROLLBACK.value, DecisionTrigger.CAPACITY.value)


async def situation_of(
    connection: AsyncConnection, of: Team, policy: AllocationPolicy, now: datetime, since: datetime | None = None
) -> Situation:
    """Returns what a decision at `now` needs; of incidents and decisions what matters `since` then, where that is farther back."""
    needed, sprint = needed_since(of, policy, now), of.cadence.sprint_at(now)
    since = min(since, needed) if since else needed
    concerns = incident_fact.c.teams.contains([of.name])
    recent = or_(incident_fact.c.opened_at >= since, incident_fact.c.resolved_at >= since, incident_fact.c.resolved_at.is_(None))
    facts = await connection.execute(select(incident_fact).where(concerns, recent).order_by(incident_fact.c.incident))
    first = (await connection.execute(select(func.min(incident_fact.c.opened_at)).where(concerns))).scalar_one()
    marked = select(decision.c.created_at, decision.c.trigger, decision.c.fired).where(decision.c.team == of.name)
    marked = marked.where(decision.c.trigger.not_in(_UNRULED))
    marks = await connection.execute(marked.where(decision.c.created_at >= since).order_by(decision.c.position))
    judged = select(decision.c.rules).where(decision.c.team == of.name, decision.c.trigger.not_in(_UNRULED))
    remembered = await connection.execute(judged.order_by(decision.c.position.desc()).limit(1))
    newest = (await connection.execute(standings.newest_split(of.name))).first()
    proposals = await standings.standing_in(connection, of.name, DecisionState.PROPOSED)
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
        changes=await standings.changes_of(connection, of.name, policy.baseline_share, policy.circuit_breaker.changes_per_sprint),
        proposal=proposals[-1] if proposals else None,
        rules=memory_from_json(remembered.scalar_one_or_none() or []),
    )


def _roadmap_hours(of: Team, sprint: Sprint) -> "Select[tuple[Any]]":
    return select(func.coalesce(func.sum(work_record.c.hours), 0)).where(
        work_record.c.team == of.name,
        work_record.c.work_class == WorkClass.ROADMAP.value,
        work_record.c.worked_at >= sprint.begin_at,
        work_record.c.worked_at < sprint.end_at,
    )
