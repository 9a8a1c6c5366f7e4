"""The tables of triage."""

from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.amendments.tables import add_amendment_tables
from shared.revisions import revision_table
from shared.storage.tables import add_floor_tables

MIGRATIONS = Path(__file__).parent / "migrations"
metadata = MetaData()
add_floor_tables(metadata)
add_amendment_tables(metadata)

component = Table(
    "component",
    metadata,
    # Byte order: pages by name are the same on every machine.
    Column("name", Text(collation="C"), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("owner_team", Text, nullable=False),
    Column("tier", SmallInteger),
    Column("revenue_amount", Numeric),
    Column("revenue_currency", Text),
    Column("dependencies", ARRAY(Text(collation="C")), nullable=False),
    Column("users", BigInteger),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    # With defaults for code of before there were these columns, which runs beside this while it is rolled out.
    Column("system", Text, nullable=False, server_default=""),
    Column("lifecycle", Text, nullable=False, server_default=""),
    Column("namespace", Text, nullable=False, server_default=""),
    Column("labels", JSONB, nullable=False, server_default="{}"),
    Column("resources", ARRAY(Text), nullable=False, server_default="{}"),
    Column("business_hours", JSONB),
    Column("severity_floors", Text, nullable=False, server_default=text("''")),  # as people write them
    Index("component_by_owner", "owner_team", "name"),
    # Answers who needs a component, which is asked at each step backwards through the graph.
    Index("component_by_dependency", "dependencies", postgresql_using="gin"),
)

severity_matrix = revision_table("severity_matrix", metadata)
gating_rules = revision_table("gating_rules", metadata)

# One row an incident, with what lists are filtered by, at the newest revision.
assessment = Table(
    "assessment",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("incident", Text, nullable=False, unique=True),
    Column("incident_version", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("incident_state", SmallInteger, nullable=False),
    Column("teams", ARRAY(Text), nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("snapshot", JSONB),  # the incident as it was assessed; null for what was assessed before it was kept
    Column("human_override", JSONB),
    Column("loss_per_hour", Numeric),  # in the currency of the settings; null where unknown or in another
    Column("component_names", ARRAY(Text), nullable=False, server_default=text("'{}'")),  # known ones and others
    Column("class", Text, nullable=False, server_default=text("''"), key="class_"),
    Column("title", Text, nullable=False, server_default=text("''")),
    Column("resolved_at", DateTime(timezone=True)),
    Column("merged", Boolean, nullable=False, server_default=text("false")),  # counted with the incident it went into
    Column("restore_target_seconds", Double),  # null for what was assessed before it was kept
    Index("assessment_open", "incident", postgresql_where=text("incident_state <> 3")),
    Index("assessment_by_class", "class_", "opened_at"),
    Index("assessment_by_loss", text("coalesce(-loss_per_hour, 1)"), "severity", "opened_at", "id"),
    Index("assessment_open_by_component", "component_names", postgresql_using="gin", postgresql_where=text("incident_state <> 3")),
    Index("assessment_by_opening", "opened_at", "id"),
    Index("assessment_by_team", "teams", postgresql_using="gin"),
)

assessment_revision = Table(
    "assessment_revision",
    metadata,
    Column("assessment_id", Uuid, ForeignKey("assessment.id"), primary_key=True),
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("finding", JSONB, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("trace_id", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("differences", JSONB, nullable=False, server_default=text("'[]'")),
)

# Every severity a person gave, or took back.
human_override = Table(
    "human_override",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("incident", Text, nullable=False),
    Column("assessment_revision", BigInteger, nullable=False),
    Column("assessed_severity", SmallInteger, nullable=False),
    Column("severity", SmallInteger),  # null: taken back
    Column("reason", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Index("human_override_by_incident", "incident", "id"),
)

# That an incident is about to miss its time to restore: told once for each target.
escalation = Table(
    "escalation",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("incident", Text, nullable=False),
    Column("target_at", DateTime(timezone=True), nullable=False),
    Column("assessment_id", Uuid, nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("chance", Double),  # null where it cannot be told
    Column("chance_low", Double),
    Column("chance_high", Double),
    Column("history_count", BigInteger, nullable=False),
    Column("censored_count", BigInteger, nullable=False),
    Column("cannot_tell", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("incident", "target_at"),
)
