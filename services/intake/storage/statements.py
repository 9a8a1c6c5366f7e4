"""The set-wise statements of the alert path, for the driver itself: whole columns at once, one round trip for a batch.

Written for asyncpg, not for SQLAlchemy: a statement of the path runs thousands of times a second, and compiling and adapting it
costs more than PostgreSQL takes to run it (measured: 130 µs against 40 µs for a call with one report).
"""

import orjson

GLANCE = """
    select alert.fingerprint, id, incident_id, stamp, starts_at, state = 1 and starts is null and ends is null
    from unnest($1::text::uuid[]) as wanted(fingerprint) join alert using (fingerprint)
"""
KNOWN_ALERTS = """
    select alert.fingerprint, id, incident_id, disposition, starts_at, ends_at, starts, ends, stamp, group_key
    from unnest($1::uuid[]) as wanted(fingerprint) join alert using (fingerprint) order by alert.fingerprint for update of alert
"""

# Locked in the order of the keys, so that two batches with the same groups wait for each other instead of blocking each other for good.
LOCK_GROUPS = """
    select group_key, incident_id from incident_group where group_key = any($1::text[]) order by group_key for update
"""
TAKE_TURNS = """
    select pg_advisory_xact_lock(hashtextextended(group_key, 7104)) from (select unnest($1::text[]) as group_key order by 1) as wanted
"""
# A group that another batch opens at this moment waits here for it, and is then found taken.
CLAIM_GROUPS = """
    insert into incident_group (group_key, incident_id)
    select group_key, incident_id from unnest($1::text[], $2::uuid[]) as new(group_key, incident_id) order by group_key
    on conflict (group_key) do nothing returning group_key
"""
POINT_GROUPS = """
    update incident_group set incident_id = new.incident_id from unnest($1::text[], $2::uuid[]) as new(group_key, incident_id)
    where incident_group.group_key = new.group_key
"""
STANDING = """
    select current.group_key, incident.id, state <> 3 and kind = 1 and merged_into is null, opened_at, components
    from unnest($1::text[]) as wanted(key) join incident_group current on current.group_key = wanted.key
    join incident on incident.id = current.incident_id
"""
# In one order, so that two batches that add to the same incidents wait for each other instead of blocking each other for good.
LOCK_INCIDENTS = "select from incident where id = any($1::uuid[]) order by id for update"
# A storm's incident is open again with the next alert of the storm; any other one that is over is for the batch to find out.
GROW = """
    update incident set alert_count = alert_count + told.count, firing_count = firing_count + told.count, version = version + 1,
                        opened_at = least(opened_at, told.first_start), last_started_at = greatest(last_started_at, told.last_start),
                        state = case when state <> 3 then state when acknowledged_at is null then 1 else 2 end,
                        resolved_at = case when state <> 3 then resolved_at end, untold = true, updated_at = $5
    from unnest($1::uuid[], $2::int[], $3::timestamptz[], $4::timestamptz[]) as told(id, count, first_start, last_start)
    where incident.id = told.id and merged_into is null and (state <> 3 or kind = 3)
"""

PLACE = """
    update alert set incident_id = told.incident_id, disposition = told.disposition, group_key = told.group_key, rule = told.rule,
                     rule_revision = told.revision, updated_at = $7
    from unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::text[], $5::text[], $6::bigint[])
         as told(fingerprint, incident_id, disposition, group_key, rule, revision)
    where alert.fingerprint = told.fingerprint
"""
MUTE_BY = """
    update alert set mute = told.mute, mute_version = told.version
    from unnest($1::uuid[], $2::text[], $3::bigint[]) as told(fingerprint, mute, version)
    where alert.fingerprint = told.fingerprint and disposition = 2
"""

_HISTORY = """fingerprint, id, incident_id, disposition, state, starts_at, ends_at, starts, ends, stamp, report_count, flapping, inhibits,
    rule_revision, storm_id, created_at, updated_at, source, labels, annotations, generator_url, group_key, rule, mute, mute_version"""
