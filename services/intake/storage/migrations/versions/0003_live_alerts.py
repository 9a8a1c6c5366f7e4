"""Alerts by signal: the current one of each signal in a table of its own, those before it in partitions by time; storms and streams."""

from alembic import op

revision = "0003"
down_revision = "0002"

_COLUMNS = """
    fingerprint uuid not null,
    id uuid not null,
    incident_id uuid,
    disposition smallint not null,
    state smallint not null,
    starts_at timestamptz not null,
    ends_at timestamptz,
    starts timestamptz[],
    ends timestamptz[],
    stamp bigint not null,
    report_count bigint not null,
    flapping boolean not null default false,
    inhibits boolean not null default false,
    rule_revision bigint not null,
    storm_id uuid,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    source text not null,
    labels text not null,
    annotations text not null,
    generator_url text not null,
    group_key text not null,
    rule text not null,
    mute text not null default '',
    mute_version bigint not null default 0
"""
_MOVED = """
    insert into {target} (fingerprint, id, incident_id, disposition, state, starts_at, ends_at, stamp, report_count, rule_revision,
                          created_at, updated_at, source, labels, annotations, generator_url, group_key, rule)
    select alert_0001.fingerprint, alert_0001.id, incident_id, 1, alert_0001.state, starts_at, ends_at, 0, report_count, 0,
           alert_0001.created_at, alert_0001.updated_at, source, labels::text, annotations::text, generator_url, group_key, 'default'
    from alert_0001 join incident on incident.id = alert_0001.incident_id
    where {condition} alert_0001.id in (select distinct on (fingerprint) id from alert_0001 order by fingerprint, starts_at desc)
"""


def upgrade() -> None:
    op.execute("alter table alert rename to alert_0001")
    op.execute("drop index alert_by_fingerprint")
    op.execute("drop index alert_by_incident")
    # Room on each page lets a repeat of an open alert be rewritten in place, without touching an index.
    op.execute(f"create table alert ({_COLUMNS}, primary key (fingerprint)) with (fillfactor = 85)")
    op.execute("create table alert_history (like alert including defaults) partition by range (ends_at)")
    op.execute("create table alert_history_default partition of alert_history default")
    op.execute(_MOVED.format(target="alert", condition=""))
    op.execute(_MOVED.format(target="alert_history", condition="not"))
    op.execute("drop table alert_0001")
    op.execute("create index alert_by_id on alert (id)")
    op.execute("create index alert_by_incident on alert (incident_id, id)")
    op.execute("create index alert_resolved on alert (ends_at) where state = 2")
    op.execute("create index alert_apart on alert (group_key, starts_at) where incident_id is null")
    op.execute("create index alert_muted on alert (id) where disposition = 2")
    op.execute("create index alert_inhibiting on alert (id) where inhibits")
    op.execute("create index alert_history_by_id on alert_history (id)")
    op.execute("create index alert_history_by_incident on alert_history (incident_id, id)")
    op.execute("create index alert_history_apart on alert_history (group_key) where incident_id is null")
    op.execute("create index alert_history_by_fingerprint on alert_history (fingerprint, starts_at)")
    op.execute(
        """
        create table storm (
            id uuid primary key,
            incident_id uuid not null,
            started_at timestamptz not null,
            ended_at timestamptz,
            last_high_at timestamptz not null,
            entered_count bigint not null
        )
        """
    )
    op.execute("create unique index storm_under_way on storm ((true)) where ended_at is null")
    op.execute(
        "create table alert_stream (id uuid primary key, source text not null, sequence bigint not null, updated_at timestamptz not null)"
    )
    op.execute("create index alert_stream_by_time on alert_stream (updated_at)")
    # What the alert path keeps in memory, and the version of it: one small read tells every replica whether that still holds.
    op.execute("create table if not exists routing_version (kind text primary key, version bigint not null)")
    op.execute("insert into routing_version values ('storm', 1) on conflict do nothing")
