"""Calibrating: measuring assessments against final severities, and proposing weights from them."""

import asyncio

from services.triage.domain.calibration import Calibration, calibration_of
from services.triage.domain.fitting import fit_weights
from services.triage.domain.model_version import FitRecord, ModelState, ModelVersion
from services.triage.domain.triage_cost import CostMatrix
from services.triage.storage.label_store import LabelQuery, LabelStore
from services.triage.storage.model_store import ModelStore
from services.triage.usecases.assessments import Yardsticks
from shared.clock import Clock
from shared.errors import check_reason
from shared.paging import Page, PageQuery
from shared.principal import SYSTEM, current_principal_name

MOST_MEASURED = 20_000
MOST_FITTED = 2_000  # about five seconds
_JUDGEMENT = "Set by judgement, not fitted."


class Calibrations:
    """How assessments did, and the versions of the scoring model."""

    def __init__(self, labels: LabelStore, models: ModelStore, yardsticks: Yardsticks, *, costs: CostMatrix, clock: Clock) -> None:
        self._labels = labels
        self._models = models
        self._matrices = yardsticks.matrices
        self._model = yardsticks.model
        self._clock = clock
        self.costs = costs

    async def measure(self, query: LabelQuery) -> Calibration:
        judged = await self._labels.judged(query, MOST_MEASURED)
        return await asyncio.to_thread(calibration_of, judged, self.costs)

    async def fit(self, query: LabelQuery, reason: str, *, validate_only: bool) -> ModelVersion:
        """Proposes weights on behalf of the caller, and stores them as a candidate. Raises TooFewLabels, REASON_EMPTY."""
        if not validate_only:
            check_reason("reason", reason)
        labelled = await self._labels.labelled(query, MOST_FITTED)
        matrix = (await self._matrices.newest()).document
        # In a thread: nothing else is to wait for the search.
        found = await asyncio.to_thread(fit_weights, labelled, self._model, matrix, self.costs)
        record = FitRecord(self._model.version, found.used_count, found.left_out_count, found.before, found.after)
        candidate = ModelVersion(found.candidate, record, current_principal_name(), reason, self._clock.now())
        return candidate if validate_only else await self._models.keep(candidate)

    async def get(self, name: str) -> ModelVersion:
        """Returns a version, the one in force for an empty name."""
        in_force = await self._in_force()
        return in_force if name in {"", in_force.name} else await self._models.get(name)

    async def page(self, paging: PageQuery) -> Page[ModelVersion]:
        await self._in_force()
        return await self._models.page(paging)

    def state(self, version: ModelVersion) -> ModelState:
        return version.state(self._model)

    async def _in_force(self) -> ModelVersion:
        return await self._models.keep_in_force(ModelVersion(self._model, None, SYSTEM, _JUDGEMENT, self._clock.now()))
