"""Components, the severity matrix, and assessments."""

from alembic import op

from shared.storage.floor import create_floor_v1

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_floor_v1(op.execute)
    op.execute(
        """
        create table component (
            name text collate "C" primary key,
            version bigint not null,
            display_name text not null,
            owner_team text not null,
            tier smallint,
            revenue_amount numeric,
            revenue_currency text,
            dependencies text[] collate "C" not null,
            users bigint,
            created_at timestamptz not null,
            updated_at timestamptz not null
        )
        """
    )
    op.execute("create index component_by_owner on component (owner_team, name)")
    op.execute("create index component_by_dependency on component using gin (dependencies)")
    op.execute(
        """
        create table severity_matrix (
            revision bigint primary key,
            document jsonb not null,
            author text not null,
            reason text not null,
            created_at timestamptz not null
        )
        """
    )
    op.execute(
        """
        create table assessment (
            id uuid primary key,
            incident text not null unique,
            incident_version bigint not null,
            revision bigint not null,
            severity smallint not null,
            incident_state smallint not null,
            teams text[] not null,
            opened_at timestamptz not null
        )
        """
    )
    op.execute("create index assessment_by_opening on assessment (opened_at, id)")
    op.execute("create index assessment_by_team on assessment using gin (teams)")
    op.execute(
        """
        create table assessment_revision (
            assessment_id uuid not null references assessment (id),
            revision bigint not null,
            finding jsonb not null,
            trigger text not null,
            trace_id text not null,
            created_at timestamptz not null,
            primary key (assessment_id, revision)
        )
        """
    )
