"""Scoring models, the readings they look at, and how they did, to JSON and back without losing a bit."""

from enum import Enum
from typing import Any

from services.triage.domain.calibration import Calibration
from services.triage.domain.component import Tier
from services.triage.domain.estimate import Estimate
from services.triage.domain.incident import ServiceImpact
from services.triage.domain.inputs import Inputs, Reading
from services.triage.domain.model import Axis, Feature, ScoringModel
from services.triage.domain.model_version import FitRecord, ModelVersion
from services.triage.domain.override import Override
from services.triage.domain.scale import DoublingScale, LogScale, RemainderScale, Scale, StepScale, Value
from services.triage.domain.severity import Severity
from services.triage.domain.severity_floor import floors_from_text
from services.triage.storage.snapshots import evidence_from_json, evidence_to_json

_ENUMS = {each.__name__: each for each in (ServiceImpact, Tier)}
_SCALES = {each.__name__: each for each in (LogScale, DoublingScale, RemainderScale)}
_MEASURES = (
    "brier",
    "calibration_error",
    "ranked_probability",
    "agreement",
    "cost",
    "exact_share",
    "under_share",
    "over_share",
)


def version_from_row(row: Any) -> ModelVersion:
    fit = None if row.fit is None else _fit_from_json(row.fit)
    return ModelVersion(_model_from_json(row.version, row.document), fit, row.author, row.reason, row.created_at)


def version_to_row(version: ModelVersion) -> dict[str, Any]:
    return {
        "version": version.model.version,
        "weights_hash": version.model.weights_hash,
        "document": _model_to_json(version.model),
        "fit": None if version.fit is None else _fit_to_json(version.fit),
        "author": version.author,
        "reason": version.reason,
        "created_at": version.create_time,
    }


def inputs_to_json(inputs: Inputs) -> dict[str, Any]:
    readings = {name: [_value_to_json(each.value), each.complete, each.note] for name, each in inputs.readings.items()}
    floors = [[component, floor.text] for component, floor in inputs.floors]
    return {"readings": readings, "evidence": evidence_to_json(inputs.evidence), "floors": floors}


def inputs_from_json(stored: dict[str, Any]) -> Inputs:
    readings = {name: Reading(_value_from_json(value), complete, note) for name, (value, complete, note) in stored["readings"].items()}
    floors = tuple((component, floor) for component, text in stored["floors"] for floor in floors_from_text(text))
    return Inputs(readings, evidence_from_json(stored["evidence"]), floors)


def _model_to_json(model: ScoringModel) -> dict[str, Any]:
    return {
        "features": [_feature_to_json(each) for each in model.features],
        "overrides": [[each.reason, each.fact, each.at_least.name, each.rises_if, each.drops_if] for each in model.overrides],
        "offset": model.offset,
        "factor": model.factor,
        "currency": model.currency,
    }


def _model_from_json(version: str, stored: dict[str, Any]) -> ScoringModel:
    return ScoringModel(
        version,
        tuple(_feature_from_json(each) for each in stored["features"]),
        tuple(Override(reason, fact, Severity[at_least], *texts) for reason, fact, at_least, *texts in stored["overrides"]),
        offset=float(stored["offset"]),
        factor=float(stored["factor"]),
        currency=stored["currency"],
    )


def _feature_to_json(feature: Feature) -> dict[str, Any]:
    return {
        "name": feature.name,
        "axis": feature.axis.name,
        "least": feature.least,
        "most": feature.most,
        "when_missing": feature.when_missing,
        "scale": _scale_to_json(feature.scale),
        "reason": feature.reason,
        "unit": feature.unit,
        "rises_if": feature.rises_if,
        "drops_if": feature.drops_if,
    }


def _feature_from_json(stored: dict[str, Any]) -> Feature:
    numbers = {name: float(stored[name]) for name in ("least", "most", "when_missing")}
    changed = numbers | {"axis": Axis[stored["axis"]], "scale": _scale_from_json(stored["scale"])}
    return Feature(**(stored | changed))


def _scale_to_json(scale: Scale) -> dict[str, Any]:
    if isinstance(scale, StepScale):
        return {"kind": "StepScale", "steps": [[_value_to_json(step), fraction] for step, fraction in scale.steps]}
    return {"kind": type(scale).__name__} | {name: getattr(scale, name) for name in scale.__dataclass_fields__}


def _scale_from_json(stored: dict[str, Any]) -> Scale:
    values = dict(stored)
    kind = values.pop("kind")
    if kind == "StepScale":
        return StepScale(tuple((_known(_value_from_json(step)), float(fraction)) for step, fraction in values["steps"]))
    return _SCALES[kind](**values)


def _fit_to_json(fit: FitRecord) -> dict[str, Any]:
    return {
        "base_version": fit.base_version,
        "used_count": fit.used_count,
        "left_out_count": fit.left_out_count,
        "before": _calibration_to_json(fit.before),
        "after": _calibration_to_json(fit.after),
    }


def _fit_from_json(stored: dict[str, Any]) -> FitRecord:
    return FitRecord(**(stored | {name: _calibration_from_json(stored[name]) for name in ("before", "after")}))


def _calibration_to_json(calibration: Calibration) -> dict[str, Any]:
    measures = ((name, getattr(calibration, name)) for name in _MEASURES)
    return {name: [each.value, each.count, each.cannot_tell] for name, each in measures} | {"confusion": calibration.confusion}


def _calibration_from_json(stored: dict[str, Any]) -> Calibration:
    measures = {name: Estimate(value, count, cannot_tell=why) for name, (value, count, why) in ((each, stored[each]) for each in _MEASURES)}
    return Calibration(**measures, confusion=tuple(map(tuple, stored["confusion"])))


def _value_to_json(value: Value | None) -> Any:
    return [type(value).__name__, value.name] if isinstance(value, Enum) else value


def _value_from_json(stored: Any) -> Value | None:
    if isinstance(stored, list):
        kind, name = stored
        return _ENUMS[kind][name]
    return stored  # type: ignore[no-any-return]  # a number, a bool or null, as it was written


def _known(value: Value | None) -> Value:
    assert value is not None
    return value
