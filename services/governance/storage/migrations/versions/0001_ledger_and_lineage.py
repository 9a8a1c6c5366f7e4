"""The ledger, its guards, and the lineage."""

from alembic import op

from shared.storage.floor import create_floor_v1

revision = "0001"
down_revision = None

LEDGER = (
    """
    create table ledger_entry (
        sequence bigint primary key,
        event_id text not null,
        source text not null,
        type text not null,
        subject text not null,
        principal text not null,
        event_time timestamptz not null,
        record_time timestamptz not null,
        trace_id text not null,
        payload_hash bytea not null,
        previous_hash bytea not null,
        hash bytea not null
    )
    """,
    "create unique index ledger_entry_by_event on ledger_entry (source, event_id)",
    "create index ledger_entry_by_subject on ledger_entry (subject, sequence)",
    "create index ledger_entry_by_type on ledger_entry (type, sequence)",
    "create index ledger_entry_by_trace on ledger_entry (trace_id, sequence)",
    "create table ledger_payload (sequence bigint primary key, payload bytea not null)",
    """
    create table ledger_head (
        id smallint primary key constraint ledger_head_is_one_row check (id = 1),
        entry_count bigint not null,
        hash bytea not null
    )
    """,
    "insert into ledger_head (id, entry_count, hash) values (1, 0, decode(repeat('00', 32), 'hex'))",
)

# Defence in depth only: whoever owns the tables can take the guards away, and then the chain still shows what was done.
GUARDS = (
    """
    create function refuse_ledger_change() returns trigger language plpgsql as $$
    begin
        raise exception '% of % is refused: the ledger only grows', tg_op, tg_table_name using errcode = 'restrict_violation';
    end
    $$
    """,
    """
    create trigger ledger_entry_only_grows before update or delete or truncate on ledger_entry
    for each statement execute function refuse_ledger_change()
    """,
    """
    create trigger ledger_payload_only_grows before update or delete or truncate on ledger_payload
    for each statement execute function refuse_ledger_change()
    """,
    """
    create trigger ledger_head_stays before delete or truncate on ledger_head
    for each statement execute function refuse_ledger_change()
    """,
)

LINEAGE = (
    """
    create table lineage_node (
        name text primary key,
        kind text not null,
        title text not null,
        title_version bigint not null
    )
    """,
    """
    create table lineage_edge (
        from_name text not null,
        to_name text not null,
        relation text not null,
        attributes jsonb not null,
        trace_id text not null,
        ledger_sequence bigint not null,
        create_time timestamptz not null,
        primary key (from_name, to_name, relation)
    )
    """,
    "create index lineage_edge_upstream on lineage_edge (to_name, from_name)",
)


def upgrade() -> None:
    create_floor_v1(op.execute)
    for statement in (*LEDGER, *GUARDS, *LINEAGE):
        op.execute(statement)
