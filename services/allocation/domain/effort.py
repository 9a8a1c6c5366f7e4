"""Effort of a roadmap item as a distribution: three points, or lognormal."""

from dataclasses import dataclass
from decimal import Decimal
from math import exp

from scipy.special import betaincinv, ndtri

from services.allocation.domain.errors import FieldRefused
from services.allocation.domain.quantity import hours


@dataclass(frozen=True, slots=True)
class ThreePointEffort:
    """Least, likeliest and most person-hours: a beta-PERT distribution.

    Source: D. G. Malcolm et al., Application of a technique for research and development program evaluation, 1959: mean
    (low + 4 · likely + high) / 6; shapes 1 + 4 (likely − low) / (high − low) and 1 + 4 (high − likely) / (high − low).
    """

    low: Decimal
    likely: Decimal
    high: Decimal

    @property
    def mean(self) -> Decimal:
        return hours((self.low + 4 * self.likely + self.high) / 6)

    def quantile(self, share: float) -> Decimal:
        """Returns the hours that are not exceeded with that probability, more than 0 and less than 1."""
        span = float(self.high - self.low)
        if not span:
            return self.likely
        before, after = 1 + 4 * float(self.likely - self.low) / span, 1 + 4 * float(self.high - self.likely) / span
        # To a thousandth: the last digits of special functions differ between machines, and plans must not.
        return hours(round(float(self.low) + span * float(betaincinv(before, after, share)), 3))


@dataclass(frozen=True, slots=True)
class LognormalEffort:
    """Person-hours whose logarithm is normal, with that standard deviation."""

    median: Decimal
    sigma: Decimal

    @property
    def mean(self) -> Decimal:
        return hours(round(float(self.median) * exp(float(self.sigma) ** 2 / 2), 3))

    def quantile(self, share: float) -> Decimal:
        """Returns the hours that are not exceeded with that probability, more than 0 and less than 1."""
        return hours(round(float(self.median) * exp(float(self.sigma) * float(ndtri(share))), 3))


Effort = ThreePointEffort | LognormalEffort


def check_effort(effort: Effort | None, field: str) -> None:
    """Raises FieldRefused when the three points are out of order."""
    if isinstance(effort, ThreePointEffort) and not effort.low <= effort.likely <= effort.high:
        raise FieldRefused.at(f"{field}.three_point", "must not fall from low_hours over likely_hours to high_hours; put them in order")
