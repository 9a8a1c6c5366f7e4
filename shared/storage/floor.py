"""The tables every service has, as DDL for its first migration. A later change of the floor is another function, never an edit."""

from collections.abc import Callable

FLOOR_V1 = (
    """
    create table outbox (
        position bigint generated always as identity primary key,
        id uuid not null unique,
        aggregatetype text not null,
        aggregateid text not null,
        type text not null,
        payload bytea not null,
        aggregate_version bigint not null,
        headers jsonb not null,
        event_time timestamptz not null,
        recorded_at timestamptz not null default clock_timestamp(),
        transaction_id xid8 not null default pg_current_xact_id()
    )
    """,
    "create index outbox_by_transaction on outbox (transaction_id, position)",
    """
    create table inbox (
        source text not null,
        id text not null,
        outcome smallint not null,
        received_at timestamptz not null default clock_timestamp(),
        primary key (source, id)
    )
    """,
    "create index inbox_by_time on inbox (received_at)",
    """
    create table request (
        request_id uuid primary key,
        method text not null,
        body_hash bytea not null,
        response bytea,
        created_at timestamptz not null default clock_timestamp()
    )
    """,
    "create index request_by_time on request (created_at)",
)


def create_floor_v1(execute: Callable[[str], object]) -> None:
    """Creates outbox, inbox and request tables; `execute` is Alembic's `op.execute`."""
    for statement in FLOOR_V1:
        execute(statement)
