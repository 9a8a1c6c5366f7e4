"""Manifests and reconciliation, from protobuf and to it."""

from uuid import UUID

from ballast.events.v1.outbox_manifest_pb2 import OutboxManifest
from ballast.governance.v1 import reconciliation_pb2 as pb
from google.protobuf.message import DecodeError

from services.governance.domain.reconciliation import Claim, Discrepancy, Manifest, Reconciliation, SourceState
from shared.paging import Page, PageQuery, page_query
from shared.rpc.wellknown import time_to_pb

_ID_BYTES, _HASH_BYTES = 16, 32
_DISCREPANCIES = 100


def manifest_from_payload(source: str, sequence: int, payload: bytes) -> Manifest:
    """Reads a manifest; what cannot be read claims nothing, so that what it should have claimed is found to be extra."""
    try:
        message = OutboxManifest.FromString(payload)
    except DecodeError:
        message = OutboxManifest()
    ids, hashes = _parts(message.event_ids, _ID_BYTES), _parts(message.data_hashes, _HASH_BYTES)
    claims = tuple(Claim(str(UUID(bytes=event_id)), digest) for event_id, digest in zip(ids, hashes, strict=False))
    return Manifest(source, message.number, sequence, claims)


def _parts(data: bytes, width: int) -> list[bytes]:
    return [data[at : at + width] for at in range(0, len(data) - width + 1, width)]


def page_query_of_discrepancies(request: pb.GetReconciliationRequest) -> PageQuery:
    return page_query(request.page_size or _DISCREPANCIES, request.page_token, "GetReconciliation")


def reconciliation_to_pb(found: Reconciliation, page: Page[Discrepancy], *, is_first: bool) -> pb.GetReconciliationResponse:
    return pb.GetReconciliationResponse(
        sources=[_source_to_pb(each) for each in found.sources] if is_first else (),
        discrepancies=[_discrepancy_to_pb(each) for each in page.items],
        discrepancy_count=found.discrepancy_count,
        next_page_token=page.next_page_token,
    )


def _source_to_pb(state: SourceState) -> pb.SourceState:
    return pb.SourceState(
        source=state.source,
        manifest_number=state.manifest_number,
        claimed_count=state.claimed_count,
        matched_count=state.matched_count,
        manifest_time=time_to_pb(state.manifest_time),
    )


def _discrepancy_to_pb(found: Discrepancy) -> pb.Discrepancy:
    return pb.Discrepancy(
        source=found.source,
        kind=pb.DiscrepancyKind.Value(f"DISCREPANCY_KIND_{found.kind.value}"),
        event_id=found.event_id,
        sequence=found.sequence,
        find_time=time_to_pb(found.found_at),
    )
