"""Fitting: weights proposed from incidents whose final severity people gave, with how they would have done. Never applies itself.

The model keeps its form: the same features on the same scales, the same offset and factor, no intercept. What is proposed are least,
most and when_missing of each feature, by the most likely weights under a prior around those in force (`weight_likelihood`):

- centred: least lies between −4 and 0 and most between 1/16 and 4, so mild values never raise the score and bad ones never lower it;
- monotone, as least stays below most; when_missing lies between them and is never 0; all on the grid of 1/1024.

Measured by 5-fold cross-validation: the fold of an incident is the SHA-256 of its name modulo 5, so an incident never changes its fold
as others come. Incidents that an override or a floor decided say nothing of the weights and are left out. The same records give the same
candidate in any order: they are sorted first, and the grid absorbs what the last bits of floating point may differ by.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from services.triage.domain.calibration import Calibration, Judged, calibration_of, claim_of
from services.triage.domain.errors import TooFewLabels
from services.triage.domain.inputs import Inputs
from services.triage.domain.model import GRID, Feature, ScoringModel, on_grid
from services.triage.domain.severity import Severity
from services.triage.domain.severity_matrix import SeverityMatrix
from services.triage.domain.triage_cost import CostMatrix
from services.triage.domain.weight_likelihood import Likelihood, labels_of

FOLDS = 5
FEWEST_RECORDS = 60
FEWEST_OF_TWO_SEVERITIES = 10
FURTHEST = 4.0
NEAREST_MOST = 1 / 16
_MOST_STEPS = 1_000


@dataclass(frozen=True, slots=True)
class LabelledIncident:
    """An incident that people gave a final severity, and what the model looked at."""

    incident: str  # incidents/{uuid}
    inputs: Inputs
    final: Severity


@dataclass(frozen=True, slots=True)
class Fit:
    """A proposed model, and how it and the one in force did on incidents that neither was fitted to."""

    candidate: ScoringModel
    before: Calibration
    after: Calibration
    used_count: int
    left_out_count: int  # decided by an override or a floor


def fit_weights(labelled: Iterable[LabelledIncident], model: ScoringModel, matrix: SeverityMatrix, costs: CostMatrix) -> Fit:
    """Proposes weights. Raises TooFewLabels when there is too little to learn from."""
    every = sorted(labelled, key=lambda each: each.incident)
    used = [each for each in every if not _is_decided(each.inputs, model)]
    _check(used)
    return Fit(
        candidate=_named(_fitted(used, model, matrix), model),
        before=calibration_of([Judged(claim_of(each.inputs, model, matrix), each.final) for each in used], costs),
        after=calibration_of(_held_out(used, model, matrix), costs),
        used_count=len(used),
        left_out_count=len(every) - len(used),
    )


def fold_of(incident: str) -> int:
    """Returns the fold, from 0, in which an incident is held out."""
    return int.from_bytes(hashlib.sha256(incident.encode()).digest()) % FOLDS


def _is_decided(inputs: Inputs, model: ScoringModel) -> bool:
    """Says whether an override or a floor of a component holds, whatever the score says."""
    readings = {name: reading.value for name, reading in inputs.readings.items()}
    return any(each.matches(inputs.evidence) for each in model.overrides) or any(floor.holds(readings) for _, floor in inputs.floors)


def _check(used: Sequence[LabelledIncident]) -> None:
    common = sum(count >= FEWEST_OF_TWO_SEVERITIES for count in Counter(each.final for each in used).values())
    if len(used) < FEWEST_RECORDS:
        raise TooFewLabels(f"{len(used)} incidents have a final severity that no override or floor decided; {FEWEST_RECORDS} are needed")
    if common < 2:
        raise TooFewLabels(f"fewer than two severities were given {FEWEST_OF_TWO_SEVERITIES} times; there is no difference to learn from")


def _held_out(used: Sequence[LabelledIncident], model: ScoringModel, matrix: SeverityMatrix) -> list[Judged]:
    """Judges each incident by weights fitted to the other folds."""
    found = []
    for fold in range(FOLDS):
        held_out = [each for each in used if fold_of(each.incident) == fold]
        fitted = _fitted([each for each in used if fold_of(each.incident) != fold], model, matrix)
        found += [Judged(claim_of(each.inputs, fitted, matrix), each.final) for each in held_out]
    return found


def _fitted(used: Sequence[LabelledIncident], model: ScoringModel, matrix: SeverityMatrix) -> ScoringModel:
    from scipy.optimize import minimize

    likelihood = Likelihood(labels_of([(each.inputs, each.final) for each in used], model, matrix), model, matrix)
    count = len(model.features)
    bounds = [(-FURTHEST, 0.0)] * count + [(NEAREST_MOST, FURTHEST)] * count + [(0.0, 1.0)] * count
    start = np.clip(likelihood.start, [low for low, _ in bounds], [high for _, high in bounds])
    found = minimize(likelihood.loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": _MOST_STEPS})
    least, most, share = np.split(found.x, 3)
    features = (_weighted(each, *weights) for each, *weights in zip(model.features, least, most, share, strict=True))
    return replace(model, features=tuple(features))


def _weighted(feature: Feature, least: float, most: float, share: float) -> Feature:
    low, high = on_grid(float(least)), on_grid(float(most))
    missing = min(high, max(low, on_grid(float(least + share * (most - least)))))
    # A missing input is never silently zero: the smallest step towards "if unsure take the higher".
    return replace(feature, least=low, most=high, when_missing=missing or 1 / GRID)


def _named(fitted: ScoringModel, model: ScoringModel) -> ScoringModel:
    """Names the candidate after its weights, so that the same weights always have the same version."""
    return replace(fitted, version=f"{model.version}-fit.{fitted.weights_hash[:8]}")