# A signal that fires again as another alert makes room for it.
MOVE_TO_HISTORY = f"""
    with moved as (delete from alert where fingerprint = any($1::uuid[]) returning {_HISTORY})
    insert into alert_history ({_HISTORY}) select {_HISTORY} from moved
"""  # noqa: S608 - column names of this module
ARCHIVE = f"""
    with moved as (
        delete from alert where fingerprint in
            (select fingerprint from alert where state = 2 and ends_at < $1 order by ends_at limit $2 for update skip locked)
        returning {_HISTORY}
    )
    insert into alert_history ({_HISTORY}) select {_HISTORY} from moved
"""  # noqa: S608 - the same

# A repeat of what is known: the count, and what describes it where that changed.
COUNT_REPEATS = """
    update alert set report_count = report_count + told.count, updated_at = $3
    from unnest($1::uuid[], $2::int[]) as told(fingerprint, count) where alert.fingerprint = told.fingerprint
"""
DESCRIBE = """
    update alert set labels = told.labels, annotations = told.annotations, generator_url = told.generator_url, stamp = told.stamp,
                     updated_at = $6
    from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[])
         as told(fingerprint, labels, annotations, generator_url, stamp)
    where alert.fingerprint = told.fingerprint
"""
REVIVE = """
    update alert set state = told.state, starts_at = told.starts_at, ends_at = told.ends_at, starts = told.starts::timestamptz[],
                     ends = told.ends::timestamptz[], flapping = alert.flapping or told.flapping, report_count = report_count + 1,
                     updated_at = $8
    from unnest($1::uuid[], $2::smallint[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::text[], $7::boolean[])
        as told(fingerprint, state, starts_at, ends_at, starts, ends, flapping)
    where alert.fingerprint = told.fingerprint
"""
RESOLVE = """
    update alert set state = 2, ends_at = told.ends_at, report_count = report_count + 1, updated_at = $3,
                     ends = case when ends is null then null else array_append(ends, told.ends_at) end
    from unnest($1::uuid[], $2::timestamptz[]) as told(fingerprint, ends_at) where alert.fingerprint = told.fingerprint
"""

# What alerts alone change of an incident; everything else is people's.
CHANGING = {
    "id": "uuid",
    "version": "bigint",
    "state": "smallint",
    "components": "text",
    "opened_at": "timestamptz",
    "acknowledged_at": "timestamptz",
    "mitigated_at": "timestamptz",
    "resolved_at": "timestamptz",
    "last_started_at": "timestamptz",
    "last_ended_at": "timestamptz",
    "alert_count": "int",
    "firing_count": "int",
    "evidence": "text",
    "merged_into": "uuid",
    "updated_at": "timestamptz",
    "untold": "boolean",
}
# A column that is an array or a document has no array of its own among a statement's arguments.
AS_JSON = {
    "components": "array(select jsonb_array_elements_text(new.components::jsonb))",
    "evidence": "new.evidence::jsonb",
}
_SET = ", ".join(f"{name} = {AS_JSON.get(name, f'new.{name}')}" for name in CHANGING if name != "id")
_ARGUMENTS = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(CHANGING.values(), 1))
CHANGE_INCIDENTS = f"""
    update incident set {_SET} from unnest({_ARGUMENTS}) as new({", ".join(CHANGING)}) where incident.id = new.id
"""  # noqa: S608 - column names of this module

# A signal that came again and again has left its earlier alerts in the history; of these the time span of the threshold says which count.
_HELD = "incident_id is null and group_key = $1 and disposition = 3"
HELD_STARTS = f"""
    select starts_at from alert where {_HELD} and starts_at >= $2
    union all select starts_at from alert_history where {_HELD} and starts_at >= $2 limit 1000
"""  # noqa: S608 - conditions of this module
RELEASE_HELD = f"""
    with past as (
        update alert_history set disposition = 1, incident_id = $2 where {_HELD} and starts_at >= $3 returning starts_at, ends_at, id
    ), live as (
        update alert set disposition = 1, incident_id = $2 where {_HELD} returning starts_at, ends_at, id
    )
    select * from past union all select * from live
"""  # noqa: S608 - the same
NOTE_SOURCES = "update alert set inhibits = true where fingerprint = any($1::uuid[])"
FIRING_SOURCES = "select id, labels from alert where inhibits and state = 1 order by id limit 2000"
OPEN_INCIDENTS = """
    select id from incident where state <> 3 and rule = $1 and kind = 1 and id in (
        select incident_id from incident_component where component = any($2::text[]) and state <> 3
    ) order by opened_at limit 100
"""
# The text by which an open incident is known: its first alert's.
TEXTS_OF_OPEN = """
    select incident.id, coalesce(first.annotations::jsonb ->> $2, '') as told from incident
    cross join lateral (select annotations from alert where alert.incident_id = incident.id order by alert.id limit 1) first
    where incident.state <> 3 and incident.rule = $1 and incident.kind = 1 order by incident.opened_at desc limit $3
"""

