"""The tables of grouping: revisions of the rules, what each rule did, and who depends on whom."""

from sqlalchemy import BigInteger, Column, DateTime, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

from services.intake.storage.tables import metadata

grouping_rules = Table(
    "grouping_rules",
    metadata,
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("yaml", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("restored_revision", BigInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

# Of the rules in force, by name and digest: a rule that stays as it is keeps its counts through revisions.
grouping_rule_use = Table(
    "grouping_rule_use",
    metadata,
    Column("rule", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("matched", BigInteger, nullable=False),
    Column("last_matched_at", DateTime(timezone=True)),
    Column("failed", BigInteger, nullable=False),
    Column("last_failed_at", DateTime(timezone=True)),
    Column("failure", Text, nullable=False),
)

component_dependency = Table(
    "component_dependency",
    metadata,
    Column("component", Text, primary_key=True),
    Column("dependencies", ARRAY(Text), nullable=False),
    Column("version", BigInteger, nullable=False),
)
