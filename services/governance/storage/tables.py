"""The tables of governance."""

from pathlib import Path

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Index, LargeBinary, MetaData, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from shared.storage.tables import add_floor_tables

MIGRATIONS = Path(__file__).parent / "migrations"
metadata = MetaData()
add_floor_tables(metadata)

log_entry = Table(
    "log_entry",
    metadata,
    # No identity: a rolled-back transaction would leave a gap, and a gap means that somebody removed an entry.
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("event_id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("trace_id", Text, nullable=False),
    Column("record_time", DateTime(timezone=True), nullable=False),
    # What is hashed; the columns before it only find it. Gone once it is sealed.
    Column("leaf", Text),
    # The content, gone once it is erased.
    Column("salt", LargeBinary),
    Column("principal", Text),
    Column("reason", Text),
    Column("payload", LargeBinary),
    Column("erased_at", DateTime(timezone=True)),
    CheckConstraint(
        "num_nulls(salt, principal, reason, payload) = case when erased_at is null and leaf is not null then 0 else 4 end",
        name="log_entry_is_whole_or_erased",
    ),
    # No inbox forgets here: one entry an event must hold for good.
    Index("log_entry_by_event", "source", "event_id", unique=True),
    Index("log_entry_by_subject", "subject", "sequence"),
    Index("log_entry_by_type", "type", "sequence"),
    Index("log_entry_by_trace", "trace_id", "sequence"),
    Index("log_entry_by_principal", "principal", "sequence"),
)

# The hashes of the tree, every eighth level; the last tile of a level grows.
log_tile = Table(
    "log_tile",
    metadata,
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),
)

log_head = Table(
    "log_head",
    metadata,
    Column("id", SmallInteger, CheckConstraint("id = 1", name="log_head_is_one_row"), primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("peaks", LargeBinary, nullable=False),
)

# Every checkpoint that was ever signed: what the ledger must stay true to.
log_checkpoint = Table(
    "log_checkpoint",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", Text, nullable=False),
    Column("signed_at", DateTime(timezone=True), nullable=False),
)

# Stretches of entries whose leaves and contents were given away.
log_segment = Table(
    "log_segment",
    metadata,
    Column("first_sequence", BigInteger, nullable=False),
    Column("last_sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("sealed_at", DateTime(timezone=True), nullable=False),
)

log_key = Table(
    "log_key",
    metadata,
    Column("verifier_key", Text, primary_key=True),
    Column("first_used_at", DateTime(timezone=True), nullable=False),
)

lineage_node = Table(
    "lineage_node",
    metadata,
    Column("name", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("title_version", BigInteger, nullable=False),
)

lineage_edge = Table(
    "lineage_edge",
    metadata,
    Column("from_name", Text, primary_key=True),
    Column("to_name", Text, primary_key=True),
    Column("relation", Text, primary_key=True),
    Column("attributes", JSONB, nullable=False),
    Column("trace_id", Text, nullable=False),
    Column("ledger_sequence", BigInteger, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Index("lineage_edge_upstream", "to_name", "from_name"),
)
