"""The tables of lineage: nodes, edges, and what conclusions are drawn from."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Double, Index, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from services.governance.storage.tables import metadata

lineage_node = Table(
    "lineage_node",
    metadata,
    Column("name", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("title_version", BigInteger, nullable=False),
    Column("is_known", Boolean, nullable=False, server_default=text("false")),
    Index("lineage_node_awaited", "name", postgresql_where=text("not is_known")),
)

# `source`, `rule` and `confidence` are those of the best account of it; `standing` is what people hold of it, `version` counts their words.
lineage_edge = Table(
    "lineage_edge",
    metadata,
    Column("from_name", Text, primary_key=True),
    Column("to_name", Text, primary_key=True),
    Column("relation", Text, primary_key=True),
    Column("attributes", JSONB, nullable=False),
    Column("trace_id", Text, nullable=False),
    Column("ledger_sequence", BigInteger, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("source", Text, nullable=False, server_default="OBSERVED"),
    Column("confidence", Double, nullable=False, server_default=text("1")),
    Column("rule", Text, nullable=False, server_default=""),
    Column("standing", Text, nullable=False, server_default="UNJUDGED"),
    Column("version", BigInteger, nullable=False, server_default=text("1")),
    Index("lineage_edge_upstream", "to_name", "from_name"),
)

lineage_occurrence = Table(
    "lineage_occurrence",
    metadata,
    Column("name", Text, primary_key=True),
    Column("component", Text, primary_key=True),
    Column("part", Text, nullable=False),
    Column("happened_at", DateTime(timezone=True), nullable=False),
    Index("lineage_occurrence_by_component", "component", "happened_at"),
)
