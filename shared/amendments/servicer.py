"""The RPCs of change control, the same in every service that keeps documents."""

from collections.abc import AsyncIterator

from ballast.amendments.v1 import amendment_events_pb2, amendment_pb2, amendment_service_pb2
from ballast.amendments.v1 import amendment_messages_pb2 as pb
from ballast.amendments.v1.amendment_service_pb2_grpc import AmendmentServiceServicer as Contract
from ballast.amendments.v1.amendment_service_pb2_grpc import add_AmendmentServiceServicer_to_server

from shared.amendments.amendment import Amendment
from shared.amendments.control import AmendmentControl
from shared.amendments.convert import amendment_to_pb, document_to_pb
from shared.amendments.ownership import DocumentOwners
from shared.amendments.store import AmendmentQuery
from shared.events.feed import Feed
from shared.ids import uuid_of
from shared.paging import page_query
from shared.rpc.once import once
from shared.rpc.server import GrpcService
from shared.rpc.wellknown import time_from_pb
from shared.storage.database import Database

SERVICE = GrpcService(amendment_service_pb2.DESCRIPTOR.services_by_name["AmendmentService"], add_AmendmentServiceServicer_to_server)
_CHANGED = amendment_events_pb2.AmendmentChanged


class AmendmentServicer(Contract):
    """Parses, calls, answers."""

    def __init__(self, database: Database, control: AmendmentControl, owners: DocumentOwners, feed: Feed) -> None:
        self.database = database
        self._control = control
        self._owners = owners
        self._feed = feed

    async def ListDocuments(self, request: pb.ListDocumentsRequest, context: object) -> pb.ListDocumentsResponse:
        page = await self._owners.page(page_query(request.page_size, request.page_token, "ListDocuments"))
        return pb.ListDocumentsResponse(documents=[document_to_pb(each) for each in page.items], next_page_token=page.next_page_token)

    @once(pb.SetDocumentOwnerResponse)
    async def SetDocumentOwner(self, request: pb.SetDocumentOwnerRequest, context: object) -> pb.SetDocumentOwnerResponse:
        kept = await self._owners.set_owner(request.document, request.owner, request.reason, request.etag)
        return pb.SetDocumentOwnerResponse(document=document_to_pb(kept))

    async def DryRunAmendment(self, request: pb.DryRunAmendmentRequest, context: object) -> pb.DryRunAmendmentResponse:
        found = await self._control.dry_run(request.document, request.body, request.revision)
        return pb.DryRunAmendmentResponse(amendment=self._told(found))

    @once(pb.DraftAmendmentResponse)
    async def DraftAmendment(self, request: pb.DraftAmendmentRequest, context: object) -> pb.DraftAmendmentResponse:
        return pb.DraftAmendmentResponse(amendment=self._told(await self._control.draft(request.document, request.body, request.reason)))

    @once(pb.ReviseAmendmentResponse)
    async def ReviseAmendment(self, request: pb.ReviseAmendmentRequest, context: object) -> pb.ReviseAmendmentResponse:
        made = await self._control.revise(uuid_of(request.name), request.etag, request.body, request.reason)
        return pb.ReviseAmendmentResponse(amendment=self._told(made))

    @once(pb.ProposeAmendmentResponse)
    async def ProposeAmendment(self, request: pb.ProposeAmendmentRequest, context: object) -> pb.ProposeAmendmentResponse:
        made = await self._control.propose(uuid_of(request.name), request.etag, time_from_pb(request, "effective_time"))
        return pb.ProposeAmendmentResponse(amendment=self._told(made))

    @once(pb.RollBackDocumentResponse)
    async def RollBackDocument(self, request: pb.RollBackDocumentRequest, context: object) -> pb.RollBackDocumentResponse:
        effective = time_from_pb(request, "effective_time")
        made = await self._control.roll_back(request.document, request.revision, request.reason, effective)
        return pb.RollBackDocumentResponse(amendment=self._told(made))

    @once(pb.WithdrawAmendmentResponse)
    async def WithdrawAmendment(self, request: pb.WithdrawAmendmentRequest, context: object) -> pb.WithdrawAmendmentResponse:
        made = await self._control.withdraw(uuid_of(request.name), request.etag, request.note)
        return pb.WithdrawAmendmentResponse(amendment=self._told(made))

    async def GetAmendment(self, request: pb.GetAmendmentRequest, context: object) -> pb.GetAmendmentResponse:
        return pb.GetAmendmentResponse(amendment=self._told(await self._control.get(uuid_of(request.name))))

    async def ListAmendments(self, request: pb.ListAmendmentsRequest, context: object) -> pb.ListAmendmentsResponse:
        query = AmendmentQuery(request.document, tuple(sorted(request.states)), request.author)
        page = await self._control.page(query, page_query(request.page_size, request.page_token, "ListAmendments", query))
        listed = [amendment_to_pb(each, None) for each in page.items]
        return pb.ListAmendmentsResponse(amendments=listed, next_page_token=page.next_page_token)

    async def WatchAmendments(self, request: pb.WatchAmendmentsRequest, context: object) -> AsyncIterator[pb.WatchAmendmentsResponse]:
        async for item in self._feed.follow(request.resume_token, [_CHANGED.DESCRIPTOR.full_name]):
            if item.event is None:
                yield pb.WatchAmendmentsResponse(resume_token=item.resume_token)
                continue
            told = item.event.unpack(_CHANGED)
            yield pb.WatchAmendmentsResponse(amendment=told.amendment, from_state=told.from_state, resume_token=item.resume_token)

    def _told(self, made: Amendment) -> amendment_pb2.Amendment:
        return amendment_to_pb(made, self._control.kind_of(made))
