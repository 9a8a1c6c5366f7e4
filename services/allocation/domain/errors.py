"""What allocation refuses, each with its stable reason.

    InvalidInput         CapacityZero, MemberDuplicate, DependencyCycle, DependencyUnknown, CurrencyMismatch, BaselineOutOfBounds,
                         WorkInFuture, PlanCurrencyMismatch, PlanTooLarge, ImportUnreadable, PolicyRefused, TimeZoneUnknown,
                         WorkingDayInvalid, DayInvalid, LeaveReversed, LeaveOverlaps, LeaveOutsideMembership, MembershipReversed,
                         PersonOverallocated, SprintOutOfRange, WorkCategoryUnknown, PastInvalid, BacktestTooLarge
    NotFound             TeamNotFound, RoadmapItemNotFound, PolicyNotFound, PolicyRevisionNotFound, DecisionNotFound, SplitNotDecided,
                         CalendarNotFound, MemberNotFound, WorkRecordNotFound
    PreconditionFailed   SprintNotBegun, DecisionNotInForce, RollbackEmpty, RollbackTooSoon, WorkAlreadyCorrected, PastTooShort
    PermissionDenied     RollbackRoleMissing

Rules without a reason of their own are refused as FieldRefused, with the reason INVALID_INPUT.
"""

from collections.abc import Sequence
from typing import ClassVar, Self

from shared.errors import InvalidInput, NotFound, PermissionDenied, PreconditionFailed, Violation


class FieldRefused(InvalidInput):
    """One field breaks one rule of the domain."""

    @classmethod
    def at(cls, field: str, description: str, **metadata: str) -> Self:
        return cls(f"{field}: {description}", [Violation(field, description)], metadata=metadata)


class CapacityZero(FieldRefused):
    reason = "CAPACITY_ZERO"


class MemberDuplicate(FieldRefused):
    reason = "MEMBER_DUPLICATE"


class DependencyCycle(FieldRefused):
    """`metadata["cycle"]` names the items in order, the first again at the end."""

    reason = "DEPENDENCY_CYCLE"


class DependencyUnknown(FieldRefused):
    reason = "DEPENDENCY_UNKNOWN"


class CurrencyMismatch(FieldRefused):
    reason = "CURRENCY_MISMATCH"


class BaselineOutOfBounds(FieldRefused):
    reason = "BASELINE_OUT_OF_BOUNDS"


class WorkInFuture(FieldRefused):
    reason = "WORK_IN_FUTURE"


class PlanCurrencyMismatch(FieldRefused):
    reason = "CURRENCY_MISMATCH"


class PlanTooLarge(InvalidInput):
    reason = "PLAN_TOO_LARGE"

    def __init__(self, found: str, most: str) -> None:
        told = f"{found} are more than the {most} that one plan takes; plan fewer teams together"
        super().__init__(f"teams: {told}", [Violation("teams", told)], metadata={"found": found, "most": most})


class ImportUnreadable(FieldRefused):
    """The file as a whole is not of its format: nothing can be told of its rows."""

    reason = "IMPORT_UNREADABLE"


class PastInvalid(InvalidInput):
    """Pasts that break rules; the first hundred are named."""

    reason = "HISTORY_INVALID"

    def __init__(self, found: Sequence[Violation]) -> None:
        named = list(found[:100])
        super().__init__("; ".join(f"{each.field}: {each.description}" for each in named[:5]), named)


class BacktestTooLarge(InvalidInput):
    reason = "BACKTEST_TOO_LARGE"

    def __init__(self, field: str, found: str, most: str) -> None:
        told = f"{found} are more than the {most} of one back-test; ask for fewer teams or periods at once"
        super().__init__(f"{field}: {told}", [Violation(field, told)], metadata={"found": found, "most": most})


class _Missing(NotFound):
    noun: ClassVar[str]
    remedy: ClassVar[str]

    def __init__(self, name: str) -> None:
        super().__init__(f"{self.noun} {name} does not exist; {self.remedy}", metadata={"name": name})


class TeamNotFound(_Missing):
    reason = "TEAM_NOT_FOUND"
    noun = "team"
    remedy = "store it with UpsertTeams, or read ListTeams"


class RoadmapItemNotFound(_Missing):
    reason = "ROADMAP_ITEM_NOT_FOUND"
    noun = "roadmap item"
    remedy = "store it with UpsertRoadmapItems, or read ListRoadmapItems"


class PolicyNotFound(_Missing):
    reason = "POLICY_NOT_FOUND"
    noun = "allocation policy"
    remedy = "make it with UpdateAllocationPolicy, or use allocationPolicies/default"


class PolicyRevisionNotFound(NotFound):
    reason = "POLICY_REVISION_NOT_FOUND"

    def __init__(self, name: str, revision: int) -> None:
        super().__init__(
            f"allocation policy {name} has no revision {revision}; read ListAllocationPolicyRevisions, or send 0 for the newest",
            metadata={"name": name, "revision": str(revision)},
        )


class DecisionNotFound(_Missing):
    reason = "DECISION_NOT_FOUND"
    noun = "decision"
    remedy = "read ListDecisions"


