"""The RPCs of grouping."""

from ballast.intake.v1 import grouping_service_pb2 as pb
from ballast.intake.v1.grouping_service_pb2_grpc import GroupingServiceServicer, add_GroupingServiceServicer_to_server

from services.intake.domain.rule_problem import errors_of
from services.intake.transport import grouping_convert as convert
from services.intake.transport.events import RULES_SUBJECT
from services.intake.usecases.grouping_revisions import GroupingRevisions
from shared.amendments.control import AmendmentControl
from shared.paging import page_query
from shared.rpc.once import once
from shared.rpc.server import GrpcService
from shared.storage.database import Database

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["GroupingService"], add_GroupingServiceServicer_to_server)


class GroupingServicer(GroupingServiceServicer):
    """Parses, calls, answers."""

    def __init__(self, database: Database, revisions: GroupingRevisions, control: AmendmentControl) -> None:
        self.database = database
        self._revisions = revisions
        self._control = control

    async def GetGroupingRules(self, request: pb.GetGroupingRulesRequest, context: object) -> pb.GetGroupingRulesResponse:
        return pb.GetGroupingRulesResponse(rules=convert.described_to_pb(await self._revisions.get(request.revision)))

    async def ListGroupingRulesRevisions(
        self, request: pb.ListGroupingRulesRevisionsRequest, context: object
    ) -> pb.ListGroupingRulesRevisionsResponse:
        page = await self._revisions.page(page_query(request.page_size, request.page_token, "ListGroupingRulesRevisions"))
        revisions = [convert.listed_to_pb(each) for each in page.items]
        return pb.ListGroupingRulesRevisionsResponse(revisions=revisions, next_page_token=page.next_page_token)

    @once(pb.CreateGroupingRulesRevisionResponse)
    async def CreateGroupingRulesRevision(
        self, request: pb.CreateGroupingRulesRevisionRequest, context: object
    ) -> pb.CreateGroupingRulesRevisionResponse:
        async with self._control.directly(RULES_SUBJECT, validate_only=request.validate_only):
            made, warnings = await self._revisions.create(request.yaml, request.etag, request.reason, validate_only=request.validate_only)
        told = [convert.problem_to_pb(each) for each in warnings]
        return pb.CreateGroupingRulesRevisionResponse(rules=convert.described_to_pb(made), warnings=told)

    @once(pb.RollbackGroupingRulesResponse)
    async def RollbackGroupingRules(self, request: pb.RollbackGroupingRulesRequest, context: object) -> pb.RollbackGroupingRulesResponse:
        async with self._control.directly(RULES_SUBJECT, validate_only=request.validate_only):
            made = await self._revisions.restore(request.revision, request.etag, request.reason, validate_only=request.validate_only)
        return pb.RollbackGroupingRulesResponse(rules=convert.described_to_pb(made))

    async def ValidateGroupingRules(self, request: pb.ValidateGroupingRulesRequest, context: object) -> pb.ValidateGroupingRulesResponse:
        problems = self._revisions.problems(request.yaml)
        told = [convert.problem_to_pb(each) for each in problems]
        return pb.ValidateGroupingRulesResponse(valid=not errors_of(problems), problems=told)

    async def DryRunGroupingRules(self, request: pb.DryRunGroupingRulesRequest, context: object) -> pb.DryRunGroupingRulesResponse:
        return convert.dry_run_to_pb(await self._revisions.dry_run(request.yaml, request.revision, request.last))

    async def GetUnusedGroupingRules(self, request: pb.GetUnusedGroupingRulesRequest, context: object) -> pb.GetUnusedGroupingRulesResponse:
        unused_for = request.unused_for.ToTimedelta() if request.HasField("unused_for") else None
        found, uses = await self._revisions.unused(unused_for)
        return pb.GetUnusedGroupingRulesResponse(rules=[convert.unused_to_pb(each, uses) for each in found])
