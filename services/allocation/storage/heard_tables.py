"""The table of when other services were last heard of."""

from sqlalchemy import Column, DateTime, Table, Text

from services.allocation.storage.tables import metadata

heard = Table(
    "heard",
    metadata,
    Column("source", Text, primary_key=True),
    Column("heard_at", DateTime(timezone=True), nullable=False),
)
