"""The RPCs of muting."""

from ballast.intake.v1 import inhibit_rule_messages_pb2 as rule_pb
from ballast.intake.v1 import maintenance_window_messages_pb2 as window_pb
from ballast.intake.v1 import muting_service_pb2
from ballast.intake.v1 import silence_messages_pb2 as silence_pb
from ballast.intake.v1.muting_service_pb2_grpc import MutingServiceServicer, add_MutingServiceServicer_to_server

from services.intake.domain.silence import SilenceState
from services.intake.transport import muting_convert as convert
from services.intake.transport import muting_requests as requests
from services.intake.usecases.inhibit_rules import InhibitRulebook
from services.intake.usecases.maintenance import Maintenance
from services.intake.usecases.silences import Silences
from shared.clock import Clock
from shared.ids import uuid_of
from shared.paging import page_query
from shared.rpc.once import once
from shared.rpc.server import GrpcService
from shared.rpc.wellknown import time_from_pb
from shared.storage.database import Database

SERVICE = GrpcService(muting_service_pb2.DESCRIPTOR.services_by_name["MutingService"], add_MutingServiceServicer_to_server)


class MutingServicer(MutingServiceServicer):
    """Parses, calls, answers. What it answers tells how things stand by the clock."""

    def __init__(self, database: Database, silences: Silences, maintenance: Maintenance, rulebook: InhibitRulebook, clock: Clock) -> None:
        self.database = database
        self._silences = silences
        self._maintenance = maintenance
        self._rulebook = rulebook
        self._clock = clock

    @once(silence_pb.CreateSilenceResponse)
    async def CreateSilence(self, request: silence_pb.CreateSilenceRequest, context: object) -> silence_pb.CreateSilenceResponse:
        made, preview = await self._silences.create(requests.new_silence(request), validate_only=request.validate_only)
        silence = convert.silence_to_pb(made, self._clock.now(), is_stored=preview is None)
        return requests.created_silence(silence, preview)

    @once(silence_pb.UpdateSilenceResponse)
    async def UpdateSilence(self, request: silence_pb.UpdateSilenceRequest, context: object) -> silence_pb.UpdateSilenceResponse:
        edited = requests.silence_edit(request)
        silence = await self._silences.update(uuid_of(request.name), request.etag, edited, request.change_reason)
        return silence_pb.UpdateSilenceResponse(silence=convert.silence_to_pb(silence, self._clock.now()))

    @once(silence_pb.ExpireSilenceResponse)
    async def ExpireSilence(self, request: silence_pb.ExpireSilenceRequest, context: object) -> silence_pb.ExpireSilenceResponse:
        silence = await self._silences.expire(uuid_of(request.name), request.etag, request.change_reason)
        return silence_pb.ExpireSilenceResponse(silence=convert.silence_to_pb(silence, self._clock.now()))

    async def GetSilence(self, request: silence_pb.GetSilenceRequest, context: object) -> silence_pb.GetSilenceResponse:
        silence = await self._silences.get(uuid_of(request.name))
        return silence_pb.GetSilenceResponse(silence=convert.silence_to_pb(silence, self._clock.now()))

    async def ListSilences(self, request: silence_pb.ListSilencesRequest, context: object) -> silence_pb.ListSilencesResponse:
        states = tuple(SilenceState(each) for each in request.states)
        page = await self._silences.page(states, page_query(request.page_size, request.page_token, "ListSilences", states))
        silences = [convert.silence_to_pb(each, self._clock.now()) for each in page.items]
        return silence_pb.ListSilencesResponse(silences=silences, next_page_token=page.next_page_token)

    async def ListSilenceVersions(
        self, request: silence_pb.ListSilenceVersionsRequest, context: object
    ) -> silence_pb.ListSilenceVersionsResponse:
        paging = page_query(request.page_size, request.page_token, "ListSilenceVersions", request.name)
        page = await self._silences.versions(uuid_of(request.name), paging)
        silences = [convert.silence_to_pb(each, self._clock.now()) for each in page.items]
        return silence_pb.ListSilenceVersionsResponse(silences=silences, next_page_token=page.next_page_token)

    @once(window_pb.CreateMaintenanceWindowResponse)
    async def CreateMaintenanceWindow(
        self, request: window_pb.CreateMaintenanceWindowRequest, context: object
    ) -> window_pb.CreateMaintenanceWindowResponse:
        plan = await self._maintenance.create(requests.new_window(request), validate_only=request.validate_only)
        window = convert.window_to_pb(plan.window, self._clock.now(), is_stored=not request.validate_only)
        following = convert.upcoming_to_pb(plan.window, plan.upcoming, is_stored=not request.validate_only)
        return window_pb.CreateMaintenanceWindowResponse(maintenance_window=window, next_occurrences=following)

    @once(window_pb.UpdateMaintenanceWindowResponse)
    async def UpdateMaintenanceWindow(
        self, request: window_pb.UpdateMaintenanceWindowRequest, context: object
    ) -> window_pb.UpdateMaintenanceWindowResponse:
        edited = requests.window_edit(request)
        identifier = uuid_of(request.name)
        plan = await self._maintenance.update(identifier, request.etag, edited, request.change_reason, validate_only=request.validate_only)
        window = convert.window_to_pb(plan.window, self._clock.now())
        following = convert.upcoming_to_pb(plan.window, plan.upcoming)
        return window_pb.UpdateMaintenanceWindowResponse(maintenance_window=window, next_occurrences=following)

    @once(window_pb.CancelMaintenanceWindowResponse)
    async def CancelMaintenanceWindow(
        self, request: window_pb.CancelMaintenanceWindowRequest, context: object
    ) -> window_pb.CancelMaintenanceWindowResponse:
        window = await self._maintenance.cancel(uuid_of(request.name), request.etag, request.change_reason)
        return window_pb.CancelMaintenanceWindowResponse(maintenance_window=convert.window_to_pb(window, self._clock.now()))

    async def GetMaintenanceWindow(
        self, request: window_pb.GetMaintenanceWindowRequest, context: object
    ) -> window_pb.GetMaintenanceWindowResponse:
        window = await self._maintenance.get(uuid_of(request.name))
        return window_pb.GetMaintenanceWindowResponse(maintenance_window=convert.window_to_pb(window, self._clock.now()))

    async def ListMaintenanceWindows(
        self, request: window_pb.ListMaintenanceWindowsRequest, context: object
    ) -> window_pb.ListMaintenanceWindowsResponse:
        paging = page_query(request.page_size, request.page_token, "ListMaintenanceWindows", request.include_over)
        page = await self._maintenance.page(paging, include_over=request.include_over)
        windows = [convert.window_to_pb(each, self._clock.now()) for each in page.items]
        return window_pb.ListMaintenanceWindowsResponse(maintenance_windows=windows, next_page_token=page.next_page_token)

    async def ListMaintenanceWindowVersions(
        self, request: window_pb.ListMaintenanceWindowVersionsRequest, context: object
    ) -> window_pb.ListMaintenanceWindowVersionsResponse:
        paging = page_query(request.page_size, request.page_token, "ListMaintenanceWindowVersions", request.name)
        page = await self._maintenance.versions(uuid_of(request.name), paging)
        windows = [convert.window_to_pb(each, self._clock.now()) for each in page.items]
        return window_pb.ListMaintenanceWindowVersionsResponse(maintenance_windows=windows, next_page_token=page.next_page_token)

    async def ListMaintenanceOccurrences(
        self, request: window_pb.ListMaintenanceOccurrencesRequest, context: object
    ) -> window_pb.ListMaintenanceOccurrencesResponse:
        identifier = uuid_of(request.maintenance_window) if request.maintenance_window else None
        after, before = time_from_pb(request, "after"), time_from_pb(request, "before")
        paging = page_query(request.page_size, request.page_token, "ListMaintenanceOccurrences", identifier, after, before)
        page = await self._maintenance.occurrences(identifier, after, before, paging)
        occurrences = [convert.planned_to_pb(each) for each in page.items]
        return window_pb.ListMaintenanceOccurrencesResponse(occurrences=occurrences, next_page_token=page.next_page_token)

    async def GetInhibitRules(self, request: rule_pb.GetInhibitRulesRequest, context: object) -> rule_pb.GetInhibitRulesResponse:
        return rule_pb.GetInhibitRulesResponse(inhibit_rules=convert.rules_to_pb(await self._rulebook.get(request.revision)))

    @once(rule_pb.SetInhibitRulesResponse)
    async def SetInhibitRules(self, request: rule_pb.SetInhibitRulesRequest, context: object) -> rule_pb.SetInhibitRulesResponse:
        rules = convert.rules_from_pb(request.rules)
        made = await self._rulebook.replace(rules, request.etag, request.reason, validate_only=request.validate_only)
        return rule_pb.SetInhibitRulesResponse(inhibit_rules=convert.rules_to_pb(made, is_stored=not request.validate_only))

    async def ListInhibitRuleRevisions(
        self, request: rule_pb.ListInhibitRuleRevisionsRequest, context: object
    ) -> rule_pb.ListInhibitRuleRevisionsResponse:
        page = await self._rulebook.page(page_query(request.page_size, request.page_token, "ListInhibitRuleRevisions"))
        revisions = [convert.rules_to_pb(each) for each in page.items]
        return rule_pb.ListInhibitRuleRevisionsResponse(revisions=revisions, next_page_token=page.next_page_token)
