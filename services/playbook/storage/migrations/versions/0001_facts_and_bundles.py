"""Facts about incidents, and the bundles rendered from them."""

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
            incident json,
            assessment json,
            assessment_name text unique
        )
        """
    )
    op.execute(
        """
        create table decision (
            id uuid primary key,
            assessment_name text not null,
            incident_id uuid,
            decision json not null
        )
        """
    )
    op.execute("create index decision_by_incident on decision (incident_id)")
    op.execute("create index decision_by_assessment on decision (assessment_name)")
    op.execute(
        """
        create table template_version (
            template text not null,
            version text not null,
            content_hash text not null,
            first_rendered_at timestamptz not null,
            primary key (template, version)
        )
        """
    )
    op.execute(
        """
        create table bundle (
            position bigint generated always as identity primary key,
            id uuid not null unique,
            incident_id uuid not null,
            template text not null,
            template_version text not null,
            template_hash text not null,
            inputs_digest text not null,
            content_hash text not null,
            assessment text not null,
            assessment_revision bigint not null,
            decision text not null,
            policy_revision bigint not null,
            fact_trace_id text not null,
            trace_id text not null,
            trigger text not null,
            supersedes uuid,
            created_at timestamptz not null
        )
        """
    )
    op.execute("create unique index bundle_once on bundle (incident_id, template, template_version, inputs_digest, trigger)")
    op.execute("create index bundle_by_incident on bundle (incident_id, position)")
    op.execute("create index bundle_by_decision on bundle (decision, position)")
    op.execute(
        """
        create table bundle_file (
            bundle_id uuid not null references bundle (id),
            path text not null,
            content text not null,
            primary key (bundle_id, path)
        )
        """
    )
