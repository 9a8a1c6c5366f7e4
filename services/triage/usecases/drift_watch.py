"""Watching for drift: looking every hour whether inputs or calibration are no longer what they were, and telling."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from functools import partial

import structlog
from opentelemetry.metrics import Meter

from services.triage.domain.calibration import Calibration, Judged, calibration_of
from services.triage.domain.drift import CalibrationDrift, InputDrift, Readings, calibration_drift, input_drifts
from services.triage.domain.events import CalibrationDrifted, InputDrifted
from services.triage.domain.model import ScoringModel
from services.triage.domain.triage_cost import CostMatrix
from services.triage.storage.drift_store import DriftStore, Seen
from services.triage.storage.label_store import LabelQuery, LabelStore

RECENT, REFERENCE = 100, 200  # incidents in the windows of inputs
FIRST = 100  # labelled incidents that are the reference of calibration
MOST_WATCHED = 2_000
_log = structlog.get_logger(__name__)
_MEASURES = {"brier_score": "brier", "calibration_error": "calibration_error", "mean_cost": "cost", "under_triage_share": "under_share"}


class DriftWatch:
    """Compares what is now with what was, and sends an event when a drift begins."""

    def __init__(self, labels: LabelStore, drifts: DriftStore, model: ScoringModel, costs: CostMatrix, meter: Meter) -> None:
        self._labels = labels
        self._drifts = drifts
        self._model = model
        self._costs = costs
        self._looked_in: datetime | None = None
        self._index = meter.create_gauge("ballast_triage_input_stability_index", "1", "How far an input moved between two windows.")
        self._active = meter.create_gauge("ballast_triage_drift_active", "1", "Whether an input or calibration has drifted.")
        self._labelled = meter.create_gauge("ballast_triage_incidents_labelled", "{incident}", "Incidents that calibration is measured by.")
        self._measures = {
            name: meter.create_gauge(f"ballast_triage_{name}", "1", "A measure of calibration; see GetCalibration.") for name in _MEASURES
        }

    async def tick(self, now: datetime) -> None:
        """Looks once in each hour of the clock, however often it is called."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        if hour != self._looked_in:
            await self.look(now)
            self._looked_in = hour

    async def look(self, now: datetime) -> None:
        """Looks now. Safe to repeat: a drift is told of once, when it begins."""
        readings = await self._labels.newest_readings(REFERENCE + RECENT)
        judged = await self._labels.judged(LabelQuery(weights_hash=self._model.weights_hash), MOST_WATCHED)
        # In a thread: it is arithmetic, and calls are not to wait for it.
        inputs, calibration, measures = await asyncio.to_thread(self._compute, readings, judged)
        for each in inputs:
            self._show(each.feature, each.index.value, each.drifted)
        self._show("calibration", None, calibration.drifted)
        self._measure(measures)
        reference = max(0, len(readings) - RECENT)
        seen = [Seen(f"drifts/{each.feature}", each.drifted, partial(_input, each, reference, now)) for each in inputs]
        seen.append(Seen("drifts/calibration", calibration.drifted, partial(_calibration, calibration, self._model, now)))
        for subject in await self._drifts.note(seen):
            _log.warning("a drift began", subject=subject)

    def _compute(
        self, readings: Sequence[Readings], judged: Sequence[Judged]
    ) -> tuple[Sequence[InputDrift], CalibrationDrift, Calibration]:
        inputs = input_drifts(self._model.features, readings[:-RECENT], readings[-RECENT:])
        misjudged = [each.claim.assessed != each.final for each in judged]
        return inputs, calibration_drift(misjudged[:FIRST], misjudged[FIRST:]), calibration_of(judged, self._costs)

    def _show(self, subject: str, index: float | None, drifted: bool) -> None:
        attributes = {"ballast.drift.subject": subject}
        self._active.set(int(drifted), attributes)
        if index is not None:
            self._index.set(index, attributes)

    def _measure(self, measures: Calibration) -> None:
        self._labelled.set(measures.count)
        for name, field in _MEASURES.items():
            value = getattr(measures, field).value
            if value is not None:
                self._measures[name].set(value)


def _input(drift: InputDrift, reference_count: int, now: datetime, onset: int) -> InputDrifted:
    return InputDrifted(drift, reference_count, onset, now)


def _calibration(drift: CalibrationDrift, model: ScoringModel, now: datetime, onset: int) -> CalibrationDrifted:
    return CalibrationDrifted(drift, model, onset, now)
