"""The set-wise statements of the alert path, for the driver itself: whole columns at once, one round trip for a batch.

Written for asyncpg, not for SQLAlchemy: a statement of the path runs thousands of times a second, and compiling and adapting it
costs more than PostgreSQL takes to run it (measured: 130 µs against 40 µs for a call with one report).
"""

KNOWN_ALERTS = """
    select alert.fingerprint, id, incident_id, disposition, starts_at, ends_at, starts, ends, stamp, group_key
    from unnest($1::uuid[]) as wanted(fingerprint) join alert using (fingerprint)
"""

# Locked in the order of the keys, so that two batches with the same groups wait for each other instead of blocking each other for good.
LOCK_GROUPS = """
    select group_key, incident_id from incident_group where group_key = any($1::text[]) order by group_key for update
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
LOCK_INCIDENTS = "select * from incident where id = any($1::uuid[]) order by id for update"

INSERT_ALERTS = """
    insert into alert (fingerprint, id, incident_id, disposition, state, starts_at, stamp, report_count, rule_revision, storm_id,
                       created_at, updated_at, source, labels, annotations, generator_url, group_key, rule, mute, mute_version, flapping)
    select fingerprint, id, incident_id, disposition, 1, starts_at, stamp, 1, $1, $2, $3, $3, source, labels, annotations, generator_url,
           group_key, rule, mute, mute_version, flapping
    from unnest($4::uuid[], $5::uuid[], $6::uuid[], $7::smallint[], $8::timestamptz[], $9::bigint[], $10::text[], $11::text[],
                $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::bigint[], $18::boolean[])
         as new(fingerprint, id, incident_id, disposition, starts_at, stamp, source, labels, annotations, generator_url, group_key, rule,
                mute, mute_version, flapping)
    on conflict (fingerprint) do nothing
"""
# The common batch: everything grouped, by one rule, from one source.
INSERT_PLAIN_ALERTS = """
    insert into alert (fingerprint, id, incident_id, disposition, state, starts_at, stamp, report_count, rule_revision, storm_id,
                       created_at, updated_at, source, labels, annotations, generator_url, group_key, rule)
    select fingerprint, id, incident_id, $13, 1, starts_at, stamp, 1, $1, $2, $3, $3, $14, labels, annotations, '', group_key, $15
    from unnest($4::uuid[], $5::uuid[], $6::uuid[], $7::timestamptz[], $8::bigint[], $9::text[], $10::text[], $11::int[])
         as new(fingerprint, id, incident_id, starts_at, stamp, labels, annotations, key_index)
    cross join lateral (select ($12::text[])[key_index] as group_key) keys
    on conflict (fingerprint) do nothing
"""

_HISTORY = """fingerprint, id, incident_id, disposition, state, starts_at, ends_at, starts, ends, stamp, report_count, flapping,
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
LIVE = """
    update alert set state = told.state, starts_at = told.starts_at, ends_at = told.ends_at, report_count = report_count + 1, updated_at = $1,
                     starts = array(select to_timestamp(each / 1e6) from unnest(told.starts) each), flapping = alert.flapping or told.flapping
    from unnest($2::uuid[], $3::smallint[], $4::timestamptz[], $5::timestamptz[]) as told(fingerprint, state, starts_at, ends_at)
    where alert.fingerprint = told.fingerprint
"""
RESOLVE = """
    update alert set state = 2, ends_at = told.ends_at, report_count = report_count + 1, updated_at = $3,
                     ends = case when ends is null then null else array_append(ends, told.ends_at) end
    from unnest($1::uuid[], $2::timestamptz[]) as told(fingerprint, ends_at) where alert.fingerprint = told.fingerprint
"""

ADD_ENTRIES = """
    insert into timeline_entry (id, incident_id, occurred_at, actor, kind, text, evidence_url, created_at)
    select id, incident_id, occurred_at, actor, kind, text, evidence_url, $8
    from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::smallint[], $6::text[], $7::text[])
         as new(id, incident_id, occurred_at, actor, kind, text, evidence_url)
"""
