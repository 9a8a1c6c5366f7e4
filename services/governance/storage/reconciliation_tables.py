"""The tables of reconciliation: what services say they recorded, and where the ledger does not agree."""

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Index, LargeBinary, SmallInteger, Table, Text, func, text

from services.governance.storage.tables import metadata

# An event that its service says it recorded; kept while it is watched whether the ledger keeps it.
log_claim = Table(
    "log_claim",
    metadata,
    Column("source", Text, primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("data_hash", LargeBinary, nullable=False),
    Column("sequence", BigInteger),  # of the entry; null until it is found
    Column("claimed_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Index("log_claim_open", "claimed_at", postgresql_where=text("sequence is null")),
    Index("log_claim_by_sequence", "sequence"),
)
log_source = Table(
    "log_source",
    metadata,
    Column("source", Text, primary_key=True),
    Column("manifest_number", BigInteger, nullable=False),
    Column("claimed_count", BigInteger, nullable=False),
    # Entries before it are older than what the first manifest speaks of.
    Column("first_sequence", BigInteger, nullable=False),
    Column("manifest_at", DateTime(timezone=True), nullable=False),
)
log_discrepancy = Table(
    "log_discrepancy",
    metadata,
    Column("source", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("found_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
)
# How long the ledger was at a time by the database's clock: a simulated clock dates entries as it likes.
log_mark = Table(
    "log_mark",
    metadata,
    Column("marked_at", DateTime(timezone=True), primary_key=True, server_default=func.clock_timestamp()),
    Column("sequence", BigInteger, nullable=False),
)
log_reconciler = Table(
    "log_reconciler",
    metadata,
    Column("id", SmallInteger, CheckConstraint("id = 1", name="log_reconciler_is_one_row"), primary_key=True, autoincrement=False),
    Column("manifests_through", BigInteger, nullable=False),  # sequence
    Column("entries_through", BigInteger, nullable=False),  # sequence
    Column("claims_through", BigInteger, nullable=False),  # sequence, of those looked at again
    # Sequence: entries up to it are older than the rule that every service must say what it recorded.
    Column("former_through", BigInteger, nullable=False, server_default="0"),
)
