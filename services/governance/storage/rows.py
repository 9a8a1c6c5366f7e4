"""Rows to domain values, and domain values to columns."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from services.governance.domain.arrival import Appendix
from services.governance.domain.drawing import Occurrence, Part, TitledNode
from services.governance.domain.ledger import LedgerEntry, entry_from_leaf
from services.governance.domain.lineage import Edge, Node, NodeKind, RecordedEdge, Relation, Source, Standing
from services.governance.domain.verification import StoredEntry
from shared.transparency.merkle import Peaks
from shared.transparency.tiles import split

COLUMNS = ("event_id", "source", "type", "subject", "trace_id", "record_time")


def entry_from_row(row: Any) -> LedgerEntry:
    """Raises LeafMalformed for a row that was tampered with."""
    return entry_from_leaf(row.leaf, row.principal or "", row.reason or "")


def head_from_row(row: Any) -> Peaks:
    return Peaks(row.size, tuple(split(row.peaks)))


def stored_from_row(row: Any) -> StoredEntry:
    return StoredEntry(row.sequence, row.leaf, {name: getattr(row, name) for name in COLUMNS}, row.content_digest, row.is_erased)


def appendix_to_columns(appendix: Appendix) -> dict[str, Any]:
    return {
        **_entries_to_columns(appendix.entries),
        "salt": [each.salt for each in appendix.contents],
        "principal": [each.principal for each in appendix.contents],
        "reason": [each.reason for each in appendix.contents],
        "payload": [each.payload for each in appendix.contents],
        "tile_level": [level for level, _ in appendix.growth.added],
        "tile_index": [index for _, index in appendix.growth.added],
        "tile_hashes": list(appendix.growth.added.values()),
        "size": appendix.growth.peaks.size,
        "peaks": b"".join(appendix.growth.peaks.hashes),
        **_nodes_to_columns(appendix.nodes),
        **_edges_to_columns(appendix.edges),
        **_occurrences_to_columns(appendix.occurrences),
    }


def _entries_to_columns(entries: Sequence[LedgerEntry]) -> dict[str, Any]:
    return {
        "sequence": [each.sequence for each in entries],
        "event_id": [each.event_id for each in entries],
        "source": [each.source for each in entries],
        "type": [each.type for each in entries],
        "subject": [each.subject for each in entries],
        "trace_id": [each.trace_id for each in entries],
        "leaf": [each.leaf for each in entries],
        "record_time": entries[0].record_time,
    }


def _nodes_to_columns(nodes: Sequence[TitledNode]) -> dict[str, list[Any]]:
    return {
        "node_name": [each.node.name for each in nodes],
        "node_kind": [each.node.kind.value for each in nodes],
        "node_title": [each.node.title for each in nodes],
        "node_title_version": [each.title_version for each in nodes],
        "node_is_known": [each.node.is_known for each in nodes],
    }


def _edges_to_columns(edges: Sequence[RecordedEdge]) -> dict[str, list[Any]]:
    return {
        "edge_from": [each.edge.from_name for each in edges],
        "edge_to": [each.edge.to_name for each in edges],
        "edge_relation": [each.edge.relation.value for each in edges],
        "edge_attributes": [_json(each.edge.attributes) for each in edges],
        "edge_trace_id": [each.trace_id for each in edges],
        "edge_sequence": [each.ledger_sequence for each in edges],
        "edge_create_time": [each.create_time for each in edges],
        "edge_source": [each.edge.source.value for each in edges],
        "edge_confidence": [each.edge.confidence for each in edges],
        "edge_rule": [each.edge.rule for each in edges],
        "edge_standing": [each.standing.value for each in edges],
    }


def _occurrences_to_columns(occurrences: Sequence[Occurrence]) -> dict[str, list[Any]]:
    return {
        "occurrence_name": [each.name for each in occurrences],
        "occurrence_component": [each.component for each in occurrences],
        "occurrence_part": [each.part.value for each in occurrences],
        "occurrence_time": [each.time for each in occurrences],
    }


def occurrence_from_row(row: Any) -> Occurrence:
    return Occurrence(row.name, row.component, Part(row.part), row.happened_at)


def node_from_row(row: Any) -> Node:
    return Node(row.name, NodeKind(row.kind), row.title, row.is_known)


def edge_from_row(row: Any, *, is_pending: bool = False) -> RecordedEdge:
    source, rule = Source(row.source), row.rule
    edge = Edge(row.from_name, row.to_name, Relation(row.relation), row.attributes, source, row.confidence, rule)
    standing = Standing(row.standing)
    return RecordedEdge(edge, row.trace_id, row.ledger_sequence, row.create_time, standing, row.version, is_pending)


def _json(pairs: Mapping[str, str]) -> str:
    return json.dumps(dict(pairs), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
