"""Entries, exports and proofs to protobuf and back."""

import base64
import hashlib
from collections.abc import Iterable

from ballast.governance.v1 import governance_service_pb2, ledger_events_pb2, ledger_pb2, segment_service_pb2
from ballast.governance.v1 import ledger_service_pb2 as pb

from services.governance.domain.erasure import Erased, Whole
from services.governance.domain.ledger import Content
from services.governance.domain.segment import Segment
from services.governance.storage.ledger_store import EntryFilter, KeptEntry, SignedCheckpoint
from services.governance.usecases.erasures import Target
from services.governance.usecases.exports import Exported, Footer, Header, Leaves, Part, Selection, Signed
from services.governance.usecases.ledger import Watched
from services.governance.usecases.proofs import ConsistencyProof, InclusionProof
from shared.errors import InvalidInput, invalid_field
from shared.paging import decode_token, encode_token
from shared.rpc.wellknown import time_to_pb

_PROOF_FORMAT = "c2sp.org/tlog-proof@v1"


def entry_to_pb(kept: KeptEntry) -> ledger_pb2.LedgerEntry:
    entry = kept.entry
    return ledger_pb2.LedgerEntry(
        sequence=entry.sequence,
        event_id=entry.event_id,
        source=entry.source,
        type=entry.type,
        subject=entry.subject,
        principal=entry.principal,
        event_time=time_to_pb(entry.event_time),
        record_time=time_to_pb(entry.record_time),
        trace_id=entry.trace_id,
        payload_hash=entry.content_hash.hex(),
        hash=entry.hash.hex(),
        leaf=entry.leaf,
        erased=kept.content is None,
        method=entry.method,
        reason=entry.reason,
        previous_sequence=entry.previous,
    )


def filter_from_pb(given: pb.EntryFilter) -> EntryFilter:
    return EntryFilter(given.subject, given.type, given.trace_id.lower(), given.principal, given.source)


def former_filter_from_pb(request: governance_service_pb2.ListLedgerEntriesRequest) -> EntryFilter:
    return EntryFilter(request.subject, request.type, request.trace_id.lower())


def place_from_pb(request: pb.WatchEntriesRequest, wanted: EntryFilter) -> int:
    """Returns the sequence to go on after. Raises InvalidInput with reason RESUME_TOKEN_INVALID."""
    if not request.resume_token:
        return request.after_sequence
    try:
        (place,) = decode_token(_digest(wanted), request.resume_token)
        return int(place)
    except (InvalidInput, ValueError):
        description = "is malformed or of another stream; send one as it was given, with the same filter"
        raise invalid_field("resume_token", description, reason="RESUME_TOKEN_INVALID") from None


def watched_to_pb(told: Watched, wanted: EntryFilter) -> pb.WatchEntriesResponse:
    entry = None if told.kept is None else entry_to_pb(told.kept)
    return pb.WatchEntriesResponse(entry=entry, resume_token=encode_token(_digest(wanted), (str(told.sequence),)))


def _digest(wanted: EntryFilter) -> str:
    return hashlib.sha256(repr(wanted).encode()).hexdigest()[:16]


def target_from_pb(request: pb.EraseContentsRequest) -> Target:
    return Target(tuple(sorted(set(request.sequences))), filter_from_pb(request.filter))


def erased_to_pb(erased: Erased) -> pb.EraseContentsResponse:
    left = [
        ledger_pb2.EntryLeft(
            sequence=each.sequence, reason=ledger_pb2.EntryLeftReason.Value(f"ENTRY_LEFT_REASON_{each.reason.value}"), segment=each.segment
        )
        for each in erased.left
    ]
    return pb.EraseContentsResponse(sequences=erased.sequences, more=erased.more, left=left)


def erasure_record(whole: Whole) -> bytes:
    return ledger_events_pb2.ContentErased(sequence=whole.sequence, subject=whole.subject).SerializeToString(deterministic=True)


def segment_record(segment: Segment) -> bytes:
    record = ledger_events_pb2.SegmentSealed(first_sequence=segment.first, last_sequence=segment.last, root_hash=segment.root)
    return record.SerializeToString(deterministic=True)


def segment_to_pb(segment: Segment) -> segment_service_pb2.LedgerSegment:
    return segment_service_pb2.LedgerSegment(
        name=segment.name,
        first_sequence=segment.first,
        last_sequence=segment.last,
        root_hash=segment.root,
        author=segment.author,
        reason=segment.reason,
        seal_time=time_to_pb(segment.sealed_at),
    )


def selection_from_pb(request: pb.ExportEntriesRequest) -> Selection:
    filters = (request.filter, *request.more_filters)
    return Selection(tuple(filter_from_pb(each) for each in filters), request.first_sequence, request.last_sequence)


def part_to_pb(part: Part) -> pb.ExportEntriesResponse:
    match part:
        case Header():
            return pb.ExportEntriesResponse(
                header=pb.ExportHeader(
                    checkpoint=part.checkpoint,
                    verifier_keys=part.verifier_keys,
                    complete=part.is_complete,
                    sealed_through=part.sealed_through,
                )
            )
        case Exported():
            return pb.ExportEntriesResponse(entry=_exported_to_pb(part))
        case Leaves():
            tile = pb.ExportedTile(first_sequence=part.first_sequence, hashes=part.hashes, path=part.path)
            return pb.ExportEntriesResponse(tile=tile)
        case Signed():
            return pb.ExportEntriesResponse(checkpoint=part.note)
        case Footer():
            return pb.ExportEntriesResponse(footer=pb.ExportFooter(entry_count=part.entry_count))


def _exported_to_pb(part: Exported) -> pb.ExportedEntry:
    content = part.kept.content
    return pb.ExportedEntry(leaf=part.kept.entry.leaf, content=None if content is None else _content_to_pb(content), path=part.path)


def _content_to_pb(content: Content) -> ledger_pb2.LedgerContent:
    return ledger_pb2.LedgerContent(salt=content.salt, principal=content.principal, payload=content.payload, reason=content.reason)


def checkpoint_to_pb(signed: SignedCheckpoint, verifier_key: str) -> pb.GetCheckpointResponse:
    issued = signed.issued
    return pb.GetCheckpointResponse(checkpoint=signed.note, size=issued.size, root_hash=issued.root, verifier_key=verifier_key)


def inclusion_to_pb(proof: InclusionProof, note: str) -> pb.GetInclusionProofResponse:
    return pb.GetInclusionProofResponse(
        leaf_index=proof.index, tree_size=proof.size, path=proof.path, leaf_hash=proof.leaf, proof=_proof_text(proof, note)
    )


def _proof_text(proof: InclusionProof, note: str) -> str:
    """The proof as c2sp.org/tlog-proof writes it."""
    return "\n".join((_PROOF_FORMAT, f"index {proof.index}", *_base64(proof.path), "", note))


def _base64(hashes: Iterable[bytes]) -> Iterable[str]:
    return (base64.b64encode(each).decode() for each in hashes)


def consistency_to_pb(proof: ConsistencyProof) -> pb.GetConsistencyProofResponse:
    return pb.GetConsistencyProofResponse(
        first_size=proof.sizes[0],
        second_size=proof.sizes[1],
        path=proof.path,
        first_root_hash=proof.roots[0],
        second_root_hash=proof.roots[1],
    )
