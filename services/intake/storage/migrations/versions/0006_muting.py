"""Silences, maintenance windows and inhibit rules, each with its versions."""

from alembic import op

revision = "0006"
down_revision = "0005"

_CHANGE = """
    change smallint not null,
    changed_by text not null,
    change_reason text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
"""
_SILENCE = f"""
    matchers jsonb not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    reason text not null,
    author text not null,
    {_CHANGE}
"""
_WINDOW = f"""
    matchers jsonb not null,
    starts_at timestamp not null,
    time_zone text not null,
    duration interval not null,
    rrule text not null,
    reason text not null,
    approver text not null,
    author text not null,
    cancelled_at timestamptz,
    first_at timestamptz not null,
    ends_at timestamptz not null,
    {_CHANGE}
"""


def upgrade() -> None:
    op.execute("create table if not exists routing_version (kind text primary key, version bigint not null)")
    op.execute("insert into routing_version (kind, version) values ('mutes', 1) on conflict do nothing")
    for name, columns in (("silence", _SILENCE), ("maintenance_window", _WINDOW)):
        op.execute(f"create table {name} (id uuid primary key, version bigint not null, {columns})")
        op.execute(f"create index {name}_by_end on {name} (ends_at)")
        op.execute(f"create table {name}_version (id uuid not null, version bigint not null, {columns}, primary key (id, version))")
    op.execute(
        """
        create table inhibit_rules (
            revision bigint primary key,
            rules jsonb not null,
            author text not null,
            reason text not null,
            created_at timestamptz not null
        )
        """
    )
