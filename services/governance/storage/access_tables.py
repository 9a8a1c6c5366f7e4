"""The tables of the access log: calls that are alike, by the hour and over all hours kept."""

from sqlalchemy import BigInteger, Column, DateTime, Index, Table, Text, text

from services.governance.storage.tables import metadata

access_hour = Table(
    "access_hour",
    metadata,
    Column("hour", DateTime(timezone=True), primary_key=True),
    Column("source", Text, primary_key=True),
    Column("principal", Text, primary_key=True),
    Column("method", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("peer", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("first_time", DateTime(timezone=True), nullable=False),
    Column("last_time", DateTime(timezone=True), nullable=False),
    Column("trace_id", Text, nullable=False),
    Index("access_hour_by_principal", "principal", "hour"),
)

# What a list without a time is read from, in its order: the hours would all have to be summed first.
access_total = Table(
    "access_total",
    metadata,
    Column("source", Text, primary_key=True),
    Column("principal", Text, primary_key=True),
    Column("method", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("peer", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("first_time", DateTime(timezone=True), nullable=False),
    Column("last_time", DateTime(timezone=True), nullable=False),
    Column("trace_id", Text, nullable=False),
    Index("access_total_by_time", text("last_time desc"), "source", "principal", "method", "code", "reason", "peer"),
)
