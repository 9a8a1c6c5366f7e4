"""Rows to domain values, and domain values to columns."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from services.governance.domain.arrival import Appendix, Drafts
from services.governance.domain.drawing import Occurrence, Part, TitledNode
from services.governance.domain.ledger import SALT_BYTES, LedgerEntry, entry_from_leaf
from services.governance.domain.lineage import Edge, Node, NodeKind, RecordedEdge, Relation, Source, Standing
from services.governance.domain.verification import StoredEntry
from shared.storage.array_text import number_array, text_array
from shared.transparency.merkle import Peaks
from shared.transparency.tiles import split

_TEXTS = ("event_id", "source", "type", "subject", "trace_id", "principal", "reason")
COLUMNS = ("event_id", "source", "type", "subject", "trace_id", "record_time")


def entry_from_row(row: Any) -> LedgerEntry:
    """Raises LeafMalformed for a row that was tampered with."""
    return entry_from_leaf(row.leaf, row.principal or "", row.reason or "")


def head_from_row(row: Any) -> Peaks:
    return Peaks(row.size, tuple(split(row.peaks)))


def stored_from_row(row: Any) -> StoredEntry:
    return StoredEntry(row.sequence, row.leaf, {name: getattr(row, name) for name in COLUMNS}, row.content_digest, row.is_erased)


def drafts_to_columns(drafts: Drafts) -> dict[str, Any]:
    events = [each.event for each in drafts.arrivals]
    return {
        **{name: text_array([getattr(each, name) for each in events]) for name in _TEXTS},
        "payload": [each.payload for each in events],
        "salts": b"".join([each.salt for each in drafts.contents]),
        "salt_bytes": SALT_BYTES,
        **_nodes_to_columns(drafts.nodes),
    }


def appendix_to_columns(appendix: Appendix) -> dict[str, Any]:
    first = appendix.entries[0]
    return {
        "before": first.sequence - 1,
        "record_time": first.record_time,
        "leaf": [each.leaf for each in appendix.entries],
        "tile_level": [level for level, _ in appendix.growth.added],
        "tile_index": [index for _, index in appendix.growth.added],
        "tile_hashes": list(appendix.growth.added.values()),
        "size": appendix.growth.peaks.size,
        "peaks": b"".join(appendix.growth.peaks.hashes),
        **_edges_to_columns(appendix.edges),
        **_occurrences_to_columns(appendix.occurrences),
    }


def _nodes_to_columns(nodes: Sequence[TitledNode]) -> dict[str, str]:
    return {
        "node_name": text_array([each.node.name for each in nodes]),
        "node_kind": text_array([each.node.kind for each in nodes]),
        "node_title": text_array([each.node.title for each in nodes]),
        "node_title_version": number_array([each.title_version for each in nodes]),
        "node_is_known": number_array([each.node.is_known for each in nodes]),
    }


def _edges_to_columns(recorded: Sequence[RecordedEdge]) -> dict[str, str]:
    edges = [each.edge for each in recorded]
    return {
        "edge_from": text_array([each.from_name for each in edges]),
        "edge_to": text_array([each.to_name for each in edges]),
        "edge_relation": text_array([each.relation for each in edges]),
        "edge_attributes": text_array([_json(each.attributes) if each.attributes else "{}" for each in edges]),
        "edge_trace_id": text_array([each.trace_id for each in recorded]),
        "edge_sequence": number_array([each.ledger_sequence for each in recorded]),
        "edge_source": text_array([each.source for each in edges]),
        "edge_confidence": number_array([each.confidence for each in edges]),
        "edge_rule": text_array([each.rule for each in edges]),
        "edge_standing": text_array([each.standing for each in recorded]),
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