class SplitNotDecided(NotFound):
    reason = "SPLIT_NOT_DECIDED"

    def __init__(self, team: str) -> None:
        super().__init__(f"no split was decided for {team} yet; call DecideSplit, or wait for its sprint to begin", metadata={"name": team})


class PastTooShort(PreconditionFailed):
    """Nothing recorded is long enough to judge by."""

    reason = "HISTORY_TOO_SHORT"

    def __init__(self, longest: int, needed: int) -> None:
        super().__init__(
            f"teams: the longest has {longest} finished sprints that were observed, and {needed} are needed; give histories, a shorter "
            "warm_up_periods, or wait",
            metadata={"longest": str(longest), "needed": str(needed)},
        )


class SprintNotBegun(PreconditionFailed):
    reason = "SPRINT_NOT_BEGUN"

    def __init__(self, team: str, begins: str, number: int = 1) -> None:
        remedy = "ask then, or change first_sprint_at" if number == 1 else "ask then, or for one that has begun"
        super().__init__(
            f"sprint {number} of {team} begins at {begins}; {remedy}",
            metadata={"name": team, "begins": begins},
        )


class DecisionNotInForce(PreconditionFailed):
    """Only the decision that last changed the share can be taken back; `metadata["last"]` names it, empty where there is none."""

    reason = "DECISION_NOT_IN_FORCE"

    def __init__(self, name: str, last: str) -> None:
        remedy = f"take back {last}, which did" if last else "nothing changed it yet, so there is nothing to take back"
        super().__init__(f"name: {name} did not last change the share in force; {remedy}", metadata={"name": name, "last": last})


class RollbackEmpty(PreconditionFailed):
    reason = "ROLLBACK_EMPTY"

    def __init__(self, name: str, share: str) -> None:
        super().__init__(
            f"name: within the policy's bounds, taking {name} back leaves the share at {share}; change the policy, or leave it",
            metadata={"name": name},
        )


class RollbackTooSoon(PreconditionFailed):
    reason = "ROLLBACK_TOO_SOON"

    def __init__(self, last: str, until: str) -> None:
        super().__init__(
            f"force: {last} rolled back already, and the share stays until {until}; wait, or send force when that is wrong",
            metadata={"last": last, "until": until},
        )


class RollbackRoleMissing(PermissionDenied):
    reason = "ROLE_MISSING"

    def __init__(self, principal: str, team: str) -> None:
        super().__init__(
            f"{principal} may not take back decisions of {team}: it needs the role approver or planner for it",
            metadata={"principal": principal, "team": team},
        )


class PolicyRefused(InvalidInput):
    """Rules or reserve of a policy cannot be; every field at fault is named."""

    reason = "POLICY_INVALID"

    def __init__(self, found: Sequence[tuple[str, str]]) -> None:
        violations = [Violation(field, description) for field, description in found]
        super().__init__("; ".join(f"{each.field}: {each.description}" for each in violations), violations)


class TimeZoneUnknown(FieldRefused):
    reason = "TIME_ZONE_UNKNOWN"


class WorkingDayInvalid(FieldRefused):
    reason = "WORKING_DAY_INVALID"


class DayInvalid(FieldRefused):
    reason = "DAY_INVALID"


class LeaveReversed(FieldRefused):
    reason = "LEAVE_REVERSED"


class LeaveOverlaps(FieldRefused):
    """`metadata["other"]` names the leave that has some of the days."""

    reason = "LEAVE_OVERLAPS"


class LeaveOutsideMembership(FieldRefused):
    reason = "LEAVE_OUTSIDE_MEMBERSHIP"


class MembershipReversed(FieldRefused):
    reason = "MEMBERSHIP_REVERSED"


class PersonOverallocated(FieldRefused):
    """`metadata["person"]` names who would be given away more than once."""

    reason = "PERSON_OVERALLOCATED"


class SprintOutOfRange(FieldRefused):
    reason = "SPRINT_OUT_OF_RANGE"


class WorkCategoryUnknown(FieldRefused):
    reason = "WORK_CATEGORY_UNKNOWN"


class CalendarNotFound(_Missing):
    reason = "CALENDAR_NOT_FOUND"
    noun = "calendar"
    remedy = "store it with UpsertCalendars, or read ListCalendars"


class MemberNotFound(NotFound):
    reason = "MEMBER_NOT_FOUND"

    def __init__(self, field: str, member: str, team: str) -> None:
        super().__init__(
            f"{field}: {member!r} is no member of {team}; read GetTeam, or add the member with UpsertTeams",
            metadata={"field": field, "member": member, "team": team},
        )


class WorkRecordNotFound(_Missing):
    reason = "WORK_RECORD_NOT_FOUND"
    noun = "work record"
    remedy = "read ListWorkRecords of its team"


class WorkAlreadyCorrected(PreconditionFailed):
    """`metadata["by"]` names the record that takes it back."""

    reason = "WORK_ALREADY_CORRECTED"

    def __init__(self, name: str, by: str) -> None:
        remedy = f"it was taken back by {by}; correct what stands in its place" if by else "it takes another back; correct what stands"
        super().__init__(f"name: {name} counts no longer: {remedy}", metadata={"name": name, "by": by})
