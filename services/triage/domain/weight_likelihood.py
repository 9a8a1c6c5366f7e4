"""The likelihood of final severities under a model's weights, with its gradient: what fitting climbs.

The weights of a feature are what it adds at its mildest (`least`), at its worst (`most`) and when it is missing, which lies between the
two by a share. Known inputs add a mix of least and most by their scale; so the points of both axes are linear in the weights but for
that share, and the chance of a final severity follows as in `severity_chances`.

    loss = − Σ log((1 − ε) · P(final) + ε / 5)  +  Σ (weight − weight in force)² / (2 · spread²)

ε = 0.02: one label in fifty may be anything, so that a single slip of a person cannot bend the weights. The second sum is a normal
prior around the weights in force; its spread of half a unit of log-odds keeps few labels from moving them far.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.triage.domain.inputs import Inputs
from services.triage.domain.model import Axis, Feature, ScoringModel
from services.triage.domain.score import counts_as_missing
from services.triage.domain.severity import Level, Severity
from services.triage.domain.severity_matrix import SeverityMatrix

SLIP = 0.02
SPREAD = 0.5

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Labels:
    """Inputs and final severities as arrays: a row an incident, a column a feature."""

    fractions: Array  # of the feature's scale; 0 where missing
    missing: NDArray[np.bool_]  # by the weights in force, which decide whether a value known in part counts as missing
    final_cells: Array  # (incidents, impact levels, urgency levels): 1 in the cells whose severity is the final one


@dataclass(frozen=True)
class Likelihood:
    """The loss of weights over labels. A vector of weights holds all `least`, then all `most`, then all shares."""

    labels: Labels
    model: ScoringModel
    matrix: SeverityMatrix

    @property
    def start(self) -> Array:
        """The weights in force."""
        features = self.model.features
        least, most = np.array([each.least for each in features]), np.array([each.most for each in features])
        return np.concatenate((least, most, (self._missing_in_force - least) / (most - least)))

    def loss(self, weights: Array) -> tuple[float, Array]:
        """Returns the loss and its gradient."""
        least, most, share = np.split(weights, 3)
        chance, by_contribution = self._chance(least, most, share)
        loss = -np.log((1 - SLIP) * chance + SLIP / len(Severity)).sum()
        scale = -(1 - SLIP) / ((1 - SLIP) * chance + SLIP / len(Severity))
        pull = by_contribution * scale[:, None]
        prior, prior_gradient = self._prior(least, most, share)
        return float(loss + prior), self._onto_weights(pull, least, most, share) + prior_gradient

    def _chance(self, least: Array, most: Array, share: Array) -> tuple[Array, Array]:
        """Returns the chance of each final severity, and its gradient by the contribution of each feature."""
        fractions, missing = self.labels.fractions, self.labels.missing
        contributions = np.where(missing, least + share * (most - least), least + fractions * (most - least))
        is_impact = np.array([each.axis is Axis.IMPACT for each in self.model.features])
        impact, impact_slope = _levels(contributions[:, is_impact].sum(1), self.matrix.impact_thresholds, self.model.factor)
        urgency, urgency_slope = _levels(contributions[:, ~is_impact].sum(1), self.matrix.urgency_thresholds, self.model.factor)
        cells = self.labels.final_cells
        chance = np.einsum("ri,riu,ru->r", impact, cells, urgency)
        by_impact = np.einsum("ri,riu,ru->r", impact_slope, cells, urgency)
        by_urgency = np.einsum("ri,riu,ru->r", impact, cells, urgency_slope)
        return chance, np.where(is_impact[None, :], by_impact[:, None], by_urgency[:, None])

    def _onto_weights(self, pull: Array, least: Array, most: Array, share: Array) -> Array:
        mix = np.where(self.labels.missing, share, self.labels.fractions)
        by_share = (pull * self.labels.missing).sum(0) * (most - least)
        return np.concatenate(((pull * (1 - mix)).sum(0), (pull * mix).sum(0), by_share))

    def _prior(self, least: Array, most: Array, share: Array) -> tuple[float, Array]:
        features = self.model.features
        off = np.array([least - [each.least for each in features], most - [each.most for each in features]])
        off_missing = least + share * (most - least) - self._missing_in_force
        loss = ((off**2).sum() + (off_missing**2).sum()) / (2 * SPREAD**2)
        by_least, by_most = off[0] + off_missing * (1 - share), off[1] + off_missing * share
        return float(loss), np.concatenate((by_least, by_most, off_missing * (most - least))) / SPREAD**2

    @property
    def _missing_in_force(self) -> Array:
        return np.array([each.when_missing for each in self.model.features])


def labels_of(records: Sequence[tuple[Inputs, Severity]], model: ScoringModel, matrix: SeverityMatrix) -> Labels:
    missing = np.array([[_missing(each, inputs) for each in model.features] for inputs, _ in records])
    fractions = np.array([[_fraction(each, inputs) for each in model.features] for inputs, _ in records])
    table = np.array([[matrix.severity_at(impact, urgency) for urgency in Level] for impact in Level])
    final = np.array([severity for _, severity in records])
    return Labels(fractions, missing, (table[None, :, :] == final[:, None, None]).astype(float))


def _missing(feature: Feature, inputs: Inputs) -> bool:
    return counts_as_missing(feature, inputs.reading(feature.name))


def _fraction(feature: Feature, inputs: Inputs) -> float:
    value = inputs.reading(feature.name).value
    return 0.0 if value is None else feature.scale.fraction(value)


def _levels(log_odds: Array, thresholds: Sequence[float], factor: float) -> tuple[Array, Array]:
    """Returns the chances of the three levels, and how they move with the log-odds."""
    medium, high = (1 / (1 + np.exp(-(log_odds - threshold / factor))) for threshold in thresholds)
    by_medium, by_high = medium * (1 - medium), high * (1 - high)
    chances = np.stack((1 - medium, medium - high, high), axis=1)
    return chances, np.stack((-by_medium, by_medium - by_high, by_high), axis=1)
