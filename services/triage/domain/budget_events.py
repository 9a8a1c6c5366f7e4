"""What triage tells others of error budgets."""

from dataclasses import dataclass
from datetime import datetime

from services.triage.domain.budget_policy import BudgetPolicyRevision
from services.triage.domain.budget_report import BudgetReport
from services.triage.domain.incident_budget import Duty


@dataclass(frozen=True, slots=True)
class ErrorBudgetChanged:
    """A budget stands otherwise than was last told."""

    report: BudgetReport
    version: int


@dataclass(frozen=True, slots=True)
class BudgetStepChanged:
    """A budget entered or left a step of the policy."""

    report: BudgetReport
    previous_step: str
    version: int


@dataclass(frozen=True, slots=True)
class DutyArose:
    duty: Duty
    at: datetime


@dataclass(frozen=True, slots=True)
class BudgetPolicyChanged:
    made: BudgetPolicyRevision


BudgetEvent = ErrorBudgetChanged | BudgetStepChanged | DutyArose | BudgetPolicyChanged
