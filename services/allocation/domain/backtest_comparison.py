"""Two contenders compared in the same cells, and "cannot tell" where those do not show a difference."""

from dataclasses import dataclass
from enum import IntEnum

from services.allocation.domain.backtest_cells import Cells, Conduct
from services.allocation.domain.backtest_cohort import Floats
from services.allocation.domain.backtest_interval import FEWEST_PERIODS, Estimate, estimate
from services.allocation.domain.backtest_score import losses, roadmap_worth
from services.allocation.domain.quantity import figure


class Measure(IntEnum):
    """What is compared; the numbers are the contract's."""

    LOSS = 1
    BACKLOG = 2
    ROADMAP = 3


class Verdict(IntEnum):
    """Which of two did better; the numbers are the contract's."""

    BETTER = 1
    WORSE = 2
    CANNOT_TELL = 3


@dataclass(frozen=True, slots=True)
class Comparison:
    """The first one's figure minus the second's, and what that says of the first."""

    contender: str
    against: str
    measure: Measure
    difference: Estimate
    verdict: Verdict
    reason: str


def compared(names: tuple[str, str], conducts: tuple[Conduct, Conduct], cells: Cells, level: float) -> list[Comparison]:
    """Compares two contenders by every measure."""
    found = []
    for measure in Measure:
        first, second = (_values(measure, cells, each, level) for each in conducts)
        difference = estimate(first - second, cells.period)
        verdict = _verdict(measure, difference)
        found.append(Comparison(*names, measure, difference, verdict, _reason(names, (measure, cells.has_worth), difference, verdict)))
    return found


def _values(measure: Measure, cells: Cells, conduct: Conduct, level: float) -> Floats:
    if measure is Measure.LOSS:
        return losses(cells, conduct, level)
    return conduct.backlog if measure is Measure.BACKLOG else roadmap_worth(cells, conduct)


def _verdict(measure: Measure, difference: Estimate) -> Verdict:
    if not (difference.is_above or difference.is_below):
        return Verdict.CANNOT_TELL
    return Verdict.BETTER if difference.is_above is (measure is Measure.ROADMAP) else Verdict.WORSE


def _reason(names: tuple[str, str], of: tuple[Measure, bool], difference: Estimate, verdict: Verdict) -> str:
    measure, has_worth = of
    first, second = names
    what = {Measure.LOSS: "h of pinball loss", Measure.BACKLOG: "h of backlog", Measure.ROADMAP: "of value" if has_worth else "h"}[measure]
    where = " for the roadmap" if measure is Measure.ROADMAP else ""
    more = "more" if difference.value > 0 else "less"
    told = f"{first} has {figure(abs(difference.value))} {what} {more}{where} a period than {second}"
    if difference.low is None or difference.high is None:
        return f"{told}; it takes {FEWEST_PERIODS} periods to tell whether that is chance."
    between = f"95 %: {figure(difference.low)} to {figure(difference.high)}"
    if verdict is Verdict.CANNOT_TELL:
        return f"{told} ({between}): that may be chance, so which is better cannot be told."
    return f"{told} ({between})."
