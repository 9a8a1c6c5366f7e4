"""Drift: whether what the model looks at, or how often it is wrong, is no longer what it was.

Inputs: the population stability index of each feature between two windows, Σ (q − p) · ln(q / p) over bins, a missing value being a bin
of its own. Without a change the index times 1 / (1/n + 1/m) is about χ² with one degree fewer than there are bins, so the bound is that
distribution's quantile: in one look at all features there is a false alarm with a chance of at most 1 %. The index must also reach 0.1,
below which the trade calls a shift negligible however sure it is.

Calibration: a chart of misjudged incidents (`change_detection`) built to find their odds doubled, with false alarms 500 incidents apart
on average if the share in the reference is the true one. Both need 50 incidents in the reference, and inputs 50 recent ones.
"""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.triage.domain.estimate import Estimate, untold
from services.triage.domain.inputs import Reading
from services.triage.domain.model import Feature
from services.triage.domain.scale import StepScale
from shared.statistics.change_detection import Cusum, designed
from shared.statistics.count_distribution import Bernoulli

FEWEST = 50
FALSE_ALARMS = 0.01  # in one look at all features
NEGLIGIBLE = 0.1
RUN_LENGTH = 500.0  # incidents between false alarms of the calibration chart
ODDS_RATIO = 2.0
_PARTS = 5

Bin = tuple[int, bool]
"""A part of the scale, and whether it is a single value in it."""

_MISSING: Bin = (-1, False)

Readings = Mapping[str, Reading]
"""What was found of each input, by the feature's name."""


@dataclass(frozen=True, slots=True)
class InputDrift:
    """How far one input moved between the windows, and from where on that is no chance."""

    feature: str
    index: Estimate  # counted are the recent incidents
    bound: float
    drifted: bool


@dataclass(frozen=True, slots=True)
class CalibrationDrift:
    """Whether incidents are misjudged more often than they were."""

    reference_share: Estimate
    chart: Cusum | None  # None when it cannot be told
    total: float  # where the chart stands
    watched_count: int
    drifted: bool


def input_drifts(features: Sequence[Feature], reference: Sequence[Readings], recent: Sequence[Readings]) -> tuple[InputDrift, ...]:
    """Compares the windows feature by feature, over the incidents of which it was looked at: an older model may not have known it."""
    chance = FALSE_ALARMS / len(features)
    windows = ((each, [[found for found in window if each.name in found] for window in (reference, recent)]) for each in features)
    return tuple(_input_drift(feature, before, after, chance) for feature, (before, after) in windows)


def _input_drift(feature: Feature, reference: Sequence[Readings], recent: Sequence[Readings], chance: float) -> InputDrift:
    fewest = min(len(reference), len(recent))
    if fewest < FEWEST:
        why = untold(f"{fewest} incidents in the smaller window; {FEWEST} are needed", len(recent))
        return InputDrift(feature.name, why, math.inf, drifted=False)
    bin_of = _bins(feature, [each[feature.name] for each in reference])
    before, after = (Counter(bin_of(each[feature.name]) for each in window) for window in (reference, recent))
    bins = sorted({*before, *after})
    index = stability_index([before[each] for each in bins], [after[each] for each in bins])
    bound = max(NEGLIGIBLE, index_bound(len(bins), len(reference), len(recent), chance))
    return InputDrift(feature.name, Estimate(index, len(recent)), bound, index > bound)


def stability_index(before: Sequence[int], after: Sequence[int]) -> float:
    """Returns Σ (q − p) · ln(q / p) over bins of counts, each with half a count more, so that an empty bin is no infinity."""
    shares = [[(count + 0.5) / (sum(counts) + len(counts) / 2) for count in counts] for counts in (before, after)]
    return math.fsum((q - p) * math.log(q / p) for p, q in zip(*shares, strict=True))


def index_bound(bins: int, before_count: int, after_count: int, chance: float) -> float:
    """Returns the index that two windows of one distribution exceed with this chance."""
    from scipy.special import chdtri

    return float(chdtri(bins - 1, chance)) * (1 / before_count + 1 / after_count) if bins > 1 else 0.0


def calibration_drift(reference: Sequence[bool], watched: Iterable[bool]) -> CalibrationDrift:
    """Watches whether incidents were misjudged, oldest first, against how often they were in the reference.

    The drift begins when the chart trips and ends when its sum is back at 0; the sum is held at the limit, so that it can come back.
    """
    count = len(reference)
    if count < FEWEST:
        return CalibrationDrift(untold(f"{count} incidents in the reference; {FEWEST} are needed", count), None, 0.0, 0, drifted=False)
    share = (sum(reference) + 0.5) / (count + 1)
    chart = designed(Bernoulli(share), Bernoulli(_with_odds(share, ODDS_RATIO)), RUN_LENGTH).chart
    total, drifted, seen = 0.0, False, 0
    for seen, is_misjudged in enumerate(watched, 1):  # noqa: B007 - counts them
        total = min(chart.limit, chart.after(total, is_misjudged))
        drifted = chart.is_alarm(total) or (drifted and total > 0)
    return CalibrationDrift(Estimate(share, count), chart, total, seen, drifted)


def _with_odds(chance: float, ratio: float) -> float:
    odds = ratio * chance / (1 - chance)
    return odds / (1 + odds)


def _bins(feature: Feature, reference: Sequence[Reading]) -> Callable[[Reading], Bin]:
    """Returns the bin of a reading: a step of its own, or a fifth of the reference by its scale.

    A value that a fifth of the reference has, or more, is a bin of its own: else what was always the same could rise unseen.
    """
    scale = feature.scale
    if isinstance(scale, StepScale):
        steps = [step for step, _ in scale.steps]
        return lambda reading: _MISSING if reading.value is None else (steps.index(reading.value), True)
    known = sorted(scale.fraction(each.value) for each in reference if each.value is not None)
    edges = sorted({known[number * len(known) // _PARTS] for number in range(1, _PARTS)}) if known else []
    usual = {fraction for fraction, count in Counter(known).items() if count * _PARTS >= len(known)}

    def bin_of(reading: Reading) -> Bin:
        if reading.value is None:
            return _MISSING
        fraction = scale.fraction(reading.value)
        return bisect_right(edges, fraction), fraction in usual

    return bin_of
