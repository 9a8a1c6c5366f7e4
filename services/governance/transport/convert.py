"""Verification and lineage to protobuf and back."""

from ballast.governance.v1 import governance_service_pb2 as pb
from ballast.governance.v1 import ledger_pb2, lineage_pb2

from services.governance.domain.lineage import Direction, LineageQuery, Node, NodeKind, ReachedNode, RecordedEdge, Relation
from services.governance.domain.verification import LedgerFault, VerificationProgress
from shared.errors import InvalidInput, Violation
from shared.rpc.wellknown import time_to_pb

DEFAULT_DEPTH = 8
DEFAULT_NODES = 200

_DIRECTIONS = {
    pb.LINEAGE_DIRECTION_UNSPECIFIED: Direction.BOTH,
    pb.LINEAGE_DIRECTION_DOWNSTREAM: Direction.DOWNSTREAM,
    pb.LINEAGE_DIRECTION_UPSTREAM: Direction.UPSTREAM,
    pb.LINEAGE_DIRECTION_BOTH: Direction.BOTH,
}


def progress_to_pb(progress: VerificationProgress) -> pb.VerifyLedgerResponse:
    return pb.VerifyLedgerResponse(
        verified_count=progress.verified.size,
        total_count=progress.total_count,
        done=progress.done,
        fault=fault_to_pb(progress.fault) if progress.fault else None,
        head_hash=progress.verified.root.hex(),
    )


def fault_to_pb(fault: LedgerFault) -> ledger_pb2.LedgerFault:
    return ledger_pb2.LedgerFault(
        sequence=fault.sequence, reason=fault.reason.value, detail=fault.detail, last_sequence=fault.last_sequence
    )


def lineage_query_from_pb(request: pb.TraceLineageRequest) -> LineageQuery:
    """Raises InvalidInput for a kind that does not exist."""
    known = {kind.value for kind in NodeKind}
    violations = [
        Violation(f"kinds[{number}]", f"{kind!r} is no kind of node; choose from {', '.join(sorted(known))}")
        for number, kind in enumerate(request.kinds)
        if kind not in known
    ]
    if violations:
        raise InvalidInput(f"{violations[0].field}: {violations[0].description}", violations)
    kinds = tuple(sorted({NodeKind(kind) for kind in request.kinds}))
    return LineageQuery(
        request.name,
        _DIRECTIONS[request.direction],
        request.max_depth or DEFAULT_DEPTH,
        kinds,
        relations=tuple(sorted({relation_from_pb(each) for each in request.relations})),
        least_confidence=request.least_confidence,
        with_denied=request.include_denied,
    )


def relation_from_pb(number: "lineage_pb2.LineageRelation.ValueType") -> Relation:
    return Relation(lineage_pb2.LineageRelation.Name(number).removeprefix("LINEAGE_RELATION_"))


def relation_to_pb(relation: Relation) -> "lineage_pb2.LineageRelation.ValueType":
    return lineage_pb2.LineageRelation.Value(f"LINEAGE_RELATION_{relation.value}")


def reached_to_pb(reached: ReachedNode) -> lineage_pb2.LineageNode:
    return node_to_pb(reached.node, reached.depth)


def node_to_pb(node: Node, depth: int = 0) -> lineage_pb2.LineageNode:
    return lineage_pb2.LineageNode(name=node.name, kind=node.kind.value, title=node.title, depth=depth, pending=not node.is_known)


def edge_to_pb(recorded: RecordedEdge) -> lineage_pb2.LineageEdge:
    edge = recorded.edge
    return lineage_pb2.LineageEdge(
        from_name=edge.from_name,
        to_name=edge.to_name,
        relation=relation_to_pb(edge.relation),
        trace_id=recorded.trace_id,
        attributes=dict(edge.attributes),
        ledger_sequence=recorded.ledger_sequence,
        create_time=time_to_pb(recorded.create_time),
        confidence=edge.confidence,
        source=lineage_pb2.LineageSource.Value(f"LINEAGE_SOURCE_{edge.source.value}"),
        rule=edge.rule,
        standing=lineage_pb2.LinkStanding.Value(f"LINK_STANDING_{recorded.standing.value}"),
        etag=str(recorded.version),
        pending=recorded.is_pending,
        name=edge.link.name,
    )
