"""Reconciliation: what services say they recorded, and where the ledger does not agree."""

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = (
    """
    create table log_claim (
        source text not null,
        event_id text not null,
        data_hash bytea not null,
        sequence bigint,
        claimed_at timestamptz not null default clock_timestamp(),
        primary key (source, event_id)
    )
    """,
    "create index log_claim_open on log_claim (claimed_at) where sequence is null",
    "create index log_claim_by_sequence on log_claim (sequence)",
    """
    create table log_source (
        source text primary key,
        manifest_number bigint not null,
        claimed_count bigint not null,
        first_sequence bigint not null,
        manifest_at timestamptz not null
    )
    """,
    """
    create table log_discrepancy (
        source text not null,
        kind text not null,
        event_id text not null,
        sequence bigint not null,
        found_at timestamptz not null default clock_timestamp(),
        primary key (source, kind, event_id)
    )
    """,
    "create table log_mark (marked_at timestamptz primary key default clock_timestamp(), sequence bigint not null)",
    """
    create table log_reconciler (
        id smallint primary key constraint log_reconciler_is_one_row check (id = 1),
        manifests_through bigint not null,
        entries_through bigint not null,
        claims_through bigint not null
    )
    """,
    "insert into log_reconciler (id, manifests_through, entries_through, claims_through) values (1, 0, 0, 0)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
