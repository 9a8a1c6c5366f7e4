"""The RPCs of calibration."""

from ballast.triage.v1 import calibration_service_pb2 as pb
from ballast.triage.v1 import scoring_model_pb2
from ballast.triage.v1.calibration_service_pb2_grpc import CalibrationServiceServicer, add_CalibrationServiceServicer_to_server

from services.triage.domain.model_version import ModelVersion
from services.triage.transport import calibration_convert as convert
from services.triage.usecases.calibrations import Calibrations
from shared.paging import page_query
from shared.rpc.once import once
from shared.rpc.server import GrpcService
from shared.storage.database import Database

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["CalibrationService"], add_CalibrationServiceServicer_to_server)


class CalibrationServicer(CalibrationServiceServicer):
    """Parses, calls, answers."""

    def __init__(self, database: Database, calibrations: Calibrations) -> None:
        self.database = database
        self._calibrations = calibrations

    async def GetCalibration(self, request: pb.GetCalibrationRequest, context: object) -> pb.GetCalibrationResponse:
        found = await self._calibrations.measure(convert.query_from_pb(request.filter))
        return pb.GetCalibrationResponse(calibration=convert.calibration_to_pb(found, self._calibrations.costs))

    @once(pb.FitWeightsResponse)
    async def FitWeights(self, request: pb.FitWeightsRequest, context: object) -> pb.FitWeightsResponse:
        query = convert.query_from_pb(request.filter)
        made = await self._calibrations.fit(query, request.reason, validate_only=request.validate_only)
        return pb.FitWeightsResponse(candidate=self._model_to_pb(made))

    async def GetScoringModel(self, request: pb.GetScoringModelRequest, context: object) -> pb.GetScoringModelResponse:
        return pb.GetScoringModelResponse(model=self._model_to_pb(await self._calibrations.get(request.name)))

    async def ListScoringModels(self, request: pb.ListScoringModelsRequest, context: object) -> pb.ListScoringModelsResponse:
        page = await self._calibrations.page(page_query(request.page_size, request.page_token, "ListScoringModels"))
        models = [self._model_to_pb(each) for each in page.items]
        return pb.ListScoringModelsResponse(models=models, next_page_token=page.next_page_token)

    def _model_to_pb(self, version: ModelVersion) -> scoring_model_pb2.ScoringModel:
        return convert.model_to_pb(version, self._calibrations.state(version), self._calibrations.costs)
