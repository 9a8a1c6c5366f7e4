"""Rows to domain values, and domain values to columns."""

import json
from collections.abc import Iterable, Mapping
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
    entries = appendix.entries
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
        "payload": list(appendix.payloads),
        "entry_count": appendix.head.count,
        "head_hash": appendix.head.hash,
    }


def nodes_to_columns(nodes: Iterable[TitledNode]) -> dict[str, list[Any]]:
    rows = [(each.node.name, each.node.kind.value, each.node.title, each.title_version) for each in nodes]
    return _columns(("names", "kinds", "titles", "versions"), rows)


def edges_to_columns(edges: Iterable[RecordedEdge]) -> dict[str, list[Any]]:
    rows = [
        (
            each.edge.from_name,
            each.edge.to_name,
            each.edge.relation.value,
            _json(each.edge.attributes),
            each.trace_id,
            each.ledger_sequence,
            each.create_time,
        )
        for each in edges
    ]
    return _columns(("from_names", "to_names", "relations", "attributes", "trace_ids", "sequences", "create_times"), rows)


def node_from_row(row: Any) -> Node:
    return Node(row.name, NodeKind(row.kind), row.title)


def edge_from_row(row: Any) -> RecordedEdge:
    edge = Edge(row.from_name, row.to_name, Relation(row.relation), row.attributes)
    return RecordedEdge(edge, row.trace_id, row.ledger_sequence, row.create_time)


def _columns(names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> dict[str, list[Any]]:
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


def _json(pairs: Mapping[str, str]) -> str:
    return json.dumps(dict(pairs), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
