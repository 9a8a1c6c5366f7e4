"""The RPCs of triage."""

from ballast.triage.v1 import triage_service_pb2 as pb
from ballast.triage.v1.triage_service_pb2_grpc import TriageServiceServicer, add_TriageServiceServicer_to_server

from services.triage.transport import convert
from services.triage.transport.events import MATRIX_SUBJECT
from services.triage.transport.what_if import supposition_from_pb
from services.triage.usecases.assessments import Assessments
from services.triage.usecases.catalogue import Catalogue
from services.triage.usecases.matrices import Matrices
from shared.amendments.control import AmendmentControl
from shared.paging import page_query
from shared.rpc.once import once
from shared.rpc.server import GrpcService
from shared.storage.database import Database

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["TriageService"], add_TriageServiceServicer_to_server)
_LATEST = 1_000


class TriageServicer(TriageServiceServicer):
    """Parses, calls, answers."""

    def __init__(
        self, database: Database, catalogue: Catalogue, matrices: Matrices, assessments: Assessments, control: AmendmentControl
    ) -> None:
        self.database = database
        self._catalogue = catalogue
        self._matrices = matrices
        self._assessments = assessments
        self._control = control

    @once(pb.UpsertComponentsResponse)
    async def UpsertComponents(self, request: pb.UpsertComponentsRequest, context: object) -> pb.UpsertComponentsResponse:
        etags = {each.name: each.etag for each in request.components if each.etag}
        components = [convert.component_from_pb(each, f"components[{index}]") for index, each in enumerate(request.components)]
        stored = await self._catalogue.upsert(components, etags)
        return pb.UpsertComponentsResponse(components=[convert.component_to_pb(each) for each in stored])

    async def GetComponent(self, request: pb.GetComponentRequest, context: object) -> pb.GetComponentResponse:
        return pb.GetComponentResponse(component=convert.component_to_pb(await self._catalogue.get(request.name)))

    async def ListComponents(self, request: pb.ListComponentsRequest, context: object) -> pb.ListComponentsResponse:
        paging = page_query(request.page_size, request.page_token, "ListComponents", request.owner_team)
        page = await self._catalogue.page(request.owner_team, paging)
        components = [convert.component_to_pb(each) for each in page.items]
        return pb.ListComponentsResponse(components=components, next_page_token=page.next_page_token)

    async def GetSeverityMatrix(self, request: pb.GetSeverityMatrixRequest, context: object) -> pb.GetSeverityMatrixResponse:
        return pb.GetSeverityMatrixResponse(matrix=convert.matrix_to_pb(await self._matrices.get(request.revision)))

    @once(pb.UpdateSeverityMatrixResponse)
    async def UpdateSeverityMatrix(self, request: pb.UpdateSeverityMatrixRequest, context: object) -> pb.UpdateSeverityMatrixResponse:
        sent = request.matrix
        async with self._control.directly(MATRIX_SUBJECT, validate_only=request.validate_only):
            made = await self._matrices.update(convert.matrix_from_pb(sent), sent.etag, sent.reason, validate_only=request.validate_only)
        return pb.UpdateSeverityMatrixResponse(matrix=convert.matrix_to_pb(made))

    async def ListSeverityMatrixRevisions(
        self, request: pb.ListSeverityMatrixRevisionsRequest, context: object
    ) -> pb.ListSeverityMatrixRevisionsResponse:
        page = await self._matrices.page(page_query(request.page_size, request.page_token, "ListSeverityMatrixRevisions"))
        matrices = [convert.matrix_to_pb(each) for each in page.items]
        return pb.ListSeverityMatrixRevisionsResponse(matrices=matrices, next_page_token=page.next_page_token)

    async def DryRunSeverityMatrix(self, request: pb.DryRunSeverityMatrixRequest, context: object) -> pb.DryRunSeverityMatrixResponse:
        return convert.matrix_trial_to_pb(await self._matrices.try_(convert.matrix_from_pb(request.matrix), request.incidents or _LATEST))

    async def GetAssessment(self, request: pb.GetAssessmentRequest, context: object) -> pb.GetAssessmentResponse:
        assessment = await self._assessments.get(request.name, request.revision)
        return pb.GetAssessmentResponse(assessment=convert.assessment_to_pb(assessment))

    async def ListAssessments(self, request: pb.ListAssessmentsRequest, context: object) -> pb.ListAssessmentsResponse:
        query = convert.query_from_pb(request)
        page = await self._assessments.page(query, page_query(request.page_size, request.page_token, "ListAssessments", query))
        assessments = [convert.assessment_to_pb(each) for each in page.items]
        return pb.ListAssessmentsResponse(assessments=assessments, next_page_token=page.next_page_token)

    async def SimulateAssessment(self, request: pb.SimulateAssessmentRequest, context: object) -> pb.SimulateAssessmentResponse:
        found, differences = await self._assessments.simulate(supposition_from_pb(request))
        return pb.SimulateAssessmentResponse(assessment=convert.simulated_to_pb(found, differences))
