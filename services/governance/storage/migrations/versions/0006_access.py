"""The access log: who called what, by the hour."""

from alembic import op

revision = "0006"
down_revision = "0004"

STATEMENTS = (
    """
    create table access_hour (
        hour timestamptz not null,
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
        primary key (hour, source, principal, method, code, reason, peer)
    )
    """,
    "create index access_hour_by_principal on access_hour (principal, hour)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
