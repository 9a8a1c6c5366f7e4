"""Approval rules: when they apply, who must agree, and in what time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.governance.domain.approver import Approvers, Keys, keys_of
from shared.business_hours import BusinessHours
from shared.revision import Revision

NO_KEYS: Keys = frozenset()


@dataclass(frozen=True, slots=True)
class ApproverGroup:
    name: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Escalation:
    """Who may decide as well when nobody has, so long after the request."""

    after: timedelta
    approvers: Approvers


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """Who may act at once, and within what time the review of it must be closed."""

    allowed: Approvers
    review_within: timedelta


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """When `when` holds and that of no rule before it, `quorum` different approvers must agree."""

    name: str
    when: str  # CEL over approval_facts
    reason: str  # a sentence for approvers
    approvers: Approvers
    quorum: int
    expires_after: timedelta
    holds_for: timedelta
    author_may_approve: bool = False
    escalation: Escalation | None = None
    break_glass: BreakGlass | None = None
    hours: BusinessHours | None = None  # in which expiry, escalation and review are counted; None for all hours

    def after(self, begin: datetime, span: timedelta) -> datetime:
        """Returns when a wait of `span` is over."""
        return self.hours.after(begin, span) if self.hours else begin + span

    @property
    def waits(self) -> dict[str, timedelta]:
        """Returns the waits counted in its hours, by the field each stands in."""
        found = {"expires_after": self.expires_after}
        if self.escalation:
            found["escalation.after"] = self.escalation.after
        if self.break_glass:
            found["break_glass.review_within"] = self.break_glass.review_within
        return found

    @property
    def parts(self) -> dict[str, Approvers]:
        """Returns whose word counts for what, by the field each stands in."""
        found = {"approvers": self.approvers}
        if self.escalation:
            found["escalation.approvers"] = self.escalation.approvers
        if self.break_glass:
            found["break_glass.allowed"] = self.break_glass.allowed
        return found


@dataclass(frozen=True, slots=True)
class RulesDocument:
    rules: tuple[ApprovalRule, ...]
    groups: tuple[ApproverGroup, ...] = ()

    @property
    def members(self) -> Mapping[str, tuple[str, ...]]:
        return {each.name: each.members for each in self.groups}


RulesRevision = Revision[RulesDocument]


@dataclass(frozen=True, slots=True)
class DecisionKeys:
    """Who may do what, as keys: settled when the approval is asked for, so that a later change of the rules leaves it alone."""

    approve: Keys
    escalated: Keys = NO_KEYS
    break_glass: Keys = NO_KEYS


def decision_keys(rule: ApprovalRule, team: str, document: RulesDocument) -> DecisionKeys:
    """Returns the keys of an approval of this team, under one of the document's rules."""
    found = {place: keys_of(each, team, document.members) for place, each in rule.parts.items()}
    return DecisionKeys(found["approvers"], found.get("escalation.approvers", NO_KEYS), found.get("break_glass.allowed", NO_KEYS))
