"""The tables of allocation."""

from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    DateTime,
    Identity,
    Index,
    Integer,
    MetaData,
    Numeric,
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

team = Table(
    "team",
    metadata,
    Column("name", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("members", JSONB, nullable=False),
    Column("sprint_days", Integer, nullable=False),
    Column("first_sprint_at", DateTime(timezone=True), nullable=False),
    Column("policy", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    # For who else has a person, and who works by a calendar.
    Index("team_by_member", "members", postgresql_using="gin", postgresql_ops={"members": "jsonb_path_ops"}),
)

roadmap_item = Table(
    "roadmap_item",
    metadata,
    Column("name", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("team", Text, nullable=False),
    Column("effort_hours", Numeric, nullable=False),
    Column("recorded_hours", Numeric, nullable=False),
    Column("cost_of_delay_per_week", Numeric, nullable=False),
    Column("currency", Text, nullable=False),
    Column("dependencies", ARRAY(Text), nullable=False),
    Column("due_at", DateTime(timezone=True)),
    Column("protected", Boolean, nullable=False),
    Column("stage", SmallInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("details", JSONB, nullable=False, server_default=text("'{}'")),
    Index("roadmap_item_by_team", "team", "name"),
)

# One row for each revision: what a decision was made under stays readable for good.
allocation_policy = Table(
    "allocation_policy",
    metadata,
    Column("name", Text, primary_key=True),
    Column("revision", BigInteger, primary_key=True),
    Column("document", JSONB, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

# What is known of an incident: its newest assessment, no more.
incident_fact = Table(
    "incident_fact",
    metadata,
    Column("incident", Text, primary_key=True),
    Column("assessment", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("resolved_at", DateTime(timezone=True)),
    Column("teams", ARRAY(Text), nullable=False),
    Column("trace_id", Text, nullable=False),
    Column("span_id", Text, nullable=False),
    Column("components", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("loss_amount", Numeric),
    Column("loss_currency", Text, nullable=False, server_default=text("''")),
    Index("incident_fact_by_team", "teams", postgresql_using="gin"),
)

decision = Table(
    "decision",
    metadata,
    # Decisions of one team are made one after the other, so its newest has the highest position, whatever the clock said.
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("id", Uuid, nullable=False, unique=True),
    Column("team", Text, nullable=False),
    Column("sprint_number", Integer, nullable=False),
    Column("sprint_begin_at", DateTime(timezone=True), nullable=False),
    Column("trigger", SmallInteger, nullable=False),
    Column("assessment", Text, nullable=False),
    Column("outcome", SmallInteger, nullable=False),
    Column("fired", Boolean, nullable=False),
    Column("before", JSONB),
    Column("after", JSONB, nullable=False),
    Column("inputs", JSONB, nullable=False),
    Column("terms", JSONB, nullable=False),
    Column("requested_share", Integer, nullable=False),
    Column("bounds", JSONB, nullable=False),
    Column("incidents", JSONB, nullable=False),
    Column("impact", JSONB, nullable=False),
    Column("explanation", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("policy_revision", BigInteger, nullable=False),
    Column("formula_version", Text, nullable=False),
    Column("trace_id", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("state", SmallInteger, nullable=False, server_default=text("2")),
    Column("state_reason", Text, nullable=False, server_default=text("''")),
    Column("state_version", BigInteger, nullable=False, server_default=text("1")),
    Column("author", Text, nullable=False, server_default=text("''")),
    Column("grounds", JSONB, nullable=False, server_default=text("'[]'")),
    Column("approval", Text, nullable=False, server_default=text("''")),
    Column("requester", Text, nullable=False, server_default=text("''")),
    Column("rolls_back", Text, nullable=False, server_default=text("''")),
    Column("in_force_at", DateTime(timezone=True)),
    Column("rules", JSONB, nullable=False, server_default=text("'[]'")),
    # Of those that came in force the order in which they did: some waited for approvers.
    Column("force_position", BigInteger, server_default=text("nextval('decision_force')")),
    Index("decision_by_team", "team", "position"),
    Index("decision_by_force", "team", "force_position"),
    Index("decision_waiting", "team", postgresql_where=text("state = 1")),
    Index("decision_by_approval", "approval", postgresql_where=text("approval <> ''")),
    Index("decision_by_time", "team", "created_at"),
    Index("decision_by_assessment", "assessment", "position"),
    # One decision for each beginning of a sprint, however many replicas look at the clock.
    Index("decision_once_a_sprint", "team", "sprint_begin_at", unique=True, postgresql_where=text("trigger = 1")),
)

WORK_CLASS = "case when incident <> '' then 1 when roadmap_item <> '' then 2 else category_class end"
work_record = Table(
    "work_record",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("team", Text, nullable=False),
    Column("member", Text, nullable=False),
    Column("incident", Text, nullable=False),
    Column("roadmap_item", Text, nullable=False),
    Column("hours", Numeric, nullable=False),
    Column("worked_at", DateTime(timezone=True), nullable=False),
    Column("note", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("category", Text, nullable=False, server_default=text("''")),
    Column("category_class", SmallInteger, nullable=False, server_default=text("0")),
    Column("work_class", SmallInteger, Computed(WORK_CLASS, persisted=True)),
    # What takes a record back has its hours below zero: every sum follows by itself.
    Column("reverses", Uuid),
    Column("replaces", Uuid),
    Column("correction_reason", Text, nullable=False, server_default=text("''")),
    Column("author", Text, nullable=False, server_default=text("''")),
    Index("work_record_by_team", "team", "worked_at", "id"),
    Index("work_record_reversal", "reverses", unique=True, postgresql_where=text("reverses is not null")),
)
