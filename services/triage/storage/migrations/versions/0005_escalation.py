"""Escalations: that an incident is about to miss its time to restore."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("alter table assessment add column restore_target_seconds double precision")
    op.execute("create index assessment_open on assessment (incident) where incident_state <> 3")
    op.execute(
        """
        create table escalation (
            id uuid primary key,
            incident text not null,
            target_at timestamptz not null,
            assessment_id uuid not null,
            severity smallint not null,
            chance double precision,
            chance_low double precision,
            chance_high double precision,
            history_count bigint not null,
            censored_count bigint not null,
            cannot_tell text not null,
            reason text not null,
            created_at timestamptz not null,
            unique (incident, target_at)
        )
        """
    )
