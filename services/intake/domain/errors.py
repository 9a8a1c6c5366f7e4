"""What intake refuses, and why.

InvalidInput        ReportRefused, OrderByInvalid, MatchersRefused, GroupingRulesInvalid, MutingRefused, RecurrenceRefused,
                    MergeIntoItself, AlertsNotOfIncident, StreamOfAnother
NotFound            AlertNotFound, IncidentNotFound, GroupingRulesRevisionNotFound, SilenceNotFound, MaintenanceWindowNotFound,
                    InhibitRulesNotFound, ChangeNotFound, HeartbeatNotFound
PreconditionFailed  IncidentResolved, AlertsFiring, SilenceOver, MaintenanceWindowOver, IncidentMerged, MergeIntoResolved,
                    GroupHasIncident, SplitLeavesNothing, StormNotMerged, TooManyInForce
"""

from collections.abc import Sequence
from datetime import datetime

from services.intake.domain.rule_problem import RuleProblem
from shared.errors import InvalidInput, NotFound, PreconditionFailed, Violation


class ReportRefused(InvalidInput):
    reason = "REPORT_REFUSED"


class OrderByInvalid(InvalidInput):
    reason = "ORDER_BY_INVALID"


class AlertNotFound(NotFound):
    reason = "ALERT_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} does not exist, or is older than alerts are kept; list alerts to find its name", metadata={"name": name})


class IncidentNotFound(NotFound):
    reason = "INCIDENT_NOT_FOUND"

    def __init__(self, *names: str) -> None:
        listed = ", ".join(names)
        verb, whose = ("does", "its name") if len(names) == 1 else ("do", "their names")
        super().__init__(f"{listed} {verb} not exist; list incidents to find {whose}", metadata={"name": listed})


class IncidentResolved(PreconditionFailed):
    reason = "INCIDENT_RESOLVED"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is resolved; a new firing of its alerts opens a new incident, or reopen it", metadata={"name": name})


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


class MutingRefused(InvalidInput):
    """A silence, window or set of inhibit rules that breaks a rule of its kind."""

    reason = "MUTING_REFUSED"

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__("; ".join(f"{each.field}: {each.description}" for each in violations[:5]), violations)


class RecurrenceRefused(MutingRefused):
    reason = "RECURRENCE_REFUSED"


class SilenceNotFound(NotFound):
    reason = "SILENCE_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} does not exist; list silences to find its name", metadata={"name": name})


class MaintenanceWindowNotFound(NotFound):
    reason = "MAINTENANCE_WINDOW_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} does not exist; list maintenance windows to find its name", metadata={"name": name})


class InhibitRulesNotFound(NotFound):
    reason = "INHIBIT_RULES_NOT_FOUND"

    def __init__(self, revision: int) -> None:
        super().__init__(f"there is no revision {revision} of the inhibit rules; list the revisions", metadata={"revision": str(revision)})


class SilenceOver(PreconditionFailed):
    reason = "SILENCE_OVER"

    def __init__(self, name: str, ended_at: datetime) -> None:
        super().__init__(f"{name} ended at {ended_at.isoformat()}; create a new one", metadata={"name": name})


class MaintenanceWindowOver(PreconditionFailed):
    reason = "MAINTENANCE_WINDOW_OVER"

    def __init__(self, name: str, ended_at: datetime) -> None:
        super().__init__(f"{name} ended at {ended_at.isoformat()}; create a new one", metadata={"name": name})


class IncidentMerged(PreconditionFailed):
    reason = "INCIDENT_MERGED"

    def __init__(self, name: str, into: str) -> None:
        super().__init__(f"{name} was merged into {into}; work on that one", metadata={"name": name, "merged_into": into})


class MergeIntoItself(InvalidInput):
    reason = "MERGE_INTO_ITSELF"

    def __init__(self, index: int) -> None:
        description = "is the incident to merge into; name only others"
        super().__init__(f"incidents[{index}]: {description}", [Violation(f"incidents[{index}]", description)])


class MergeIntoResolved(PreconditionFailed):
    reason = "MERGE_INTO_RESOLVED"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is resolved; reopen it first, or merge into another", metadata={"name": name})


class GroupHasIncident(PreconditionFailed):
    reason = "GROUP_HAS_INCIDENT"

    def __init__(self, name: str, current: str) -> None:
        message = f"{name} cannot be reopened: its group has {current} by now, which is not over; merge {name} into that one"
        super().__init__(message, metadata={"name": name, "current": current})


class AlertsNotOfIncident(InvalidInput):
    reason = "ALERTS_NOT_OF_INCIDENT"

    def __init__(self, name: str, strangers: Sequence[tuple[int, str]]) -> None:
        """`strangers` are (place in the request, name)."""
        violations = [Violation(f"alerts[{index}]", f"{alert} is not in {name}; list its alerts") for index, alert in strangers]
        more = f" and {len(violations) - 5} more" if len(violations) > 5 else ""
        shown = "; ".join(f"{each.field}: {each.description}" for each in violations[:5])
        super().__init__(shown + more, violations)


class SplitLeavesNothing(PreconditionFailed):
    reason = "SPLIT_LEAVES_NOTHING"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} has no other alerts; leave at least one with it", metadata={"name": name})


class StormNotMerged(PreconditionFailed):
    reason = "STORM_NOT_MERGED"

    def __init__(self, name: str) -> None:
        message = f"{name} stands for a storm and stays; split from it what belongs elsewhere, or merge others into it"
        super().__init__(message, metadata={"name": name})


class StreamOfAnother(InvalidInput):
    reason = "STREAM_OF_ANOTHER"

    def __init__(self, stream_id: str, source: str) -> None:
        description = f"{stream_id} is a stream of {source!r}; choose another id for this source"
        super().__init__(f"stream_id: {description}", [Violation("stream_id", description)])


class ChangeNotFound(NotFound):
    reason = "CHANGE_NOT_FOUND"

    def __init__(self, name: str, field: str = "") -> None:
        """`field` is the one that names the change, in a request that is about something else."""
        message = f"{name} does not exist; list changes to find its name"
        if field:
            super().__init__(f"{field}: {message}, or leave {field} empty", metadata={"name": name, "field": field})
        else:
            super().__init__(message, metadata={"name": name})


class HeartbeatNotFound(NotFound):
    reason = "HEARTBEAT_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} does not exist; set it first, or list heartbeats to find its name", metadata={"name": name})


class TooManyInForce(PreconditionFailed):
    """Keeps what every alert is compared with within bounds."""

    reason = "TOO_MANY_IN_FORCE"

    def __init__(self, collection: str, most: int) -> None:
        message = f"{most:,} {collection} are in force or ahead, which is the most there may be; end those no longer needed, or join some"
        super().__init__(message, metadata={"collection": collection, "most": str(most)})
