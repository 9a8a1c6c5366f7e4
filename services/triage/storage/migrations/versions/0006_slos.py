"""SLOs, the documents they came from, and every revision of both."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute(
        """
        create table slo (
            name text collate "C" primary key,
            component text collate "C" not null,
            revision bigint not null,
            document json not null,
            slo jsonb not null,
            refs text[] not null,
            author text not null,
            created_at timestamptz not null,
            updated_at timestamptz not null
        )
        """
    )
    op.execute("create index slo_by_component on slo (component, name)")
    op.execute("create index slo_by_ref on slo using gin (refs)")
    op.execute(
        """
        create table slo_revision (
            name text collate "C" not null,
            revision bigint not null,
            document json not null,
            slo jsonb not null,
            author text not null,
            created_at timestamptz not null,
            updated_at timestamptz not null,
            is_deleted boolean not null,
            primary key (name, revision)
        )
        """
    )
    op.execute(
        """
        create table slo_document (
            name text collate "C" primary key,
            kind text not null,
            revision bigint not null,
            document json not null,
            refs text[] not null,
            author text not null,
            created_at timestamptz not null,
            updated_at timestamptz not null
        )
        """
    )
    op.execute("create index slo_document_by_ref on slo_document using gin (refs)")
    op.execute(
        """
        create table slo_document_revision (
            name text collate "C" not null,
            revision bigint not null,
            document json not null,
            author text not null,
            created_at timestamptz not null,
            updated_at timestamptz not null,
            primary key (name, revision)
        )
        """
    )
