"""What intake refuses, and why.

InvalidInput        ReportRefused, OrderByInvalid
NotFound            IncidentNotFound
PreconditionFailed  IncidentResolved, AlertsFiring
"""

from shared.errors import InvalidInput, NotFound, PreconditionFailed


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
