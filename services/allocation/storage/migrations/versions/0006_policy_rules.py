"""What rules of policies look at and remember: causes of incidents, error budgets, tiers of components, rules that hold."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("alter table decision add column rules jsonb not null default '[]'")
    op.execute(
        """
        alter table incident_fact
            add column components text[] not null default '{}',
            add column loss_amount numeric,
            add column loss_currency text not null default ''
        """
    )
    op.execute(
        """
        create table error_budget (
            slo text not null, objective integer not null, day date not null, told_at timestamptz not null,
            component text not null, team text not null, remaining double precision not null, burn double precision,
            frozen boolean not null, cause smallint not null, primary key (slo, objective, day)
        )
        """
    )
    op.execute("create index error_budget_by_team on error_budget (team, told_at)")
    op.execute(
        "create table component_tier (component text primary key, tier smallint not null, team text not null, version bigint not null)"
    )
    op.execute(
        "create table incident_cause (incident text primary key, cause smallint not null, ref text not null, version bigint not null)"
    )
