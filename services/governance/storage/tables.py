"""The tables of governance."""

from pathlib import Path

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Index, LargeBinary, MetaData, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from shared.storage.tables import add_floor_tables

MIGRATIONS = Path(__file__).parent / "migrations"
metadata = MetaData()
add_floor_tables(metadata)

ledger_entry = Table(
    "ledger_entry",
    metadata,
    # No identity: a rolled-back transaction would leave a gap, and a gap means that somebody removed an entry.
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("event_id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("principal", Text, nullable=False),
    Column("event_time", DateTime(timezone=True), nullable=False),
    Column("record_time", DateTime(timezone=True), nullable=False),
    Column("trace_id", Text, nullable=False),
    Column("payload_hash", LargeBinary, nullable=False),
    Column("previous_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    # The inbox forgets after a while; one entry an event must hold for good.
    Index("ledger_entry_by_event", "source", "event_id", unique=True),
    Index("ledger_entry_by_subject", "subject", "sequence"),
    Index("ledger_entry_by_type", "type", "sequence"),
    Index("ledger_entry_by_trace", "trace_id", "sequence"),
)

# Apart from the entry, so that the ledger stays narrow and a payload could be erased one day while its hash stays.
ledger_payload = Table(
    "ledger_payload",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("payload", LargeBinary, nullable=False),
)

ledger_head = Table(
    "ledger_head",
    metadata,
    Column("id", SmallInteger, CheckConstraint("id = 1", name="ledger_head_is_one_row"), primary_key=True, autoincrement=False),
    Column("entry_count", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
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
