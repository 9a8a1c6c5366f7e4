"""Indicator series and error budgets."""

from alembic import op

revision = "0007"
down_revision = "0006"

_STATEMENTS = (
    """
    create table sli_series (
        id integer generated always as identity primary key,
        slo text collate "C" not null,
        slicing text collate "C" not null,
        component text not null,
        first_minute integer,
        newest_minute integer,
        unique (slo, slicing)
    )
    """,
    """
    create table sli_point (
        series integer not null,
        minute integer not null,
        good double precision not null,
        total double precision not null,
        primary key (series, minute)
    )
    """,
    """
    create table sli_sample (
        series integer not null,
        source text collate "C" not null,
        at timestamptz not null,
        good double precision not null,
        total double precision not null,
        is_reset boolean not null,
        primary key (series, source, at)
    )
    """,
    """
    create table budget_adjustment (
        id uuid primary key,
        slo text collate "C" not null,
        objective smallint not null,
        amount double precision not null,
        unit smallint not null,
        reason text not null,
        approver text not null,
        author text not null,
        valid_from timestamptz not null,
        valid_until timestamptz not null,
        created_at timestamptz not null
    )
    """,
    "create index budget_adjustment_by_slo on budget_adjustment (slo, id)",
    "create index budget_adjustment_by_end on budget_adjustment (valid_until)",
    """
    create table excluding_window (
        name text collate "C" primary key,
        version bigint not null
    )
    """,
    """
    create table budget_exclusion (
        maintenance_window text collate "C" not null references excluding_window (name),
        component text collate "C" not null,
        starts_at timestamptz not null,
        ends_at timestamptz not null,
        reason text not null,
        approver text not null,
        primary key (maintenance_window, component, starts_at)
    )
    """,
    "create index budget_exclusion_by_component on budget_exclusion (component, ends_at)",
    "create index budget_exclusion_by_end on budget_exclusion (ends_at)",
    """
    create table budget_incident (
        incident text collate "C" primary key,
        version bigint not null,
        incident_class text not null,
        cause smallint not null,
        cause_ref text not null,
        components text[] collate "C" not null,
        opened_at timestamptz not null,
        ended_at timestamptz
    )
    """,
    "create index budget_incident_by_opening on budget_incident (opened_at, incident)",
    "create index budget_incident_by_component on budget_incident using gin (components)",
    """
    create table budget_policy (
        revision bigint primary key,
        document jsonb not null,
        author text not null,
        reason text not null,
        created_at timestamptz not null
    )
    """,
    """
    create table budget_state (
        slo text collate "C" not null,
        objective smallint not null,
        version bigint not null,
        step text not null,
        told jsonb not null,
        since timestamptz not null,
        primary key (slo, objective)
    )
    """,
    """
    create table budget_duty (
        slo text collate "C" not null,
        objective smallint not null,
        kind smallint not null,
        about text collate "C" not null,
        raised_at timestamptz not null,
        primary key (slo, objective, kind, about)
    )
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
