"""The RPCs of the ledger."""

from collections.abc import AsyncIterator

from ballast.governance.v1 import ledger_service_pb2 as pb
from ballast.governance.v1 import reconciliation_pb2
from ballast.governance.v1.ledger_service_pb2_grpc import LedgerServiceServicer, add_LedgerServiceServicer_to_server

from services.governance.transport import ledger_convert as convert
from services.governance.transport.reconciliation_convert import page_query_of_discrepancies, reconciliation_to_pb
from services.governance.usecases.ledger_parts import LedgerParts
from shared.paging import page_query
from shared.rpc.once import once
from shared.rpc.server import GrpcService
from shared.storage.database import Database

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["LedgerService"], add_LedgerServiceServicer_to_server)
Reconciled = reconciliation_pb2.GetReconciliationResponse


class LedgerServicer(LedgerServiceServicer):
    """Parses, calls, answers."""

    def __init__(self, database: Database, parts: LedgerParts) -> None:
        self.database = database
        self._ledger = parts.ledger
        self._proofs = parts.proofs
        self._exports = parts.exports
        self._erasures = parts.erasures
        self._reconciliations = parts.reconciliations

    async def ListEntries(self, request: pb.ListEntriesRequest, context: object) -> pb.ListEntriesResponse:
        wanted, after = convert.filter_from_pb(request.filter), request.after_sequence
        paging = page_query(request.page_size, request.page_token, "ListEntries", wanted, after)
        page = await self._ledger.page(wanted, after, paging)
        return pb.ListEntriesResponse(entries=[convert.entry_to_pb(each) for each in page.items], next_page_token=page.next_page_token)

    async def WatchEntries(self, request: pb.WatchEntriesRequest, context: object) -> AsyncIterator[pb.WatchEntriesResponse]:
        wanted = convert.filter_from_pb(request.filter)
        async for told in self._ledger.watch(wanted, convert.place_from_pb(request, wanted)):
            yield convert.watched_to_pb(told, wanted)

    async def ExportEntries(self, request: pb.ExportEntriesRequest, context: object) -> AsyncIterator[pb.ExportEntriesResponse]:
        async for part in self._exports(convert.selection_from_pb(request)):
            yield convert.part_to_pb(part)

    async def GetCheckpoint(self, request: pb.GetCheckpointRequest, context: object) -> pb.GetCheckpointResponse:
        return convert.checkpoint_to_pb(await self._proofs.checkpoint(request.size), self._proofs.verifier_key)

    async def GetInclusionProof(self, request: pb.GetInclusionProofRequest, context: object) -> pb.GetInclusionProofResponse:
        proof = await self._proofs.inclusion(request.sequence, request.tree_size)
        return convert.inclusion_to_pb(proof, await self._proofs.note(proof.size))

    async def GetConsistencyProof(self, request: pb.GetConsistencyProofRequest, context: object) -> pb.GetConsistencyProofResponse:
        proof = await self._proofs.consistency(request.first_size, request.second_size, request.checkpoint)
        return convert.consistency_to_pb(proof)

    async def GetReconciliation(self, request: reconciliation_pb2.GetReconciliationRequest, context: object) -> Reconciled:
        found, page = await self._reconciliations.page(page_query_of_discrepancies(request))
        return reconciliation_to_pb(found, page, is_first=not request.page_token)

    @once(pb.EraseContentsResponse)
    async def EraseContents(self, request: pb.EraseContentsRequest, context: object) -> pb.EraseContentsResponse:
        target, why = convert.target_from_pb(request), request.reason
        return convert.erased_to_pb(await self._erasures(target, why, validate_only=request.validate_only))
