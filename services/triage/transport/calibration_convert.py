"""Calibration, scoring models and drifts to their wire form."""

from itertools import product

from ballast.triage.v1 import calibration_pb2, scoring_model_pb2, triage_events_pb2
from ballast.triage.v1 import calibration_service_pb2 as pb

from services.triage.domain.calibration import Calibration
from services.triage.domain.drift import RUN_LENGTH
from services.triage.domain.errors import PeriodInvalid
from services.triage.domain.estimate import Estimate
from services.triage.domain.events import CalibrationDrifted, InputDrifted
from services.triage.domain.model import Feature
from services.triage.domain.model_version import FitRecord, ModelState, ModelVersion
from services.triage.domain.scale import DoublingScale, LogScale, RemainderScale, Scale, text_of
from services.triage.domain.severity import Severity
from services.triage.domain.triage_cost import CostMatrix
from services.triage.storage.label_store import LabelQuery
from shared.rpc.wellknown import time_from_pb, time_to_pb


def query_from_pb(message: pb.CalibrationFilter) -> LabelQuery:
    """Reads which incidents are meant. Raises PeriodInvalid when none can be."""
    start, end = time_from_pb(message, "start_time"), time_from_pb(message, "end_time")
    if start and end and end <= start:
        raise PeriodInvalid("filter.end_time")
    return LabelQuery(start, end, message.team, message.component)


def calibration_to_pb(calibration: Calibration, costs: CostMatrix) -> calibration_pb2.Calibration:
    cells = [
        calibration_pb2.ConfusionCell(
            assessed=assessed.value,  # type: ignore[arg-type]
            final=final.value,  # type: ignore[arg-type]
            count=calibration.confusion[assessed - 1][final - 1],
            cost=costs.of(assessed, final),
        )
        for assessed, final in product(Severity, Severity)
    ]
    return calibration_pb2.Calibration(
        count=calibration.count,
        brier_score=_measure_to_pb(calibration.brier),
        calibration_error=_measure_to_pb(calibration.calibration_error),
        ranked_probability_score=_measure_to_pb(calibration.ranked_probability),
        quadratic_kappa=_measure_to_pb(calibration.agreement),
        mean_cost=_measure_to_pb(calibration.cost),
        exact_share=_measure_to_pb(calibration.exact_share),
        under_triage_share=_measure_to_pb(calibration.under_share),
        over_triage_share=_measure_to_pb(calibration.over_share),
        confusion=cells,
    )


def model_to_pb(version: ModelVersion, state: ModelState, costs: CostMatrix) -> scoring_model_pb2.ScoringModel:
    model = version.model
    return scoring_model_pb2.ScoringModel(
        name=version.name,
        version=model.version,
        weights_hash=model.weights_hash,
        state=state.value,  # type: ignore[arg-type]
        weights=[_weights_to_pb(each) for each in model.features],
        offset=model.offset,
        factor=model.factor,
        currency=model.currency,
        fit=_fit_to_pb(version.fit, costs) if version.fit else None,
        author=version.author,
        reason=version.reason,
        create_time=time_to_pb(version.create_time),
    )


def input_drifted_to_pb(event: InputDrifted) -> triage_events_pb2.InputDrifted:
    drift = event.drift
    return triage_events_pb2.InputDrifted(
        feature=drift.feature,
        stability_index=drift.index.value or 0.0,
        bound=drift.bound,
        recent_count=drift.index.count,
        reference_count=event.reference_count,
        detect_time=time_to_pb(event.detected_at),
    )


def calibration_drifted_to_pb(event: CalibrationDrifted) -> triage_events_pb2.CalibrationDrifted:
    drift = event.drift
    return triage_events_pb2.CalibrationDrifted(
        model_version=event.model.version,
        weights_hash=event.model.weights_hash,
        reference_share=drift.reference_share.value or 0.0,
        reference_count=drift.reference_share.count,
        watched_count=drift.watched_count,
        total=drift.total,
        limit=drift.chart.limit if drift.chart else 0.0,
        false_alarm_every=RUN_LENGTH,
        detect_time=time_to_pb(event.detected_at),
    )


def _measure_to_pb(estimate: Estimate) -> calibration_pb2.Measure:
    return calibration_pb2.Measure(value=estimate.value, count=estimate.count, cannot_tell=estimate.cannot_tell)


def _fit_to_pb(fit: FitRecord, costs: CostMatrix) -> scoring_model_pb2.WeightFit:
    return scoring_model_pb2.WeightFit(
        base_version=fit.base_version,
        used_count=fit.used_count,
        left_out_count=fit.left_out_count,
        before=calibration_to_pb(fit.before, costs),
        after=calibration_to_pb(fit.after, costs),
    )


def _weights_to_pb(feature: Feature) -> scoring_model_pb2.FeatureWeights:
    return scoring_model_pb2.FeatureWeights(
        feature=feature.name,
        axis=feature.axis.value,  # type: ignore[arg-type]
        least=feature.least,
        most=feature.most,
        when_missing=feature.when_missing,
        scale=_scale_text(feature.scale),
        reason=feature.reason,
    )


def _scale_text(scale: Scale) -> str:
    if isinstance(scale, LogScale):
        return f"logarithmic, 0 at {text_of(scale.zero_at)} and 1 at {text_of(scale.full_at)}"
    if isinstance(scale, DoublingScale):
        return f"by doublings, 0 at 1 and 1 at {2**scale.doublings:,}"
    if isinstance(scale, RemainderScale):
        return "of what is left, 0 at 1 and 1 at 0"
    return ", ".join(f"{text_of(step)} {fraction:.3g}" for step, fraction in scale.steps)
