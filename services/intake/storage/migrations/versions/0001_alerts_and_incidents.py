"""Alerts, incidents and their time-lines."""

from alembic import op

from shared.storage.floor import create_floor_v1

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_floor_v1(op.execute)
    op.execute(
        """
        create table incident (
            id uuid primary key,
            version bigint not null,
            state smallint not null,
            title text not null,
            summary text not null,
            group_key text not null,
            group_labels jsonb not null,
            components text[] not null,
            opened_at timestamptz not null,
            acknowledged_at timestamptz,
            resolved_at timestamptz,
            last_ended_at timestamptz,
            alert_count integer not null,
            firing_count integer not null,
            evidence jsonb not null,
            created_at timestamptz not null,
            updated_at timestamptz not null
        )
        """
    )
    op.execute("create unique index incident_open_by_group on incident (group_key) where state <> 3")
    op.execute("create index incident_by_opening on incident (opened_at, id)")
    op.execute("create index incident_by_update on incident (updated_at, id)")
    op.execute("create index incident_by_alert_count on incident (alert_count, id)")
    op.execute("create index incident_by_component on incident using gin (components)")
    op.execute(
        """
        create table alert (
            id uuid primary key,
            incident_id uuid not null,
            fingerprint uuid not null,
            source text not null,
            labels jsonb not null,
            annotations jsonb not null,
            state smallint not null,
            starts_at timestamptz not null,
            ends_at timestamptz,
            generator_url text not null,
            report_count bigint not null,
            created_at timestamptz not null,
            updated_at timestamptz not null
        )
        """
    )
    # Room on each page lets a repeat of an open alert be rewritten in place, without touching an index.
    op.execute("alter table alert set (fillfactor = 85)")
    op.execute("create unique index alert_by_fingerprint on alert (fingerprint, starts_at)")
    op.execute("create index alert_by_incident on alert (incident_id, id)")
    op.execute(
        """
        create table timeline_entry (
            id uuid primary key,
            incident_id uuid not null,
            occurred_at timestamptz not null,
            actor text not null,
            kind smallint not null,
            text text not null,
            evidence_url text not null,
            created_at timestamptz not null
        )
        """
    )
    op.execute("create index timeline_by_incident on timeline_entry (incident_id, occurred_at, id)")
