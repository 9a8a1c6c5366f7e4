"""The tables of change control, for the metadata of a service that keeps documents, and as DDL for its migration."""

from collections.abc import Callable

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, MetaData, SmallInteger, Table, Text, Uuid, text

# A later change of these tables is another function, never an edit.
AMENDMENTS_V1 = (
    """
    create table amendment (
        id uuid primary key,
        document text not null,
        kind text not null,
        state smallint not null,
        cause smallint not null,
        detail text not null,
        body text not null,
        base bigint not null,
        restored bigint not null,
        difference text not null,
        impact text not null,
        revision bigint not null,
        needs_approval boolean not null,
        approval text not null,
        requester text not null,
        owner text not null,
        author text not null,
        reason text not null,
        version bigint not null,
        effective_at timestamptz,
        proposed_at timestamptz,
        forced_at timestamptz,
        created_at timestamptz not null,
        updated_at timestamptz not null
    )
    """,
    "create index amendment_by_document on amendment (document, id)",
    "create index amendment_waiting on amendment (document) where state in (2, 3, 4)",
    "create index amendment_by_approval on amendment (approval) where approval <> ''",
    """
    create table document_owner (
        document text primary key,
        owner text not null,
        version bigint not null,
        updated_at timestamptz not null
    )
    """,
)


def create_amendments_v1(execute: Callable[[str], object]) -> None:
    """Creates the tables; `execute` is Alembic's `op.execute`."""
    for statement in AMENDMENTS_V1:
        execute(statement)


metadata = MetaData()

amendment = Table(
    "amendment",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("document", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("cause", SmallInteger, nullable=False),
    Column("detail", Text, nullable=False),
    # As text, not jsonb: an approval is for the digest of exactly this.
    Column("body", Text, nullable=False),
    Column("base", BigInteger, nullable=False),
    Column("restored", BigInteger, nullable=False),
    Column("difference", Text, nullable=False),
    Column("impact", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("needs_approval", Boolean, nullable=False),
    Column("approval", Text, nullable=False),
    Column("requester", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("effective_at", DateTime(timezone=True)),
    Column("proposed_at", DateTime(timezone=True)),
    Column("forced_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Index("amendment_by_document", "document", "id"),
    Index("amendment_waiting", "document", postgresql_where=text("state in (2, 3, 4)")),
    Index("amendment_by_approval", "approval", postgresql_where=text("approval <> ''")),
)

document_owner = Table(
    "document_owner",
    metadata,
    Column("document", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)


def add_amendment_tables(of_service: MetaData) -> None:
    """Adds the tables of change control to a service's own metadata."""
    for table in (amendment, document_owner):
        table.to_metadata(of_service)
