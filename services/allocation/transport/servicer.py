"""The RPCs of allocation."""

from dataclasses import dataclass

from ballast.allocation.v1 import allocation_messages_pb2 as pb
from ballast.allocation.v1.allocation_service_pb2 import DESCRIPTOR
from ballast.allocation.v1.allocation_service_pb2_grpc import AllocationServiceServicer, add_AllocationServiceServicer_to_server

from services.allocation.transport import convert
from services.allocation.transport.decisions import decision_to_pb, query_from_pb
from services.allocation.transport.split_convert import most_age_from_pb, reading_to_pb
from services.allocation.transport.work_convert import query_from_pb as query_from_work_pb
from services.allocation.transport.work_convert import record_from_pb, record_to_pb
from services.allocation.usecases.decisions import Decisions
from services.allocation.usecases.policies import Policies
from services.allocation.usecases.roadmap import Roadmap
from services.allocation.usecases.splits import Splits
from services.allocation.usecases.teams import Teams
from services.allocation.usecases.work import Work
from shared.amendments.control import AmendmentControl
from shared.ids import uuid_of
from shared.paging import page_query
from shared.rpc.once import once
from shared.rpc.server import GrpcService
from shared.storage.database import Database

SERVICE = GrpcService(DESCRIPTOR.services_by_name["AllocationService"], add_AllocationServiceServicer_to_server)


@dataclass(frozen=True, slots=True)
class AllocationParts:
    """The use cases that the RPCs call."""

    teams: Teams
    roadmap: Roadmap
    policies: Policies
    decisions: Decisions
    work: Work
    splits: Splits


