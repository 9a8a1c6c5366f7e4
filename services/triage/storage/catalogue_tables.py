"""The tables of the catalogue beside its components: their revisions, systems, groups, and the version of it all."""

from sqlalchemy import BigInteger, Column, DateTime, Index, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from services.triage.storage.tables import metadata

# Every version of every component, the newest too; what was deleted stays here.
component_revision = Table(
    "component_revision",
    metadata,
    Column("name", Text(collation="C"), primary_key=True),
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("document", JSONB, nullable=False),  # a row of `component`
    Column("change", SmallInteger, nullable=False),
    Column("author", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("catalogue_version", BigInteger, nullable=False),  # of the change that made it
    Index("component_revision_by_version", "catalogue_version"),
)

system = Table(
    "system",
    metadata,
    Column("name", Text(collation="C"), primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("owner_team", Text, nullable=False),
    Column("domain", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Index("system_by_owner", "owner_team", "name"),
)

organisation_group = Table(
    "organisation_group",
    metadata,
    Column("name", Text(collation="C"), primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("parent", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)

# One row, moved on by every change of a component in its transaction: by it a replica knows whether the graph it holds is the newest.
catalogue_version = Table("catalogue_version", metadata, Column("version", BigInteger, primary_key=True, autoincrement=False))
