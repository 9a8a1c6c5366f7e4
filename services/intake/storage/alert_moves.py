"""Alerts as people move them between incidents, and what an incident's alerts come to: all that shaping asks of the alerts."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.domain.evidence import NO_EVIDENCE, Evidence, flapped, merge, read_evidence
from services.intake.domain.shaping import Tally

_ALERTS = """
    (select id, fingerprint, incident_id, state, starts_at, ends_at, starts, ends, labels, annotations from alert where incident_id = :id
     union all
     select id, fingerprint, incident_id, state, starts_at, ends_at, starts, ends, labels, annotations from alert_history
     where incident_id = :id) alerts
"""
_MOVE_ALL = text(
    """
    with live as (update alert set incident_id = :to_id where incident_id = any(cast(:from_ids as uuid[])))
    update alert_history set incident_id = :to_id where incident_id = any(cast(:from_ids as uuid[]))
    """
)
_MOVE_SOME = text(
    """
    with live as (
        update alert set incident_id = :to_id where id = any(cast(:alert_ids as uuid[])) and incident_id = :from_id returning id
    ), past as (
        update alert_history set incident_id = :to_id where id = any(cast(:alert_ids as uuid[])) and incident_id = :from_id returning id
    )
    select id from live union all select id from past
    """
)
_COUNT = text(
    f"""
    select count(*) as alert_count, count(*) filter (where state = 1) as firing_count, min(starts_at) as first_start,
           max(starts_at) as last_start, max(ends_at) as last_end,
           array_agg(distinct labels::jsonb ->> :component_label) filter (where labels::jsonb ->> :component_label <> '') as components
    from {_ALERTS}
    """  # noqa: S608 - a query of this module
)
# How often the signal that did so most began again, counted as by Episode.refired_count.
_FLAPS = text(
    f"""
    select coalesce(max(again), 0) from (
        select sum(1 + (
            select count(*) from (select at, lead(at) over (order by at) as following from unnest(ends) told(at)) ended
            where exists (select from unnest(starts) begun(at) where begun.at > ended.at and begun.at <= coalesce(following, 'infinity'))
        )) - 1 as again
        from {_ALERTS} group by fingerprint) signals
    """  # noqa: S608 - the same
)
# Each different thing said once: what comes back grows with what was said, not with the number of alerts that said it.
_SAID = text(
    f"""
    select key, value from {_ALERTS} cross join lateral jsonb_each_text(annotations::jsonb) said(key, value)
    where annotations like '%"ballast.%' and key like 'ballast.%' group by key, value
    """  # noqa: S608 - the same
)


async def move_all(connection: AsyncConnection, from_ids: Sequence[UUID], to_id: UUID) -> None:
    """Moves every alert of these incidents into another. The caller holds their locks."""
    await connection.execute(_MOVE_ALL, {"from_ids": list(from_ids), "to_id": to_id})


async def move_some(connection: AsyncConnection, alert_ids: Sequence[UUID], from_id: UUID, to_id: UUID) -> set[UUID]:
    """Moves these alerts from one incident into another; returns those that were in it. The caller holds the locks of both."""
    rows = await connection.execute(_MOVE_SOME, {"alert_ids": list(alert_ids), "from_id": from_id, "to_id": to_id})
    return {row.id for row in rows}


async def tally(connection: AsyncConnection, incident_id: UUID, component_label: str) -> Tally:
    """Counts an incident's alerts, and reads what their annotations say as they stand now. The caller holds its locks."""
    counted = (await connection.execute(_COUNT, {"id": incident_id, "component_label": component_label})).one()
    return Tally(
        alert_count=counted.alert_count,
        firing_count=counted.firing_count,
        first_start=counted.first_start,
        last_start=counted.last_start,
        last_end=counted.last_end,
        components=tuple(sorted(counted.components or ())),
        evidence=await _evidence(connection, incident_id),
    )


async def _evidence(connection: AsyncConnection, incident_id: UUID) -> Evidence:
    flaps = int((await connection.execute(_FLAPS, {"id": incident_id})).scalar_one())
    said = [(row.key, row.value) for row in await connection.execute(_SAID, {"id": incident_id})]
    # In a thread: of a storm's alerts each may say something else, and nobody else's call is to wait while that is read.
    return merge(await asyncio.to_thread(_worst, said), flapped(flaps))


def _worst(said: Sequence[tuple[str, str]]) -> Evidence:
    evidence = NO_EVIDENCE
    for key, value in said:
        evidence = merge(evidence, read_evidence({key: value})[0])
    return evidence
