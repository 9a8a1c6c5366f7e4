"""The RPCs of the approval rules."""

from ballast.governance.v1 import approval_rule_service_pb2 as pb
from ballast.governance.v1.approval_rule_service_pb2_grpc import (
    ApprovalRuleServiceServicer,
    add_ApprovalRuleServiceServicer_to_server,
)

from services.governance.transport.approval_rule_convert import document_from_pb, facts_to_pb, rules_to_pb, trial_to_pb
from services.governance.usecases.rulebook import Rulebook, WantedRules
from shared.paging import page_query
from shared.rpc.once import once
from shared.rpc.server import GrpcService
from shared.storage.database import Database

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["ApprovalRuleService"], add_ApprovalRuleServiceServicer_to_server)
_LATEST = 200
_ALL = 1000


class ApprovalRuleServicer(ApprovalRuleServiceServicer):
    """Parses, calls, answers."""

    def __init__(self, database: Database, rulebook: Rulebook) -> None:
        self.database = database
        self._rulebook = rulebook

    async def GetApprovalRules(self, request: pb.GetApprovalRulesRequest, context: object) -> pb.GetApprovalRulesResponse:
        return pb.GetApprovalRulesResponse(rules=rules_to_pb(await self._rulebook.get(request.revision)))

    @once(pb.UpdateApprovalRulesResponse)
    async def UpdateApprovalRules(self, request: pb.UpdateApprovalRulesRequest, context: object) -> pb.UpdateApprovalRulesResponse:
        sent = request.rules
        wanted = WantedRules(sent.etag, sent.reason, request.approval)
        made = await self._rulebook.update(document_from_pb(sent), wanted, validate_only=request.validate_only)
        return pb.UpdateApprovalRulesResponse(rules=rules_to_pb(made.rules), digest=made.digest, rule=made.rule)

    async def ListApprovalRulesRevisions(
        self, request: pb.ListApprovalRulesRevisionsRequest, context: object
    ) -> pb.ListApprovalRulesRevisionsResponse:
        page = await self._rulebook.page(page_query(request.page_size, request.page_token, "ListApprovalRulesRevisions"))
        rules = [rules_to_pb(each) for each in page.items]
        return pb.ListApprovalRulesRevisionsResponse(rules=rules, next_page_token=page.next_page_token)

    async def DryRunApprovalRules(self, request: pb.DryRunApprovalRulesRequest, context: object) -> pb.DryRunApprovalRulesResponse:
        return trial_to_pb(await self._rulebook.dry_run(document_from_pb(request.rules), request.approvals or _LATEST))

    async def ListApprovalFacts(self, request: pb.ListApprovalFactsRequest, context: object) -> pb.ListApprovalFactsResponse:
        paging = page_query(request.page_size or _ALL, request.page_token, "ListApprovalFacts")
        facts = [each for each in facts_to_pb() if not paging.cursor or each.name > paging.cursor[0]][: paging.limit]
        page = paging.page(facts, [(each.name,) for each in facts])
        return pb.ListApprovalFactsResponse(facts=page.items, next_page_token=page.next_page_token)
