"""Revisions of components, systems, groups, and what an import says of components."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute(
        """
        alter table component
            add column system text not null default '',
            add column lifecycle text not null default '',
            add column namespace text not null default '',
            add column labels jsonb not null default '{}',
            add column resources text[] not null default '{}',
            add column business_hours jsonb,
            add column severity_floors text not null default ''
        """
    )
    op.execute(
        """
        create table component_revision (
            name text collate "C" not null,
            revision bigint not null,
            document jsonb not null,
            change smallint not null,
            author text not null,
            created_at timestamptz not null,
            catalogue_version bigint not null,
            primary key (name, revision)
        )
        """
    )
    op.execute("insert into component_revision select name, version, to_jsonb(component), 0, '', updated_at, 1 from component")
    op.execute("create index component_revision_by_version on component_revision (catalogue_version)")
    op.execute(
        """
        create table system (
            name text collate "C" primary key,
            display_name text not null,
            owner_team text not null,
            domain text not null,
            namespace text not null,
            created_at timestamptz not null,
            updated_at timestamptz not null
        )
        """
    )
    op.execute("create index system_by_owner on system (owner_team, name)")
    op.execute(
        """
        create table organisation_group (
            name text collate "C" primary key,
            display_name text not null,
            type text not null,
            parent text not null,
            namespace text not null,
            created_at timestamptz not null,
            updated_at timestamptz not null
        )
        """
    )
    op.execute("create table catalogue_version (version bigint primary key)")
    op.execute("insert into catalogue_version values (1)")
