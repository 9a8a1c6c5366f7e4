"""Calibration: how assessed severities did against the final ones, which people gave after the fact.

Each measure comes with the count it was taken from, or cannot be told: the rates and scores need 30 incidents, the calibration error
50 (five bins of ten), and agreement needs severities that differ. Fewer would be noise with a figure on it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.triage.domain.estimate import Estimate, untold
from services.triage.domain.inputs import Inputs
from services.triage.domain.model import ScoringModel
from services.triage.domain.ruling import ruling_of
from services.triage.domain.score import score
from services.triage.domain.severity import Severity
from services.triage.domain.severity_chances import CALLED_FROM, SeverityChances, call_chance, severity_chances
from services.triage.domain.severity_matrix import SeverityMatrix
from services.triage.domain.triage_cost import CostMatrix

FEWEST = 30
FEWEST_IN_BIN = 10
FEWEST_BINS, MOST_BINS = 5, 10
_LEVELS = len(Severity)


@dataclass(frozen=True, slots=True)
class Claim:
    """What triage said of one incident, as far as it can be held to it."""

    assessed: Severity
    chances: SeverityChances
    call_chance: float  # that somebody must be called, by the log-odds


@dataclass(frozen=True, slots=True)
class Judged:
    """One incident: what triage said of it, and what it turned out to be."""

    claim: Claim
    final: Severity

    @property
    def was_called_for(self) -> bool:
        return self.final <= CALLED_FROM


@dataclass(frozen=True, slots=True)
class Calibration:
    """The measures. Less is better, but for `agreement` and `exact_share`."""

    brier: Estimate  # of "somebody must be called": mean squared error of the chance, 0 to 1
    calibration_error: Estimate  # of the same: mean distance of chance and share over bins of equal mass, 0 to 1
    ranked_probability: Estimate  # of the chances of all severities, 0 to 1
    agreement: Estimate  # kappa with quadratic weights: 1 when all agree, 0 when no better than chance
    cost: Estimate  # mean by the cost matrix
    exact_share: Estimate  # assessed as it turned out
    under_share: Estimate  # assessed milder than it turned out
    over_share: Estimate  # assessed worse than it turned out
    confusion: tuple[tuple[int, ...], ...]  # counts by assessed (row) and final (column), SEV1 first

    @property
    def count(self) -> int:
        return sum(map(sum, self.confusion))


def calibration_of(judged: Sequence[Judged], costs: CostMatrix) -> Calibration:
    """Measures the assessments of these incidents, in whatever order."""
    return Calibration(
        brier=_mean(judged, lambda each: (each.claim.call_chance - each.was_called_for) ** 2),
        calibration_error=calibration_error(judged),
        ranked_probability=_mean(judged, ranked_probability_score),
        agreement=agreement(judged),
        cost=_mean(judged, lambda each: costs.of(each.claim.assessed, each.final)),
        exact_share=_mean(judged, lambda each: each.claim.assessed == each.final),
        under_share=_mean(judged, lambda each: each.claim.assessed > each.final),
        over_share=_mean(judged, lambda each: each.claim.assessed < each.final),
        confusion=confusion(judged),
    )


def ranked_probability_score(judged: Judged) -> float:
    """Returns the mean squared error of the cumulative chances (Epstein, 1969), over the four steps between five severities: 0 to 1."""
    errors = ((judged.claim.chances.at_least(severity) - (judged.final <= severity)) ** 2 for severity in Severity)
    return math.fsum(errors) / (_LEVELS - 1)


def calibration_error(judged: Sequence[Judged]) -> Estimate:
    """Returns the expected calibration error: |mean chance − share called for| over bins of equal mass, weighted by their mass.

    As many bins of ten or more as there are, five to ten. Equal chances stay together, so the order of incidents does not matter.
    """
    count = len(judged)
    bins = min(MOST_BINS, count // FEWEST_IN_BIN)
    if bins < FEWEST_BINS:
        return untold(f"{count} incidents have a final severity; {FEWEST_BINS * FEWEST_IN_BIN} are needed", count)
    ranked = sorted((each.claim.call_chance, each.was_called_for) for each in judged)
    gaps = [abs(math.fsum(chance - called for chance, called in part)) for part in _equal_parts(ranked, bins)]
    return Estimate(math.fsum(gaps) / count, count)


def agreement(judged: Sequence[Judged]) -> Estimate:
    """Returns Cohen's kappa with quadratic weights (Cohen, 1968): 1 − squared distance seen / squared distance expected by chance."""
    count = len(judged)
    if count < FEWEST:
        return _too_few(count)
    table = confusion(judged)
    assessed, final = [sum(row) for row in table], [sum(column) for column in zip(*table, strict=True)]
    cells = [(row, column) for row in range(_LEVELS) for column in range(_LEVELS)]
    expected = sum((row - column) ** 2 * assessed[row] * final[column] for row, column in cells) / count
    if not expected:
        return untold("all incidents were assessed as one severity and turned out as that one, so chance alone would agree", count)
    seen = sum((row - column) ** 2 * table[row][column] for row, column in cells)
    return Estimate(1 - seen / expected, count)


def confusion(judged: Sequence[Judged]) -> tuple[tuple[int, ...], ...]:
    counts = [[0] * _LEVELS for _ in Severity]
    for each in judged:
        counts[each.claim.assessed - 1][each.final - 1] += 1
    return tuple(map(tuple, counts))


def _mean(judged: Sequence[Judged], figure: Callable[[Judged], float]) -> Estimate:
    count = len(judged)
    return Estimate(math.fsum(map(figure, judged)) / count, count) if count >= FEWEST else _too_few(count)


def _too_few(count: int) -> Estimate:
    return untold(f"{count} incidents have a final severity; {FEWEST} are needed", count)


def _equal_parts(ranked: Sequence[tuple[float, bool]], parts: int) -> list[Sequence[tuple[float, bool]]]:
    """Cuts what is in order into parts of equal size, each cut moved on to where the chance changes; a part may then be empty."""
    cuts = [0]
    for number in range(1, parts):
        cut = max(cuts[-1], number * len(ranked) // parts)
        while 0 < cut < len(ranked) and ranked[cut][0] == ranked[cut - 1][0]:
            cut += 1
        cuts.append(cut)
    return [ranked[begin:end] for begin, end in zip(cuts, [*cuts[1:], len(ranked)], strict=True)]


def claim_of(inputs: Inputs, model: ScoringModel, matrix: SeverityMatrix) -> Claim:
    """Returns what the model and the matrix say of an incident."""
    scored = score(inputs, model)
    ruling = ruling_of(scored, inputs, model, matrix)
    return Claim(ruling.severity, severity_chances(ruling, model.factor), call_chance(scored, ruling))
