"""Where an error budget stood when it was last told: what assessments know of it."""

from dataclasses import dataclass

from services.triage.domain.budget_policy import BudgetEffect


@dataclass(frozen=True, slots=True)
class BudgetSnapshot:
    """One budget of a component of an incident."""

    slo: str  # slos/{id}
    objective: int
    burn_rate: float | None  # of the last hour; None where too few events came to tell
    remaining: float | None  # share of the budget; negative when it is exhausted, None where too few events came to tell
    pages: bool  # whether the burn-alert table pages
    effect: BudgetEffect  # of the policy step in force
