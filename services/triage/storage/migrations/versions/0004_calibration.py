"""Incidents that are over, what people said of them, versions of the scoring model, and drifts under way."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute(
        """
        create table closed_incident (
            incident text primary key,
            ended_at timestamptz not null,
            teams text[] not null,
            components text[] not null,
            inputs jsonb not null,
            assessed smallint not null,
            chances double precision[] not null,
            call_chance double precision not null,
            model_version text not null,
            weights_hash text not null,
            matrix_revision bigint not null,
            assessment_revision bigint not null
        )
        """
    )
    op.execute("create index closed_incident_by_end on closed_incident (ended_at, incident)")
    op.execute(
        """
        create table severity_label (
            incident text not null,
            source text not null,
            severity smallint not null,
            reason text not null,
            author text not null,
            labelled_at timestamptz not null,
            primary key (incident, source)
        )
        """
    )
    op.execute(
        """
        create table scoring_model (
            version text collate "C" primary key,
            weights_hash text not null,
            document jsonb not null,
            fit jsonb,
            author text not null,
            reason text not null,
            created_at timestamptz not null
        )
        """
    )
    op.execute("create index scoring_model_by_creation on scoring_model (created_at, version)")
    op.execute("create table drift (subject text primary key, drifted boolean not null, onsets bigint not null)")
