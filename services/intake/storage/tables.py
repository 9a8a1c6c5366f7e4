"""The tables of intake."""

from pathlib import Path

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, MetaData, SmallInteger, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.storage.tables import add_floor_tables

MIGRATIONS = Path(__file__).parent / "migrations"
metadata = MetaData()
add_floor_tables(metadata)

incident = Table(
    "incident",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("group_key", Text, nullable=False),
    Column("group_labels", JSONB, nullable=False),
    Column("components", ARRAY(Text), nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("acknowledged_at", DateTime(timezone=True)),
    Column("resolved_at", DateTime(timezone=True)),
    Column("last_ended_at", DateTime(timezone=True)),
    Column("alert_count", Integer, nullable=False),
    Column("firing_count", Integer, nullable=False),
    Column("evidence", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    # One open incident a group: the rule that keeps a storm from opening the same incident twice.
    Index("incident_open_by_group", "group_key", unique=True, postgresql_where=text("state <> 3")),
    Index("incident_by_opening", "opened_at", "id"),
    Index("incident_by_update", "updated_at", "id"),
    Index("incident_by_alert_count", "alert_count", "id"),
    Index("incident_by_component", "components", postgresql_using="gin"),
)

alert = Table(
    "alert",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("incident_id", Uuid, nullable=False),
    Column("fingerprint", Uuid, nullable=False),
    Column("source", Text, nullable=False),
    Column("labels", JSONB, nullable=False),
    Column("annotations", JSONB, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True)),
    Column("generator_url", Text, nullable=False),
    Column("report_count", BigInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    # No foreign key to incident: it is locked and written in the same transaction, and a check for each of 500 rows costs a third.
    Index("alert_by_fingerprint", "fingerprint", "starts_at", unique=True),
    Index("alert_by_incident", "incident_id", "id"),
)

timeline_entry = Table(
    "timeline_entry",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("incident_id", Uuid, nullable=False),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("text", Text, nullable=False),
    Column("evidence_url", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Index("timeline_by_incident", "incident_id", "occurred_at", "id"),
)
