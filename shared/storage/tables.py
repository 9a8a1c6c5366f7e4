"""The tables every service has beside its own: outbox, inbox, and the answers already given by request_id."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import UserDefinedType


class TransactionId(UserDefinedType[int]):
    """xid8: the number of the transaction that wrote a row; never wraps."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "xid8"


def outbox_table(metadata: MetaData) -> Table:
    """Events as recorded; `id, aggregatetype, aggregateid, type, payload` are what Debezium's outbox event router reads."""
    return Table(
        "outbox",
        metadata,
        Column("position", BigInteger, Identity(always=True), primary_key=True),
        Column("id", Uuid, nullable=False, unique=True),
        Column("aggregatetype", Text, nullable=False),
        Column("aggregateid", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("payload", LargeBinary, nullable=False),
        Column("aggregate_version", BigInteger, nullable=False),
        Column("headers", JSONB, nullable=False),
        Column("event_time", DateTime(timezone=True), nullable=False),
        Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
        # Readers that follow the outbox go by (transaction, position) below the oldest transaction still running: a sequence
        # alone would skip rows of transactions that commit late.
        Column("transaction_id", TransactionId, nullable=False, server_default=text("pg_current_xact_id()")),
        Index("outbox_by_transaction", "transaction_id", "position"),
    )


def inbox_table(metadata: MetaData) -> Table:
    """Events already taken, so that a repeat changes nothing."""
    return Table(
        "inbox",
        metadata,
        Column("source", Text, primary_key=True),
        Column("id", Text, primary_key=True),
        Column("outcome", SmallInteger, nullable=False),
        Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
        Index("inbox_by_time", "received_at"),
    )


def request_table(metadata: MetaData) -> Table:
    """Answers already given, by request_id."""
    return Table(
        "request",
        metadata,
        Column("request_id", Uuid, primary_key=True),
        Column("method", Text, nullable=False),
        Column("body_hash", LargeBinary, nullable=False),
        Column("response", LargeBinary),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
        Index("request_by_time", "created_at"),
    )


def add_floor_tables(metadata: MetaData) -> None:
    """Adds the tables every service has to a service's own metadata."""
    outbox_table(metadata)
    inbox_table(metadata)
    request_table(metadata)
