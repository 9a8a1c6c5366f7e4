"""What intake refuses, and why.

InvalidInput        ReportRefused, OrderByInvalid, MatchersRefused, GroupingRulesInvalid
NotFound            IncidentNotFound, GroupingRulesRevisionNotFound
PreconditionFailed  IncidentResolved, AlertsFiring
"""

from collections.abc import Sequence

from services.intake.domain.rule_problem import RuleProblem
from shared.errors import InvalidInput, NotFound, PreconditionFailed, Violation


class ReportRefused(InvalidInput):
    reason = "REPORT_REFUSED"


class OrderByInvalid(InvalidInput):
    reason = "ORDER_BY_INVALID"


class IncidentNotFound(NotFound):
    reason = "INCIDENT_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} does not exist; list incidents to find its name", metadata={"name": name})


class IncidentResolved(PreconditionFailed):
    reason = "INCIDENT_RESOLVED"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is resolved; a new firing of its alerts opens a new incident", metadata={"name": name})


class AlertsFiring(PreconditionFailed):
    reason = "ALERTS_FIRING"

    def __init__(self, name: str, count: int) -> None:
        message = f"{name} has {count} firing {'alert' if count == 1 else 'alerts'}; wait until they end, or resolve it with force"
        super().__init__(message, metadata={"name": name, "firing_count": str(count)})


class MatchersRefused(InvalidInput):
    reason = "MATCHERS_REFUSED"

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__("; ".join(f"{each.field}: {each.description}" for each in violations[:5]), violations)


class GroupingRulesInvalid(InvalidInput):
    """A rules document that cannot be put in force, with everything that is amiss with it."""

    reason = "GROUPING_RULES_INVALID"

    def __init__(self, problems: Sequence[RuleProblem]) -> None:
        violations = [Violation(f"yaml.{each.path}".rstrip("."), each.sentence) for each in problems]
        super().__init__("; ".join(f"{each.field}: {each.description}" for each in violations[:5]), violations)


class GroupingRulesRevisionNotFound(NotFound):
    reason = "GROUPING_RULES_REVISION_NOT_FOUND"

    def __init__(self, revision: int) -> None:
        message = f"the grouping rules have no revision {revision}; list the revisions to find one"
        super().__init__(message, metadata={"revision": str(revision)})
