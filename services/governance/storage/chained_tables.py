"""The chained ledger that was before the tree: kept as it is, for whoever holds one of its hashes; nothing reads it."""

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Index, LargeBinary, SmallInteger, Table, Text

from services.governance.storage.tables import metadata

ledger_entry = Table(
    "ledger_entry",
    metadata,
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
    Index("ledger_entry_by_event", "source", "event_id", unique=True),
    Index("ledger_entry_by_subject", "subject", "sequence"),
    Index("ledger_entry_by_type", "type", "sequence"),
    Index("ledger_entry_by_trace", "trace_id", "sequence"),
)
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
