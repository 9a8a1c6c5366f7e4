"""The RPCs of calendars, leave and capacity."""

from ballast.allocation.v1 import capacity_service_pb2 as pb
from ballast.allocation.v1.capacity_service_pb2_grpc import CapacityServiceServicer, add_CapacityServiceServicer_to_server

from services.allocation.transport import capacity_convert as convert
from services.allocation.usecases.capacity import Capacity
from shared.paging import page_query
from shared.rpc.once import once
from shared.rpc.server import GrpcService
from shared.storage.database import Database

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["CapacityService"], add_CapacityServiceServicer_to_server)


class CapacityServicer(CapacityServiceServicer):
    """Parses, calls, answers."""

    def __init__(self, database: Database, capacity: Capacity) -> None:
        self.database = database
        self._capacity = capacity

    @once(pb.UpsertCalendarsResponse)
    async def UpsertCalendars(self, request: pb.UpsertCalendarsRequest, context: object) -> pb.UpsertCalendarsResponse:
        etags = {each.name: each.etag for each in request.calendars if each.etag}
        sent = [convert.calendar_from_pb(each, f"calendars[{index}]") for index, each in enumerate(request.calendars)]
        stored = await self._capacity.upsert_calendars(sent, etags)
        return pb.UpsertCalendarsResponse(calendars=[convert.calendar_to_pb(each) for each in stored])

    async def GetCalendar(self, request: pb.GetCalendarRequest, context: object) -> pb.GetCalendarResponse:
        return pb.GetCalendarResponse(calendar=convert.calendar_to_pb(await self._capacity.calendar(request.name)))

    async def ListCalendars(self, request: pb.ListCalendarsRequest, context: object) -> pb.ListCalendarsResponse:
        page = await self._capacity.calendars(page_query(request.page_size, request.page_token, "ListCalendars"))
        calendars = [convert.calendar_to_pb(each) for each in page.items]
        return pb.ListCalendarsResponse(calendars=calendars, next_page_token=page.next_page_token)

    @once(pb.UpsertLeavesResponse)
    async def UpsertLeaves(self, request: pb.UpsertLeavesRequest, context: object) -> pb.UpsertLeavesResponse:
        etags = {each.name: each.etag for each in request.leaves if each.etag}
        sent = [convert.leave_from_pb(each, f"leaves[{index}]") for index, each in enumerate(request.leaves)]
        stored = await self._capacity.upsert_leaves(request.team, sent, etags)
        return pb.UpsertLeavesResponse(leaves=[convert.leave_to_pb(each) for each in stored])

    @once(pb.DeleteLeaveResponse)
    async def DeleteLeave(self, request: pb.DeleteLeaveRequest, context: object) -> pb.DeleteLeaveResponse:
        gone = await self._capacity.delete_leave(request.team, request.leave_id)
        return pb.DeleteLeaveResponse(leave=convert.leave_to_pb(gone) if gone else None)

    async def ListLeaves(self, request: pb.ListLeavesRequest, context: object) -> pb.ListLeavesResponse:
        paging = page_query(request.page_size, request.page_token, "ListLeaves", request.team, request.member)
        page = await self._capacity.leaves(request.team, request.member, paging)
        return pb.ListLeavesResponse(leaves=[convert.leave_to_pb(each) for each in page.items], next_page_token=page.next_page_token)

    async def GetCapacity(self, request: pb.GetCapacityRequest, context: object) -> pb.GetCapacityResponse:
        team, sprints = await self._capacity.sprints(request.team, request.first_sprint, request.sprint_count)
        return pb.GetCapacityResponse(sprints=[convert.capacity_to_pb(team, each) for each in sprints])
