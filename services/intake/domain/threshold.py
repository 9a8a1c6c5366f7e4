"""Occurrence thresholds: how many alerts within what time open an incident."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Threshold:
    """An incident opens with the `count`-th alert that begins `within` this span; until then the alerts are held."""

    count: int
    within: timedelta


def reached(times: Sequence[datetime], threshold: Threshold, at: datetime) -> bool:
    """Returns whether enough of the begins lie in the span that ends at `at`, both ends included. The order of `times` is no matter."""
    earliest = at - threshold.within
    return sum(earliest <= each <= at for each in times) >= threshold.count
