"""Cells of a row of a roadmap file: each read into a value, or refused with its column, the rule and what to do."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from services.allocation.domain.delay_cost import CostChange
from services.allocation.domain.effort import Effort, LognormalEffort, ThreePointEffort
from services.allocation.domain.quantity import hours
from services.allocation.domain.roadmap import RoadmapStage

_LARGEST_SIGMA = 3  # as the contract has it


class RowRefused(ValueError):
    """The row breaks a rule."""


def estimate_of(values: Mapping[str, Any]) -> Effort | None:
    """Returns the effort as a distribution: three points, or median and sigma of a lognormal."""
    three = [amount_of(values, column) for column in ("low_hours", "likely_hours", "high_hours")]
    two = [amount_of(values, column) for column in ("median_hours", "sigma")]
    if any(each is not None for each in three) and any(each is not None for each in two):
        raise RowRefused("low_hours and median_hours: give three points or a median with its sigma, not both")
    for columns, points in (("low_hours, likely_hours, high_hours", three), ("median_hours, sigma", two)):
        if any(each is not None for each in points) and not all(points):
            raise RowRefused(f"{columns}: give all of them, each more than 0, or none")
    low, likely, high = three
    median, sigma = two
    if low and likely and high:
        return ThreePointEffort(hours(low), hours(likely), hours(high))
    return LognormalEffort(hours(median), hours(_sigma(sigma))) if median and sigma else None


def _sigma(sigma: Decimal) -> Decimal:
    if sigma > _LARGEST_SIGMA:
        raise RowRefused(f"sigma: {sigma} must be at most {_LARGEST_SIGMA}; 0.75 to 1.0 is usual")
    return sigma


def names_of(values: Mapping[str, Any], column: str) -> tuple[str, ...]:
    names = (each.removeprefix("roadmapItems/") for each in re.split(r"[\s;]+", text_of(values, column)) if each)
    return tuple(f"roadmapItems/{each}" for each in dict.fromkeys(names))


def pairs_of(values: Mapping[str, Any], column: str, example: str) -> list[tuple[str, str]]:
    pairs = [each.partition("=") for each in re.split(r"[\s;]+", text_of(values, column)) if each]
    for key, _, value in pairs:
        if not (key and value):
            raise RowRefused(f"{column}: {key!r} is no pair; write it like {example}, several with blanks between")
    return [(key, value) for key, _, value in pairs]


def cost_changes_of(text: str) -> tuple[CostChange, ...]:
    changes = []
    for key, value in pairs_of({"cost_changes": text}, "cost_changes", "2027-01-01=9000"):
        if begin := time_of("cost_changes", key):
            changes.append(CostChange(begin, decimal_of("cost_changes", value)))
    return tuple(changes)


def text_of(values: Mapping[str, Any], column: str) -> str:
    found = values.get(column)
    return found.strip() if isinstance(found, str) else ""


def list_of(values: Mapping[str, Any], column: str) -> Sequence[Any]:
    found = values.get(column)
    return found if isinstance(found, list) else ()


def amount_of(values: Mapping[str, Any], column: str) -> Decimal | None:
    text = text_of(values, column)
    return decimal_of(column, text) if text else None


def decimal_of(column: str, text: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal(-1)
    if not found.is_finite() or found < 0 or found > 10**12:
        raise RowRefused(f"{column}: {text!r} is no number from 0 on; write it like 1250.5")
    return found


def time_of(column: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise RowRefused(f"{column}: {text!r} is no date; write it like 2026-09-30 or 2026-09-30T12:00:00Z") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def flag_of(values: Mapping[str, Any], column: str) -> bool:
    text = text_of(values, column).lower()
    if text not in {"", "true", "false", "yes", "no", "1", "0"}:
        raise RowRefused(f"{column}: {text!r} is neither yes nor no")
    return text in {"true", "yes", "1"}


def stage_of(text: str) -> RoadmapStage:
    if not text:
        return RoadmapStage.PLANNED
    try:
        return RoadmapStage[re.sub(r"[\s-]+", "_", text.upper())]
    except KeyError:
        known = ", ".join(stage.name.lower().replace("_", " ") for stage in RoadmapStage)
        raise RowRefused(f"stage: {text!r} is none of {known}") from None
