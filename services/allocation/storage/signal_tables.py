"""The tables of what other services told that rules of policies look at."""

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Float, Index, Integer, SmallInteger, Table, Text

from services.allocation.storage.tables import metadata

# How a budget stood when it was last told of on each day: previews look back.
error_budget = Table(
    "error_budget",
    metadata,
    Column("slo", Text, primary_key=True),
    Column("objective", Integer, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("told_at", DateTime(timezone=True), nullable=False),
    Column("component", Text, nullable=False),
    Column("team", Text, nullable=False),
    Column("remaining", Float, nullable=False),
    Column("burn", Float),
    Column("frozen", Boolean, nullable=False),
    Column("cause", SmallInteger, nullable=False),
    Index("error_budget_by_team", "team", "told_at"),
)

component_tier = Table(
    "component_tier",
    metadata,
    Column("component", Text, primary_key=True),
    Column("tier", SmallInteger, nullable=False),
    Column("team", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
)

incident_cause = Table(
    "incident_cause",
    metadata,
    Column("incident", Text, primary_key=True),
    Column("cause", SmallInteger, nullable=False),
    Column("ref", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
)
