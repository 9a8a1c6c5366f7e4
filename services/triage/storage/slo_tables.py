"""The tables of SLOs: each at its newest revision and at every one, with the documents they came from and refer to."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, DateTime, Index, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.triage.storage.tables import metadata

# Documents are JSON, not JSONB: that would lose the order of their fields and the difference between 1 and 1.0.
slo = Table(
    "slo",
    metadata,
    Column("name", Text(collation="C"), primary_key=True),
    Column("component", Text(collation="C"), nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("document", JSON, nullable=False),
    Column("slo", JSONB, nullable=False),
    Column("refs", ARRAY(Text), nullable=False),
    Column("author", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Index("slo_by_component", "component", "name"),
    # Answers which SLOs a changed indicator or data source moves.
    Index("slo_by_ref", "refs", postgresql_using="gin"),
)

slo_revision = Table(
    "slo_revision",
    metadata,
    Column("name", Text(collation="C"), primary_key=True),
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("document", JSON, nullable=False),
    Column("slo", JSONB, nullable=False),
    Column("author", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("is_deleted", Boolean, nullable=False),
)

# The kinds other than SLO; the name is `sloDocuments/{kind}.{id}`.
slo_document = Table(
    "slo_document",
    metadata,
    Column("name", Text(collation="C"), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("document", JSON, nullable=False),
    Column("refs", ARRAY(Text), nullable=False),
    Column("author", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Index("slo_document_by_ref", "refs", postgresql_using="gin"),
)

slo_document_revision = Table(
    "slo_document_revision",
    metadata,
    Column("name", Text(collation="C"), primary_key=True),
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("document", JSON, nullable=False),
    Column("author", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)
