"""Rows to domain values, and domain values to columns."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from services.governance.domain.arrival import Appendix
from services.governance.domain.ledger import LedgerEntry
from services.governance.domain.lineage import Edge, Node, NodeKind, RecordedEdge, Relation, TitledNode


def entry_from_row(row: Any) -> LedgerEntry:
    return LedgerEntry(
        sequence=row.sequence,
        event_id=row.event_id,
        source=row.source,
        type=row.type,
        subject=row.subject,
        principal=row.principal,
        event_time=row.event_time,
        record_time=row.record_time,
        trace_id=row.trace_id,
        payload_hash=row.payload_hash,
        previous_hash=row.previous_hash,
        hash=row.hash,
    )


def appendix_to_columns(appendix: Appendix) -> dict[str, Any]:
    return {
        **_entries_to_columns(appendix.entries),
        "payload": list(appendix.payloads),
        "head_count": appendix.head.count,
        "head_hash": appendix.head.hash,
        **_nodes_to_columns(appendix.nodes),
        **_edges_to_columns(appendix.edges),
    }


def _entries_to_columns(entries: Sequence[LedgerEntry]) -> dict[str, list[Any]]:
    return {
        "sequence": [each.sequence for each in entries],
        "event_id": [each.event_id for each in entries],
        "source": [each.source for each in entries],
        "type": [each.type for each in entries],
        "subject": [each.subject for each in entries],
        "principal": [each.principal for each in entries],
        "event_time": [each.event_time for each in entries],
        "record_time": [each.record_time for each in entries],
        "trace_id": [each.trace_id for each in entries],
        "payload_hash": [each.payload_hash for each in entries],
        "previous_hash": [each.previous_hash for each in entries],
        "hash": [each.hash for each in entries],
    }


def _nodes_to_columns(nodes: Sequence[TitledNode]) -> dict[str, list[Any]]:
    return {
        "node_name": [each.node.name for each in nodes],
        "node_kind": [each.node.kind.value for each in nodes],
        "node_title": [each.node.title for each in nodes],
        "node_title_version": [each.title_version for each in nodes],
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
    }


def node_from_row(row: Any) -> Node:
    return Node(row.name, NodeKind(row.kind), row.title)


def edge_from_row(row: Any) -> RecordedEdge:
    edge = Edge(row.from_name, row.to_name, Relation(row.relation), row.attributes)
    return RecordedEdge(edge, row.trace_id, row.ledger_sequence, row.create_time)


def _json(pairs: Mapping[str, str]) -> str:
    return json.dumps(dict(pairs), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
