"""The tables of playbook."""

from pathlib import Path

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Identity, Index, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSON

from shared.storage.tables import add_floor_tables

MIGRATIONS = Path(__file__).parent / "migrations"
metadata = MetaData()
add_floor_tables(metadata)

# Facts are json and not jsonb: they quote text from outside, and jsonb refuses U+0000.
incident = Table(
    "incident",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("incident", JSON(none_as_null=True)),
    Column("assessment", JSON(none_as_null=True)),
    # The assessment's name, so that a decision that knows only the assessment finds its incident.
    Column("assessment_name", Text, unique=True),
)

decision = Table(
    "decision",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("assessment_name", Text, nullable=False),
    # Absent while the decision waits for the assessment that says which incident it is about.
    Column("incident_id", Uuid),
    Column("decision", JSON, nullable=False),
    Index("decision_by_incident", "incident_id"),
    Index("decision_by_assessment", "assessment_name"),
)

template_version = Table(
    "template_version",
    metadata,
    Column("template", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("content_hash", Text, nullable=False),
    Column("first_rendered_at", DateTime(timezone=True), nullable=False),
)

bundle = Table(
    "bundle",
    metadata,
    # The order of storing: ids made at one instant of a simulated clock do not sort.
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("id", Uuid, nullable=False, unique=True),
    Column("incident_id", Uuid, nullable=False),
    Column("template", Text, nullable=False),
    Column("template_version", Text, nullable=False),
    Column("template_hash", Text, nullable=False),
    Column("inputs_digest", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("assessment", Text, nullable=False),
    Column("assessment_revision", BigInteger, nullable=False),
    Column("decision", Text, nullable=False),
    Column("policy_revision", BigInteger, nullable=False),
    Column("fact_trace_id", Text, nullable=False),
    Column("trace_id", Text, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("supersedes", Uuid),
    Column("created_at", DateTime(timezone=True), nullable=False),
    # The same template version and inputs for the same reason are the same bundle.
    Index("bundle_once", "incident_id", "template", "template_version", "inputs_digest", "trigger", unique=True),
    Index("bundle_by_incident", "incident_id", "position"),
    Index("bundle_by_decision", "decision", "position"),
)

bundle_file = Table(
    "bundle_file",
    metadata,
    Column("bundle_id", Uuid, ForeignKey("bundle.id"), primary_key=True),
    Column("path", Text, primary_key=True),
    Column("content", Text, nullable=False),
)
