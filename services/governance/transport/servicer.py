"""The RPCs of governance."""

from collections.abc import AsyncIterator

from ballast.governance.v1 import governance_service_pb2 as pb
from ballast.governance.v1.governance_service_pb2_grpc import GovernanceServiceServicer, add_GovernanceServiceServicer_to_server

from services.governance.transport import convert, ledger_convert
from services.governance.usecases.ledger import Ledger
from services.governance.usecases.trace_lineage import TraceLineage
from shared.paging import page_query
from shared.rpc.server import GrpcService

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["GovernanceService"], add_GovernanceServiceServicer_to_server)


class GovernanceServicer(GovernanceServiceServicer):
    """Parses, calls, answers."""

    def __init__(self, ledger: Ledger, trace_lineage: TraceLineage) -> None:
        self._ledger = ledger
        self._trace_lineage = trace_lineage

    async def ListLedgerEntries(self, request: pb.ListLedgerEntriesRequest, context: object) -> pb.ListLedgerEntriesResponse:
        wanted = ledger_convert.former_filter_from_pb(request)
        page = await self._ledger.page(wanted, 0, page_query(request.page_size, request.page_token, "ListLedgerEntries", wanted))
        entries = [ledger_convert.entry_to_pb(each) for each in page.items]
        return pb.ListLedgerEntriesResponse(entries=entries, next_page_token=page.next_page_token)

    async def VerifyLedger(self, request: pb.VerifyLedgerRequest, context: object) -> AsyncIterator[pb.VerifyLedgerResponse]:
        async for progress in self._ledger.verify():
            yield convert.progress_to_pb(progress)

    async def TraceLineage(self, request: pb.TraceLineageRequest, context: object) -> pb.TraceLineageResponse:
        query = convert.lineage_query_from_pb(request)
        paging = page_query(request.page_size or convert.DEFAULT_NODES, request.page_token, "TraceLineage", query)
        page = await self._trace_lineage(query, paging)
        return pb.TraceLineageResponse(
            nodes=[convert.reached_to_pb(each) for each in page.nodes],
            edges=[convert.edge_to_pb(each) for each in page.edges],
            next_page_token=page.next_page_token,
        )