# The past of signals, for reports that change it.
LIVES = f"""
    select {_HISTORY}, true as live from alert where fingerprint = any($1::uuid[])
    union all
    select {_HISTORY}, false from alert_history where fingerprint = any($1::uuid[]) and ends_at >= $2
    order by fingerprint, starts_at
"""  # noqa: S608 - column names of this module
UPDATE_HISTORY = """
    update alert_history set state = $3, starts_at = $4, ends_at = $5, starts = $6, ends = $7, report_count = report_count + 1,
                             updated_at = $8
    where id = $1 and fingerprint = $2
"""
UPDATE_LIVE = """
    update alert set state = $3, starts_at = $4, ends_at = $5, starts = $6, ends = $7, report_count = report_count + 1, updated_at = $8
    where id = $1 and fingerprint = $2
"""
RECALL = f"""
    with moved as (delete from alert_history where id = $1 and fingerprint = $2 returning {_HISTORY})
    insert into alert ({_HISTORY}) select {_HISTORY} from moved
"""  # noqa: S608 - the same
DELETE_ALERTS = "delete from {table} where id = any($1::uuid[]) and fingerprint = any($2::uuid[])"
INSERT_ALERT = f"""
    insert into {{table}} ({_HISTORY}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, false, false, $12, null, $13, $13, $14, $15,
                                               $16, $17, $18, $19, $20, $21)
"""  # noqa: S608 - the same

# The alerts of a group's incidents, for re-arranging them by event time.
GROUP_INCIDENTS = """
    select id from incident where group_key = any($1::text[]) and kind = 1 and not shaped and merged_into is null
      and (state <> 3 or last_ended_at >= $2) order by id
"""
_SPANS = "id, fingerprint, incident_id, starts_at, ends_at, starts, ends, labels, annotations"
_OF_GROUP = "incident_id = any($1::uuid[]) or (incident_id is null and disposition = 1 and group_key = $2)"
SPANS = f"""
    select {_SPANS} from alert where {_OF_GROUP}
    union all select {_SPANS} from alert_history where {_OF_GROUP} limit $3
"""  # noqa: S608 - the same
MOVE_ALERTS = """
    with moved(id, incident_id) as (select * from unnest($1::uuid[], $2::uuid[])),
    live as (update alert set incident_id = moved.incident_id from moved where alert.id = moved.id)
    update alert_history set incident_id = moved.incident_id from moved where alert_history.id = moved.id
"""
MOVE_ALL_ALERTS = """
    with live as (update alert set incident_id = $2 where incident_id = $1)
    update alert_history set incident_id = $2 where incident_id = $1
"""
SET_CURRENT = """
    insert into incident_group (group_key, incident_id) values ($1, $2)
    on conflict (group_key) do update set incident_id = excluded.incident_id
"""
POINT_INCIDENT = "update incident_group set incident_id = $2 where incident_id = $1"

ADD_ENTRIES = """
    insert into timeline_entry (id, incident_id, occurred_at, actor, kind, text, evidence_url, created_at)
    select id, incident_id, occurred_at, actor, kind, text, evidence_url, $8
    from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::smallint[], $6::text[], $7::text[])
         as new(id, incident_id, occurred_at, actor, kind, text, evidence_url)
"""


def dumps(value: object) -> str:
    return orjson.dumps(value).decode()
