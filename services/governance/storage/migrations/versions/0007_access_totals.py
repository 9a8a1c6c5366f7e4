"""Totals of the access log: calls that are alike over all hours kept, in the order they are listed in."""

from alembic import op

revision = "0007"
down_revision = "0006"

STATEMENTS = (
    """
    create table access_total (
        source text not null,
        principal text not null,
        method text not null,
        code text not null,
        reason text not null,
        peer text not null,
        role text not null,
        count bigint not null,
        first_time timestamptz not null,
        last_time timestamptz not null,
        trace_id text not null,
        primary key (source, principal, method, code, reason, peer)
    )
    """,
    "create index access_total_by_time on access_total (last_time desc, source, principal, method, code, reason, peer)",
    """
    insert into access_total
    select source, principal, method, code, reason, peer, max(role), sum(count)::bigint, min(first_time), max(last_time),
           coalesce((array_agg(trace_id order by last_time desc) filter (where trace_id <> ''))[1], '')
    from access_hour group by source, principal, method, code, reason, peer
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
