"""Severities given by people, gates, classes of incidents, what it takes to judge one anew, and the order of the queue."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute(
        """
        create table human_override (
            id uuid primary key,
            incident text not null,
            assessment_revision bigint not null,
            assessed_severity smallint not null,
            severity smallint,
            reason text not null,
            author text not null,
            created_at timestamptz not null
        )
        """
    )
    op.execute("create index human_override_by_incident on human_override (incident, id)")
    op.execute("alter table assessment add column snapshot jsonb, add column human_override jsonb, add column loss_per_hour numeric")
    op.execute("alter table assessment add column component_names text[] not null default '{}'")
    op.execute(
        """
        alter table assessment add column class text not null default '', add column title text not null default '',
            add column resolved_at timestamptz, add column merged boolean not null default false
        """
    )
    op.execute("create index assessment_by_class on assessment (class, opened_at)")
    op.execute(
        """
        create table gating_rules (
            revision bigint primary key,
            document jsonb not null,
            author text not null,
            reason text not null,
            created_at timestamptz not null
        )
        """
    )
    op.execute("create index assessment_by_loss on assessment ((coalesce(-loss_per_hour, 1)), severity, opened_at, id)")
    # For judging open incidents anew when a component changes.
    op.execute("create index assessment_open_by_component on assessment using gin (component_names) where incident_state <> 3")
    op.execute("alter table assessment_revision add column differences jsonb not null default '[]'")
