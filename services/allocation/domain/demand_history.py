"""A team's history of remediation: how many incidents came in each period, and what they took."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from shared.errors import Violation

MOST_PERIODS = 520
MOST_EFFORTS = 5_000
LARGEST_COUNT = 100_000
LARGEST_EFFORT = 100_000.0  # person-hours


@dataclass(frozen=True, slots=True)
class Effort:
    """Person-hours one incident took; of one still open, those it took so far, so it takes at least these."""

    hours: float
    ended: bool = True


@dataclass(frozen=True, slots=True)
class DemandHistory:
    """Counts of finished periods without a gap, oldest first, and the efforts known, in any order."""

    counts: tuple[int, ...]
    efforts: tuple[Effort, ...] = ()
    period_days: float = 14.0

    @property
    def open_count(self) -> int:
        return sum(not each.ended for each in self.efforts)


def numbering_violations(field: str, numbers: Sequence[int]) -> list[Violation]:
    """Returns what is wrong with the numbers of periods that must follow one another, oldest first."""
    found = []
    for place in range(1, len(numbers)):
        before, number = numbers[place - 1], numbers[place]
        if number > before + 1:
            rule = f"{number} follows {before}: {number - before - 1} missing; give a period without incidents too, with a count of 0"
            found.append(Violation(f"{field}[{place}].number", rule))
        elif number <= before:
            rule = f"{number} follows {before}; give each period once, the oldest first"
            found.append(Violation(f"{field}[{place}].number", rule))
    return found


def history_violations(field: str, history: DemandHistory) -> list[Violation]:
    """Returns every rule that the history breaks, by field; none for one that can be forecast from."""
    found = [
        Violation(f"{field}.periods[{place}].count", f"is {count}; give a count from 0 to {LARGEST_COUNT:,}")
        for place, count in enumerate(history.counts)
        if not 0 <= count <= LARGEST_COUNT
    ]
    found += [
        Violation(f"{field}.efforts[{place}].hours", f"is {each.hours:g}; give person-hours above 0 and up to {LARGEST_EFFORT:,.0f}")
        for place, each in enumerate(history.efforts)
        if not (math.isfinite(each.hours) and 0 < each.hours <= LARGEST_EFFORT)
    ]
    if not history.counts:
        found.append(Violation(f"{field}.periods", "is empty; give at least one finished period"))
    if len(history.counts) > MOST_PERIODS:
        found.append(Violation(f"{field}.periods", f"holds {len(history.counts)}; give the newest {MOST_PERIODS} at most"))
    if len(history.efforts) > MOST_EFFORTS:
        found.append(Violation(f"{field}.efforts", f"holds {len(history.efforts)}; give the newest {MOST_EFFORTS} at most"))
    return found
