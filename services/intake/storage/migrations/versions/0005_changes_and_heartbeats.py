"""Changes and what they are evidence of, heartbeats, and events already published."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute(
        """
        create table change (
            id uuid primary key,
            version bigint not null,
            source text not null,
            key text not null,
            kind smallint not null,
            components text[] not null,
            environment text not null,
            summary text not null,
            artifact text not null,
            url text not null,
            author text not null,
            started_at timestamptz not null,
            finished_at timestamptz,
            over_at timestamptz not null,
            outcome smallint not null,
            created_at timestamptz not null,
            updated_at timestamptz not null
        )
        """
    )
    op.execute("create unique index change_by_key on change (source, key)")
    op.execute("create index change_by_start on change (started_at, id)")
    op.execute("create index change_by_end on change (over_at)")
    op.execute("create index change_by_update on change (updated_at)")
    op.execute("create index change_by_component on change using gin (components)")
    op.execute(
        """
        create table change_component (
            change_id uuid not null,
            component text not null,
            started_at timestamptz not null,
            over_at timestamptz not null,
            primary key (change_id, component)
        )
        """
    )
    op.execute("create index change_component_by_end on change_component (component, over_at)")
    op.execute("create table incident_change (incident_id uuid not null, change_id uuid not null, primary key (incident_id, change_id))")
    op.execute(
        """
        create table heartbeat (
            id text primary key,
            version bigint not null,
            interval interval not null,
            grace interval not null,
            component text not null,
            labels jsonb not null,
            annotations jsonb not null,
            is_paused boolean not null,
            waits_since timestamptz not null,
            last_beat_at timestamptz,
            firing_since timestamptz,
            is_told boolean not null,
            is_removed boolean not null,
            overdue_at timestamptz not null,
            check_at timestamptz,
            leased_until timestamptz,
            created_at timestamptz not null,
            updated_at timestamptz not null
        )
        """
    )
    # Every beat rewrites its row: room on each page keeps the old versions together.
    op.execute("alter table heartbeat set (fillfactor = 70)")
    op.execute("create index heartbeat_by_check on heartbeat (check_at) where check_at is not null")
    op.execute(
        """
        create table published_event (
            source text not null,
            id text not null,
            disposition smallint not null,
            resource text not null,
            received_at timestamptz not null default clock_timestamp(),
            primary key (source, id)
        )
        """
    )
    op.execute("create index published_event_by_time on published_event (received_at)")
