"""The cost of triage: what assessing one severity costs where another turned out to be right."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from services.triage.domain.severity import Severity

Costs = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class CostMatrix:
    """Costs by assessed severity (row) and final severity (column), SEV1 first, in any unit; nothing on the diagonal."""

    costs: Costs

    def __post_init__(self) -> None:
        count = len(Severity)
        if len(self.costs) != count or any(len(row) != count for row in self.costs):
            raise ValueError(f"give {count} rows of {count} costs")
        for assessed, final in product(Severity, Severity):
            cost = self.of(assessed, final)
            if cost < 0 or (assessed == final and cost):
                raise ValueError(f"assessed {assessed.name}, final {final.name} costs {cost}; being right costs 0, being wrong no less")

    def of(self, assessed: Severity, final: Severity) -> float:
        return self.costs[assessed - 1][final - 1]


UNDER, OVER = 4.0, 1.0


def default_costs() -> CostMatrix:
    """Returns the square of the levels missed by, times 4 for under-triage and 1 for over-triage.

    A judgement: a page too many costs an evening, an outage nobody was called for costs customers, and two levels are worse than
    twice one. The proportion of 4 is what on-call practice lives by ("if unsure take the higher"); it is data, not code.
    """
    return CostMatrix(tuple(tuple(_cost(assessed, final) for final in Severity) for assessed in Severity))


def _cost(assessed: Severity, final: Severity) -> float:
    levels = assessed - final  # a higher number is milder, so above 0 it was taken too lightly
    return (UNDER if levels > 0 else OVER) * levels * levels


def mean_cost(costs: CostMatrix, pairs: Sequence[tuple[Severity, Severity]]) -> float:
    return sum(costs.of(assessed, final) for assessed, final in pairs) / len(pairs)