class AllocationServicer(AllocationServiceServicer):
    """Parses, calls, answers."""

    def __init__(self, database: Database, parts: AllocationParts, control: AmendmentControl) -> None:
        self.database = database
        self._teams = parts.teams
        self._roadmap = parts.roadmap
        self._policies = parts.policies
        self._decisions = parts.decisions
        self._work = parts.work
        self._splits = parts.splits
        self._control = control

    @once(pb.UpsertTeamsResponse)
    async def UpsertTeams(self, request: pb.UpsertTeamsRequest, context: object) -> pb.UpsertTeamsResponse:
        etags = {each.name: each.etag for each in request.teams if each.etag}
        stored = await self._teams.upsert([convert.team_from_pb(each) for each in request.teams], etags)
        return pb.UpsertTeamsResponse(teams=[convert.team_to_pb(each) for each in stored])

    async def GetTeam(self, request: pb.GetTeamRequest, context: object) -> pb.GetTeamResponse:
        return pb.GetTeamResponse(team=convert.team_to_pb(await self._teams.get(request.name)))

    async def ListTeams(self, request: pb.ListTeamsRequest, context: object) -> pb.ListTeamsResponse:
        page = await self._teams.page(page_query(request.page_size, request.page_token, "ListTeams"))
        return pb.ListTeamsResponse(teams=[convert.team_to_pb(each) for each in page.items], next_page_token=page.next_page_token)

    async def ListSprints(self, request: pb.ListSprintsRequest, context: object) -> pb.ListSprintsResponse:
        paging = page_query(request.page_size, request.page_token, "ListSprints", request.team)
        team, page = await self._teams.sprints(request.team, paging)
        sprints = [convert.sprint_to_pb(team, each) for each in page.items]
        return pb.ListSprintsResponse(sprints=sprints, next_page_token=page.next_page_token)

    @once(pb.UpsertRoadmapItemsResponse)
    async def UpsertRoadmapItems(self, request: pb.UpsertRoadmapItemsRequest, context: object) -> pb.UpsertRoadmapItemsResponse:
        etags = {each.name: each.etag for each in request.items if each.etag}
        stored = await self._roadmap.upsert([convert.item_from_pb(each) for each in request.items], etags)
        return pb.UpsertRoadmapItemsResponse(items=[convert.item_to_pb(each) for each in stored])

    async def GetRoadmapItem(self, request: pb.GetRoadmapItemRequest, context: object) -> pb.GetRoadmapItemResponse:
        return pb.GetRoadmapItemResponse(item=convert.item_to_pb(await self._roadmap.get(request.name)))

    async def ListRoadmapItems(self, request: pb.ListRoadmapItemsRequest, context: object) -> pb.ListRoadmapItemsResponse:
        paging = page_query(request.page_size, request.page_token, "ListRoadmapItems", request.team)
        page = await self._roadmap.page(request.team, paging)
        return pb.ListRoadmapItemsResponse(items=[convert.item_to_pb(each) for each in page.items], next_page_token=page.next_page_token)

    @once(pb.UpdateAllocationPolicyResponse)
    async def UpdateAllocationPolicy(self, request: pb.UpdateAllocationPolicyRequest, context: object) -> pb.UpdateAllocationPolicyResponse:
        policy = convert.policy_from_pb(request.policy)
        async with self._control.directly(policy.name, validate_only=request.validate_only):
            made = await self._policies.update(policy, request.policy.etag, validate_only=request.validate_only)
        return pb.UpdateAllocationPolicyResponse(policy=convert.policy_to_pb(made))

    async def GetAllocationPolicy(self, request: pb.GetAllocationPolicyRequest, context: object) -> pb.GetAllocationPolicyResponse:
        return pb.GetAllocationPolicyResponse(policy=convert.policy_to_pb(await self._policies.get(request.name, request.revision)))

    async def ListAllocationPolicyRevisions(
        self, request: pb.ListAllocationPolicyRevisionsRequest, context: object
    ) -> pb.ListAllocationPolicyRevisionsResponse:
        paging = page_query(request.page_size, request.page_token, "ListAllocationPolicyRevisions", request.name)
        page = await self._policies.page(request.name, paging)
        policies = [convert.policy_to_pb(each) for each in page.items]
        return pb.ListAllocationPolicyRevisionsResponse(policies=policies, next_page_token=page.next_page_token)

    async def GetSplit(self, request: pb.GetSplitRequest, context: object) -> pb.GetSplitResponse:
        return reading_to_pb(await self._splits.read(request.team, most_age_from_pb(request)))

    @once(pb.DecideSplitResponse)
    async def DecideSplit(self, request: pb.DecideSplitRequest, context: object) -> pb.DecideSplitResponse:
        decide = self._decisions.preview if request.validate_only else self._decisions.decide
        return pb.DecideSplitResponse(decision=decision_to_pb(await decide(request.team)))

    async def GetDecision(self, request: pb.GetDecisionRequest, context: object) -> pb.GetDecisionResponse:
        return pb.GetDecisionResponse(decision=decision_to_pb(await self._decisions.get(uuid_of(request.name))))

    async def ListDecisions(self, request: pb.ListDecisionsRequest, context: object) -> pb.ListDecisionsResponse:
        query = query_from_pb(request.filter)
        page = await self._decisions.page(query, page_query(request.page_size, request.page_token, "ListDecisions", query))
        decisions = [decision_to_pb(each) for each in page.items]
        return pb.ListDecisionsResponse(decisions=decisions, next_page_token=page.next_page_token)

    @once(pb.RecordWorkResponse)
    async def RecordWork(self, request: pb.RecordWorkRequest, context: object) -> pb.RecordWorkResponse:
        recorded = await self._work.record([record_from_pb(each) for each in request.records])
        return pb.RecordWorkResponse(records=[record_to_pb(each) for each in recorded])

    async def ListWorkRecords(self, request: pb.ListWorkRecordsRequest, context: object) -> pb.ListWorkRecordsResponse:
        query = query_from_work_pb(request.team, request.filter)
        paging = page_query(request.page_size, request.page_token, "ListWorkRecords", query, request.filter.sprint)
        page = await self._work.page(query, request.filter.sprint, paging)
        return pb.ListWorkRecordsResponse(records=[record_to_pb(each) for each in page.items], next_page_token=page.next_page_token)
