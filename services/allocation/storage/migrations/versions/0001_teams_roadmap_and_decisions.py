"""Teams, roadmap items, policies, what is known of incidents, decisions and work records."""

from alembic import op

from shared.storage.floor import create_floor_v1

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_floor_v1(op.execute)
    op.execute(
        """
        create table team (
            name text primary key,
            display_name text not null,
            members jsonb not null,
            sprint_days integer not null,
            first_sprint_at timestamptz not null,
            policy text not null,
            version bigint not null,
            created_at timestamptz not null,
            updated_at timestamptz not null
        )
        """
    )
    op.execute(
        """
        create table roadmap_item (
            name text primary key,
            title text not null,
            team text not null,
            effort_hours numeric not null,
            recorded_hours numeric not null,
            cost_of_delay_per_week numeric not null,
            currency text not null,
            dependencies text[] not null,
            due_at timestamptz,
            protected boolean not null,
            stage smallint not null,
            version bigint not null,
            created_at timestamptz not null,
            updated_at timestamptz not null
        )
        """
    )
    op.execute("create index roadmap_item_by_team on roadmap_item (team, name)")
    op.execute(
        """
        create table allocation_policy (
            name text not null,
            revision bigint not null,
            document jsonb not null,
            author text not null,
            reason text not null,
            created_at timestamptz not null,
            primary key (name, revision)
        )
        """
    )
    op.execute(
        """
        create table incident_fact (
            incident text primary key,
            assessment text not null,
            revision bigint not null,
            severity smallint not null,
            opened_at timestamptz not null,
            resolved_at timestamptz,
            teams text[] not null,
            trace_id text not null,
            span_id text not null
        )
        """
    )
    op.execute("create index incident_fact_by_team on incident_fact using gin (teams)")
    op.execute(
        """
        create table decision (
            position bigint generated always as identity primary key,
            id uuid not null unique,
            team text not null,
            sprint_number integer not null,
            sprint_begin_at timestamptz not null,
            trigger smallint not null,
            assessment text not null,
            outcome smallint not null,
            fired boolean not null,
            before jsonb,
            after jsonb not null,
            inputs jsonb not null,
            terms jsonb not null,
            requested_share integer not null,
            bounds jsonb not null,
            incidents jsonb not null,
            impact jsonb not null,
            explanation text not null,
            policy text not null,
            policy_revision bigint not null,
            formula_version text not null,
            trace_id text not null,
            created_at timestamptz not null
        )
        """
    )
    op.execute("create index decision_by_team on decision (team, position)")
    op.execute("create index decision_by_time on decision (team, created_at)")
    op.execute("create index decision_by_assessment on decision (assessment, position)")
    op.execute("create unique index decision_once_a_sprint on decision (team, sprint_begin_at) where trigger = 1")
    op.execute(
        """
        create table work_record (
            id uuid primary key,
            team text not null,
            member text not null,
            incident text not null,
            roadmap_item text not null,
            hours numeric not null,
            worked_at timestamptz not null,
            note text not null,
            created_at timestamptz not null
        )
        """
    )
    op.execute("create index work_record_by_team on work_record (team, worked_at, id)")
