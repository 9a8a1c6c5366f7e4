"""The tables of the other ways in: changes and what they are evidence of, heartbeats, and events already published."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Interval, SmallInteger, Table, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.intake.storage.tables import metadata

change = Table(
    "change",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("components", ARRAY(Text), nullable=False),
    Column("environment", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("artifact", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("finished_at", DateTime(timezone=True)),
    Column("over_at", DateTime(timezone=True), nullable=False),
    Column("outcome", SmallInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Index("change_by_key", "source", "key", unique=True),
    Index("change_by_start", "started_at", "id"),
    Index("change_by_end", "over_at"),
    Index("change_by_update", "updated_at"),
    Index("change_by_component", "components", postgresql_using="gin"),
)

# Beside the array of the change: which of a component's changes went on at a time is asked for every incident that opens. The key has
# the component last, so that there is one index alone to ask, whatever the planner knows.
change_component = Table(
    "change_component",
    metadata,
    Column("change_id", Uuid, primary_key=True),
    Column("component", Text, primary_key=True),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("over_at", DateTime(timezone=True), nullable=False),
    Index("change_component_by_end", "component", "over_at"),
)

# Which changes an incident was told of, so that each is told once.
incident_change = Table(
    "incident_change",
    metadata,
    Column("incident_id", Uuid, primary_key=True),
    Column("change_id", Uuid, primary_key=True),
)

heartbeat = Table(
    "heartbeat",
    metadata,
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("interval", Interval, nullable=False),
    Column("grace", Interval, nullable=False),
    Column("component", Text, nullable=False),
    Column("labels", JSONB, nullable=False),
    Column("annotations", JSONB, nullable=False),
    Column("is_paused", Boolean, nullable=False),
    Column("waits_since", DateTime(timezone=True), nullable=False),
    Column("last_beat_at", DateTime(timezone=True)),
    Column("firing_since", DateTime(timezone=True)),
    Column("is_told", Boolean, nullable=False),
    Column("is_removed", Boolean, nullable=False),
    Column("overdue_at", DateTime(timezone=True), nullable=False),
    Column("check_at", DateTime(timezone=True)),
    # By the database's clock, which all replicas share.
    Column("leased_until", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Index("heartbeat_by_check", "check_at", postgresql_where=text("check_at is not null")),
)

published_event = Table(
    "published_event",
    metadata,
    Column("source", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("disposition", SmallInteger, nullable=False),
    Column("resource", Text, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Index("published_event_by_time", "received_at"),
)
