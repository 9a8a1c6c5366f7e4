"""The set-wise statements about changes, evidence and heartbeats: whole columns at once, one round trip for a batch."""

from sqlalchemy import text

# One at a time: two reports of what nobody knew yet would both record it.
LOCK_NAME = text("select pg_advisory_xact_lock(hashtextextended(:name, 7105))")

PLACE_CHANGES = text(
    """
    insert into change_component (component, change_id, started_at, over_at)
    select * from unnest(cast(:components as text[]), cast(:ids as uuid[]), cast(:starts as timestamptz[]), cast(:ends as timestamptz[]))
    on conflict (change_id, component) do update set started_at = excluded.started_at, over_at = excluded.over_at
    """
)

# The last condition is looked at once, before all else: where nothing changed of late, no incident costs anything. `offset 0` keeps
# the planner from reading all changes ever made: it has to look into the index for each component.
RECENT_CHANGES = text(
    """
    select wanted.incident_id, found.change_id
    from unnest(cast(:incidents as uuid[]), cast(:components as text[]), cast(:openings as timestamptz[]))
         as wanted(incident_id, component, opened_at)
    cross join lateral (
        select change_id from change_component near
        where near.component = wanted.component and near.over_at >= wanted.opened_at - cast(:window as interval)
          and near.started_at <= wanted.opened_at
        offset 0
    ) found
    where (select max(over_at) from change) >= :since
    """
)

NOTE_EVIDENCE = text(
    """
    insert into incident_change (incident_id, change_id)
    select * from unnest(cast(:incidents as uuid[]), cast(:changes as uuid[])) order by 1, 2
    on conflict do nothing returning incident_id, change_id
    """
)

LOCK_UNRESOLVED = text("select id from incident where id = :id and state <> 3 for update")

# Unresolved incidents that a change is evidence of and that were not told of it.
_UNTOLD = """
    select incident.id as incident_id, change.*
    from change join incident on incident.state <> 3 and incident.components && change.components
         and incident.opened_at between change.started_at and change.over_at + cast(:window as interval)
    where {chosen}
      and not exists (select 1 from incident_change told where told.incident_id = incident.id and told.change_id = change.id)
    order by incident.id, change.id
    """
UNTOLD_OF = text(_UNTOLD.format(chosen="change.id = any(cast(:ids as uuid[]))"))
# The limit keeps the planner to the index by update.
UNTOLD_SINCE = text(
    _UNTOLD.format(chosen="change.id in (select id from change lately where updated_at >= :since order by updated_at desc limit 10000)")
)

# By the database's clock: a lease is about which replica works on it now, not about when beats are due.
CLAIM_HEARTBEATS = text(
    """
    update heartbeat set leased_until = clock_timestamp() + cast(:lease as interval) where id in (
        select id from heartbeat
        where check_at <= :now and (leased_until is null or leased_until < clock_timestamp())
          and (cast(:ids as text[]) is null or id = any(cast(:ids as text[])))
        order by check_at limit :most for update skip locked
    ) returning id
    """
)

NEXT_CHECK = text("select min(check_at) from heartbeat where leased_until is null or leased_until < clock_timestamp()")

MOVE_HEARTBEATS = text(
    """
    update heartbeat set last_beat_at = moved.last_beat_at, firing_since = moved.firing_since, is_told = moved.is_told,
        is_removed = moved.is_removed, overdue_at = moved.overdue_at, check_at = moved.check_at,
        leased_until = case when moved.is_settled then null else leased_until end
    from unnest(cast(:ids as text[]), cast(:beats as timestamptz[]), cast(:fires as timestamptz[]), cast(:told as boolean[]),
                cast(:removed as boolean[]), cast(:overdue as timestamptz[]), cast(:checks as timestamptz[]), cast(:settled as boolean[]))
         as moved(id, last_beat_at, firing_since, is_told, is_removed, overdue_at, check_at, is_settled)
    where heartbeat.id = moved.id
    """
)

RETRY_HEARTBEATS = text(
    "update heartbeat set leased_until = clock_timestamp() + cast(:pause as interval) where id = any(cast(:ids as text[]))"
)

REMEMBER_EVENTS = text(
    """
    insert into published_event (source, id, disposition, resource)
    select * from unnest(cast(:sources as text[]), cast(:ids as text[]), cast(:dispositions as smallint[]), cast(:resources as text[]))
    order by 1, 2
    on conflict do nothing returning source, id
    """
)

KNOWN_EVENTS = text(
    """
    select source, id, disposition, resource from published_event
    where (source, id) in (select * from unnest(cast(:sources as text[]), cast(:ids as text[])))
    """
)

FORGET_EVENTS = text("delete from published_event where received_at < clock_timestamp() - cast(:retention as interval)")
