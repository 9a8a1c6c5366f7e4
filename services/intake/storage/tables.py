"""The tables of intake."""

from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Index,
    Integer,
    Interval,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.amendments.tables import add_amendment_tables
from shared.storage.tables import add_floor_tables

MIGRATIONS = Path(__file__).parent / "migrations"
metadata = MetaData()
add_floor_tables(metadata)
add_amendment_tables(metadata)

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
    Column("kind", SmallInteger, nullable=False, server_default=text("1")),
    Column("rule", Text, nullable=False, server_default=text("'default'")),
    Column("rule_revision", BigInteger, nullable=False, server_default=text("0")),
    Column("quiet_period", Interval, nullable=False, server_default=text("'0'")),
    Column("last_started_at", DateTime(timezone=True)),
    Column("shaped", Boolean, nullable=False, server_default=text("false")),
    Column("untold", Boolean, nullable=False, server_default=text("false")),
    Column("mitigated_at", DateTime(timezone=True)),
    Column("merged_into", Uuid),
    Column("declared_by", Text, nullable=False, server_default=text("''")),
    Column("severity", SmallInteger),
    Column("severity_reason", Text, nullable=False, server_default=text("''")),
    Column("severity_set_by", Text, nullable=False, server_default=text("''")),
    Column("severity_set_at", DateTime(timezone=True)),
    Column("cause", SmallInteger),
    Column("cause_confidence", Double),
    Column("cause_ref", Text, nullable=False, server_default=text("''")),
    Column("cause_note", Text, nullable=False, server_default=text("''")),
    Column("attributed_by", Text, nullable=False, server_default=text("''")),
    Column("attributed_at", DateTime(timezone=True)),
    # At most four, read and written only with their incident: within its row a page of incidents stays one read.
    Column("roles", JSONB, nullable=False, server_default=text("'[]'")),
    Index("incident_by_group", "group_key", "opened_at"),
    Index("incident_by_opening", "opened_at", "id"),
    Index("incident_by_state", "state", "opened_at", "id"),
    Index("incident_by_update", "updated_at", "id"),
    Index("incident_by_alert_count", "alert_count", "id"),
    Index("incident_untold", "id", postgresql_where=text("untold")),
)

# The current incident of each group: one row, so that a storm cannot open an incident twice. It stays when the incident resolves,
# and after merges several groups lead to one incident.
incident_group = Table(
    "incident_group",
    metadata,
    Column("group_key", Text, primary_key=True),
    Column("incident_id", Uuid, nullable=False),
    Index("incident_group_by_incident", "incident_id"),
)

# Kept by triggers on incident (see the migration incident_life), for reading only: incidents by component and state, in order.
incident_component = Table(
    "incident_component",
    metadata,
    Column("incident_id", Uuid, primary_key=True),
    Column("component", Text, primary_key=True),
    Column("state", SmallInteger, nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Index("incident_component_by_opening", "component", "state", "opened_at", "incident_id"),
)


def _alert_columns() -> list[Column[Any]]:
    return [
        Column("fingerprint", Uuid, nullable=False),
        Column("id", Uuid, nullable=False),
        Column("incident_id", Uuid),
        Column("disposition", SmallInteger, nullable=False),
        Column("state", SmallInteger, nullable=False),
        Column("starts_at", DateTime(timezone=True), nullable=False),
        Column("ends_at", DateTime(timezone=True)),
        # The begins and ends told of it, where there is more than one of a kind, or an end was taken back; null otherwise.
        Column("starts", ARRAY(DateTime(timezone=True))),
        Column("ends", ARRAY(DateTime(timezone=True))),
        Column("stamp", BigInteger, nullable=False),
        Column("report_count", BigInteger, nullable=False),
        Column("flapping", Boolean, nullable=False, server_default=text("false")),
        Column("inhibits", Boolean, nullable=False, server_default=text("false")),  # an inhibit rule has it as a source
        Column("rule_revision", BigInteger, nullable=False),
        Column("storm_id", Uuid),
        Column("created_at", DateTime(timezone=True), nullable=False),
        Column("updated_at", DateTime(timezone=True), nullable=False),
        Column("source", Text, nullable=False),
        # Documents as text: nothing in the database reads into them on the alert path, and parsing them there costs a fifth of an insert.
        Column("labels", Text, nullable=False),
        Column("annotations", Text, nullable=False),
        Column("generator_url", Text, nullable=False),
        Column("group_key", Text, nullable=False),
        Column("rule", Text, nullable=False),
        Column("mute", Text, nullable=False, server_default=text("''")),
        Column("mute_version", BigInteger, nullable=False, server_default=text("0")),
    ]


# The current alert of each signal, firing or resolved of late. Its size follows what fires, not what ever fired.
alert = Table(
    "alert",
    metadata,
    *_alert_columns(),
    PrimaryKeyConstraint("fingerprint"),
    # No foreign key to incident: it is locked and written in the same transaction, and a check for each of 500 rows costs a third.
    Index("alert_by_id", "id"),
    Index("alert_by_incident", "incident_id", "id"),
    Index("alert_resolved", "ends_at", postgresql_where=text("state = 2")),
    Index("alert_inhibiting", "id", postgresql_where=text("inhibits")),
    Index("alert_apart", "group_key", "starts_at", postgresql_where=text("incident_id is null")),
    Index("alert_muted", "id", postgresql_where=text("disposition = 2")),
)

# Alerts that are over, in partitions by the month of their end: retention drops partitions.
alert_history = Table(
    "alert_history",
    metadata,
    *_alert_columns(),
    Index("alert_history_by_id", "id"),
    Index("alert_history_by_incident", "incident_id", "id"),
    Index("alert_history_apart", "group_key", postgresql_where=text("incident_id is null")),
    Index("alert_history_by_fingerprint", "fingerprint", "starts_at"),
    postgresql_partition_by="RANGE (ends_at)",
)

storm = Table(
    "storm",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("incident_id", Uuid, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Column("last_high_at", DateTime(timezone=True), nullable=False),
    Column("entered_count", BigInteger, nullable=False),
    Index("storm_under_way", text("(true)"), unique=True, postgresql_where=text("ended_at is null")),
)

# How far each stream of reports was taken.
alert_stream = Table(
    "alert_stream",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("source", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Index("alert_stream_by_time", "updated_at"),
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
