"""Calendars, leave, categories and corrections of work, and what was told of drift."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute(
        """
        create table calendar (
            name text primary key,
            display_name text not null,
            time_zone text not null,
            days jsonb not null,
            holidays jsonb not null,
            version bigint not null,
            updated_at timestamptz not null
        )
        """
    )
    op.execute(
        """
        create table leave (
            team text not null,
            id text not null,
            member text not null,
            first_day date not null,
            last_day date not null,
            hours_per_day numeric not null,
            note text not null,
            version bigint not null,
            updated_at timestamptz not null,
            is_deleted boolean not null default false,
            primary key (team, id)
        )
        """
    )
    # Code of before records without a category: what it records counts as ever.
    op.execute(
        """
        alter table work_record
            add column category text not null default '',
            add column category_class smallint not null default 0,
            add column work_class smallint generated always as
                (case when incident <> '' then 1 when roadmap_item <> '' then 2 else category_class end) stored,
            add column reverses uuid,
            add column replaces uuid,
            add column correction_reason text not null default '',
            add column author text not null default ''
        """
    )
    op.execute("create unique index work_record_reversal on work_record (reverses) where reverses is not null")
    # For who else has a person, and who works by a calendar.
    op.execute("create index team_by_member on team using gin (members jsonb_path_ops)")
    op.execute(
        """
        create table adherence_look (
            team text primary key,
            sprint_number integer not null,
            looked_at timestamptz not null,
            drift double precision
        )
        """
    )
    op.execute(
        """
        create table drift (
            team text not null,
            kind smallint not null,
            sprint_number integer not null,
            detected_at timestamptz not null,
            ended_at timestamptz,
            finding jsonb not null,
            version bigint not null,
            primary key (team, kind)
        )
        """
    )
