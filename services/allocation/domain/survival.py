"""Kaplan–Meier: the distribution of times of which some are only known to be longer (Kaplan and Meier, JASA 53, 1958)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long something took, or (when not `ended`) has taken so far."""

    length: timedelta
    ended: bool


@dataclass(frozen=True, slots=True)
class Median:
    """A median time; when not `reached`, more than half went on longer than `length`, and that is all that is known."""

    length: timedelta
    reached: bool


def survival_curve(sample: Sequence[Lifetime]) -> list[tuple[timedelta, Fraction]]:
    """Returns the steps (time, share that lasted longer), by the product-limit estimator; exact."""
    curve: list[tuple[timedelta, Fraction]] = []
    share, at_risk = Fraction(1), len(sample)
    for length in sorted({life.length for life in sample}):
        here = [life for life in sample if life.length == length]
        ended = sum(life.ended for life in here)
        if ended:
            share *= 1 - Fraction(ended, at_risk)
            curve.append((length, share))
        at_risk -= len(here)
    return curve


def median(sample: Sequence[Lifetime]) -> Median | None:
    """Returns the first time by which at least half had ended; None for an empty sample."""
    if not sample:
        return None
    if all(life.ended for life in sample):
        return Median(sorted(life.length for life in sample)[(len(sample) - 1) // 2], reached=True)
    for length, share in survival_curve(sample):
        if share <= Fraction(1, 2):
            return Median(length, reached=True)
    return Median(max(life.length for life in sample), reached=False)
