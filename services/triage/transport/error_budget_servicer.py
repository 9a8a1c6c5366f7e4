"""The RPCs of error budgets."""

from collections.abc import AsyncIterator

from ballast.triage.v1 import budget_events_pb2
from ballast.triage.v1 import error_budget_service_pb2 as pb
from ballast.triage.v1.error_budget_service_pb2_grpc import ErrorBudgetServiceServicer as Contract
from ballast.triage.v1.error_budget_service_pb2_grpc import add_ErrorBudgetServiceServicer_to_server

from services.triage.transport import budget_convert as convert
from services.triage.usecases.budget_parts import BudgetParts
from shared.clock import Clock
from shared.events.feed import Feed
from shared.paging import page_query
from shared.rpc.once import once
from shared.rpc.server import GrpcService
from shared.storage.database import Database

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["ErrorBudgetService"], add_ErrorBudgetServiceServicer_to_server)
_CHANGED = budget_events_pb2.ErrorBudgetChanged
_POINTS = 121


class ErrorBudgetServicer(Contract):
    """Parses, calls, answers."""

    def __init__(self, database: Database, parts: BudgetParts, feed: Feed, clock: Clock) -> None:
        self.database = database
        self._budgets = parts.budgets
        self._uses = parts.uses
        self._feed = feed
        self._clock = clock

    async def GetErrorBudget(self, request: pb.GetErrorBudgetRequest, context: object) -> pb.GetErrorBudgetResponse:
        windows = [each.ToTimedelta() for each in request.windows]
        reports = await self._budgets.get(request.slo, self._clock.now(), windows)
        return pb.GetErrorBudgetResponse(error_budgets=[convert.report_to_pb(each) for each in reports])

    async def ListErrorBudgets(self, request: pb.ListErrorBudgetsRequest, context: object) -> pb.ListErrorBudgetsResponse:
        query = convert.query_from_pb(request)
        paging = page_query(request.page_size, request.page_token, "ListErrorBudgets", query)
        page = await self._budgets.page(query, paging, self._clock.now())
        budgets = [convert.report_to_pb(each) for each in page.items]
        return pb.ListErrorBudgetsResponse(error_budgets=budgets, next_page_token=page.next_page_token)

    async def WatchErrorBudgets(self, request: pb.WatchErrorBudgetsRequest, context: object) -> AsyncIterator[pb.WatchErrorBudgetsResponse]:
        async for item in self._feed.follow(request.resume_token, (_CHANGED.DESCRIPTOR.full_name,)):
            budget = item.event.unpack(_CHANGED).error_budget if item.event else None
            yield pb.WatchErrorBudgetsResponse(error_budget=budget, resume_token=item.resume_token)

    @once(pb.AdjustErrorBudgetResponse)
    async def AdjustErrorBudget(self, request: pb.AdjustErrorBudgetRequest, context: object) -> pb.AdjustErrorBudgetResponse:
        now = self._clock.now()
        made = await self._budgets.adjust(convert.order_from_pb(request), now)
        after = [convert.report_to_pb(each) for each in await self._budgets.get(request.slo, now)]
        return pb.AdjustErrorBudgetResponse(adjustment=convert.adjustment_to_pb(made), error_budgets=after)

    async def ListBudgetAdjustments(self, request: pb.ListBudgetAdjustmentsRequest, context: object) -> pb.ListBudgetAdjustmentsResponse:
        paging = page_query(request.page_size, request.page_token, "ListBudgetAdjustments", request.slo)
        page = await self._budgets.adjustments(request.slo, paging)
        adjustments = [convert.adjustment_to_pb(each) for each in page.items]
        return pb.ListBudgetAdjustmentsResponse(adjustments=adjustments, next_page_token=page.next_page_token)

    async def GetBurnDown(self, request: pb.GetBurnDownRequest, context: object) -> pb.GetBurnDownResponse:
        count = max(request.point_count or _POINTS, 2)
        report, points = await self._budgets.burn_down(request.slo, request.objective, count, self._clock.now())
        return pb.GetBurnDownResponse(error_budget=convert.report_to_pb(report), points=[convert.point_to_pb(each) for each in points])

    async def GetIncidentBudgetUse(self, request: pb.GetIncidentBudgetUseRequest, context: object) -> pb.GetIncidentBudgetUseResponse:
        now = self._clock.now()
        convert.check_one_named(request)
        if request.incident:
            uses = await self._uses.of_incident(request.incident, now)
        else:
            uses = await self._uses.of_slo(request.slo, convert.lookback_from_pb(request), now)
        return pb.GetIncidentBudgetUseResponse(uses=[convert.use_to_pb(each) for each in uses])
