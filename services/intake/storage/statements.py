"""The set-wise statements of the alert path: whole columns at once, one round trip for a batch."""

from sqlalchemy import text

# Sorted, so that two batches with the same groups wait for each other instead of blocking each other for good.
LOCK_GROUPS = text(
    "select pg_advisory_xact_lock(hashtextextended(key, 7101)) from (select unnest(cast(:keys as text[])) as key order by 1) sorted"
)

NEWEST_ALERTS = text(
    """
    select newest.id, newest.incident_id, newest.fingerprint, newest.state, newest.starts_at, newest.ends_at
    from unnest(cast(:fingerprints as uuid[])) as wanted(fingerprint)
    cross join lateral (
        select id, incident_id, fingerprint, state, starts_at, ends_at from alert
        where alert.fingerprint = wanted.fingerprint order by starts_at desc limit 1
    ) newest
    """
)

OPEN_INCIDENTS = text("select * from incident where state <> 3 and group_key = any(cast(:keys as text[])) order by id for update")
LOCK_INCIDENTS = text("select * from incident where id = any(cast(:ids as uuid[])) order by id for update")

INSERT_ALERTS = text(
    """
    insert into alert (id, incident_id, fingerprint, source, labels, annotations, state, starts_at, ends_at, generator_url,
                       report_count, created_at, updated_at)
    select id, incident_id, fingerprint, source, labels::jsonb, annotations::jsonb, 1, starts_at, null, generator_url, 1, :now, :now
    from unnest(cast(:ids as uuid[]), cast(:incident_ids as uuid[]), cast(:fingerprints as uuid[]), cast(:sources as text[]),
                cast(:labels as text[]), cast(:annotations as text[]), cast(:starts as timestamptz[]), cast(:urls as text[]))
         as new(id, incident_id, fingerprint, source, labels, annotations, starts_at, generator_url)
    """
)

REPEAT_ALERTS = text(
    """
    update alert set report_count = report_count + 1, updated_at = :now, labels = told.labels::jsonb,
                     annotations = told.annotations::jsonb, generator_url = told.generator_url
    from unnest(cast(:ids as uuid[]), cast(:labels as text[]), cast(:annotations as text[]), cast(:urls as text[]))
         as told(id, labels, annotations, generator_url)
    where alert.id = told.id
    """
)

RESOLVE_ALERTS = text(
    """
    update alert set state = 2, ends_at = told.ends_at, report_count = report_count + 1, updated_at = :now
    from unnest(cast(:ids as uuid[]), cast(:ends as timestamptz[])) as told(id, ends_at)
    where alert.id = told.id
    """
)

ADD_ENTRIES = text(
    """
    insert into timeline_entry (id, incident_id, occurred_at, actor, kind, text, evidence_url, created_at)
    select id, incident_id, occurred_at, actor, kind, text, '', :now
    from unnest(cast(:ids as uuid[]), cast(:incident_ids as uuid[]), cast(:times as timestamptz[]), cast(:actors as text[]),
                cast(:kinds as smallint[]), cast(:texts as text[])) as new(id, incident_id, occurred_at, actor, kind, text)
    """
)
