"""The tables of indicator series and error budgets."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.triage.storage.tables import metadata
from shared.revisions import revision_table

# What is counted of an SLO: its events, and slices of time where a budget counts those. Minutes are counted from 1970 on.
sli_series = Table(
    "sli_series",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("slo", Text(collation="C"), nullable=False),
    Column("slicing", Text(collation="C"), nullable=False),
    Column("component", Text, nullable=False),
    Column("first_minute", Integer),
    Column("newest_minute", Integer),
    UniqueConstraint("slo", "slicing"),
)

# All that was counted up to the end of a minute: what came between two times is a difference, whatever lies between them, and to
# keep less detail of the past is to delete rows.
sli_point = Table(
    "sli_point",
    metadata,
    Column("series", Integer, primary_key=True, autoincrement=False),
    Column("minute", Integer, primary_key=True, autoincrement=False),
    Column("good", Double, nullable=False),
    Column("total", Double, nullable=False),
)

# Samples as sent, for as long as others may come before them.
sli_sample = Table(
    "sli_sample",
    metadata,
    Column("series", Integer, primary_key=True, autoincrement=False),
    Column("source", Text(collation="C"), primary_key=True),
    Column("at", DateTime(timezone=True), primary_key=True),
    Column("good", Double, nullable=False),
    Column("total", Double, nullable=False),
    Column("is_reset", Boolean, nullable=False),
)

budget_adjustment = Table(
    "budget_adjustment",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("slo", Text(collation="C"), nullable=False),
    Column("objective", SmallInteger, nullable=False),
    Column("amount", Double, nullable=False),
    Column("unit", SmallInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("approver", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("valid_from", DateTime(timezone=True), nullable=False),
    Column("valid_until", DateTime(timezone=True), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Index("budget_adjustment_by_slo", "slo", "id"),
    Index("budget_adjustment_by_end", "valid_until"),
)

# Planned work as intake tells of it: the version held of each window, and when components are out of their budgets because of it.
excluding_window = Table(
    "excluding_window",
    metadata,
    Column("name", Text(collation="C"), primary_key=True),
    Column("version", BigInteger, nullable=False),
)
# An empty component stands for those that `chosen_by`, a selection, covers: also such as come to be known later.
budget_exclusion = Table(
    "budget_exclusion",
    metadata,
    Column("maintenance_window", Text(collation="C"), ForeignKey("excluding_window.name"), primary_key=True),
    Column("component", Text(collation="C"), primary_key=True),
    Column("starts_at", DateTime(timezone=True), primary_key=True),
    Column("ends_at", DateTime(timezone=True), nullable=False),
    Column("reason", Text, nullable=False),
    Column("approver", Text, nullable=False),
    Column("chosen_by", JSONB(none_as_null=True)),
    Index("budget_exclusion_by_component", "component", "ends_at"),
    Index("budget_exclusion_by_end", "ends_at"),
)

# What budgets need to know of incidents: when, whose, and why.
budget_incident = Table(
    "budget_incident",
    metadata,
    Column("incident", Text(collation="C"), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("incident_class", Text, nullable=False),
    Column("class_title", Text, nullable=False, server_default=text("''")),
    Column("cause", SmallInteger, nullable=False),
    Column("cause_ref", Text, nullable=False),
    Column("components", ARRAY(Text(collation="C")), nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Index("budget_incident_by_opening", "opened_at", "incident"),
    Index("budget_incident_by_component", "components", postgresql_using="gin"),
)

budget_policy = revision_table("budget_policy", metadata)

# The step each budget is in, and its last rest told to others.
budget_state = Table(
    "budget_state",
    metadata,
    Column("slo", Text(collation="C"), primary_key=True),
    Column("objective", SmallInteger, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("step", Text, nullable=False),
    Column("told", JSONB, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
)

# Duties raised, so that each is raised once.
budget_duty = Table(
    "budget_duty",
    metadata,
    Column("slo", Text(collation="C"), primary_key=True),
    Column("objective", SmallInteger, primary_key=True),
    Column("kind", SmallInteger, primary_key=True),
    Column("about", Text(collation="C"), primary_key=True),
    Column("raised_at", DateTime(timezone=True), nullable=False),
)
