"""The tables of roadmap items' versions."""

from sqlalchemy import BigInteger, Column, Table, Text

from services.allocation.storage.tables import metadata, roadmap_item

# One row for each version, as the item was then.
roadmap_item_revision = Table(
    "roadmap_item_revision",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True),
    *(Column(each.name, each.type, nullable=each.nullable) for each in roadmap_item.columns if each.name not in {"name", "version"}),
    Column("author", Text, nullable=False),
)
