"""The RPCs of the access log."""

from ballast.governance.v1 import access_log_service_pb2 as pb
from ballast.governance.v1.access_log_service_pb2_grpc import AccessServiceServicer as Contract
from ballast.governance.v1.access_log_service_pb2_grpc import add_AccessServiceServicer_to_server

from services.governance.transport import access_convert as convert
from services.governance.usecases.accesses import Accesses
from shared.paging import page_query
from shared.rpc.server import GrpcService

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["AccessService"], add_AccessServiceServicer_to_server)


class AccessServicer(Contract):
    """Parses, calls, answers."""

    def __init__(self, accesses: Accesses) -> None:
        self._accesses = accesses

    async def ListAccess(self, request: pb.ListAccessRequest, context: object) -> pb.ListAccessResponse:
        wanted = convert.filter_from_pb(request.filter)
        page = await self._accesses.page(wanted, page_query(request.page_size, request.page_token, "ListAccess", wanted))
        return pb.ListAccessResponse(accesses=[convert.access_to_pb(each) for each in page.items], next_page_token=page.next_page_token)

    async def ListPrincipals(self, request: pb.ListPrincipalsRequest, context: object) -> pb.ListPrincipalsResponse:
        wanted = convert.filter_from_pb(request.filter)
        page = await self._accesses.principals(wanted, page_query(request.page_size, request.page_token, "ListPrincipals", wanted))
        found = [convert.principal_to_pb(each) for each in page.items]
        return pb.ListPrincipalsResponse(principals=found, next_page_token=page.next_page_token)
