"""Estimates: a figure with its interval and the count behind it, or why it cannot be told."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure from `count` observations. "Cannot tell" is an answer: then the figure is None, and `cannot_tell` says why."""

    value: float | None
    count: int
    censored_count: int = 0  # among them, those of which only a lower bound is known
    low: float | None = None  # of a two-sided interval of 95 %; None where there is none
    high: float | None = None
    cannot_tell: str = ""


def untold(why: str, count: int, censored_count: int = 0) -> Estimate:
    return Estimate(None, count, censored_count, cannot_tell=why)
