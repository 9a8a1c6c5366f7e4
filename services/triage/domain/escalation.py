"""Escalation: whether an open incident is about to miss its time to restore, by how long incidents of its class lasted."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.triage.domain.budget_window import span_text
from services.triage.domain.estimate import Estimate
from services.triage.domain.severity import Severity
from services.triage.domain.survival import Lifetime, chance_of_exceeding, curve

_MINUTE = timedelta(minutes=1)
MEDIAN = 0.5


@dataclass(frozen=True, slots=True)
class EscalationRule:
    """When to escalate: at this chance of missing the target or, where it cannot be told, after this share of the time is gone."""

    at_chance: float = 0.5
    at_share: float = 0.75


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """An incident that is not over, as escalation looks at it."""

    incident: str  # incidents/{uuid}
    assessment_id: UUID
    class_: str
    severity: Severity
    opened_at: datetime
    restore_target: timedelta

    @property
    def target_at(self) -> datetime:
        return self.opened_at + self.restore_target


@dataclass(frozen=True, slots=True)
class PastIncident:
    """An incident of the same class; still open when it was not resolved."""

    opened_at: datetime
    resolved_at: datetime | None


@dataclass(frozen=True, slots=True)
class RestoreForecast:
    """How an open incident stands against its target. Lengths in the estimates are minutes."""

    target_at: datetime
    elapsed: timedelta
    miss_chance: Estimate  # of lasting beyond the target, given that it has lasted so long
    usual_length: Estimate  # the median of its class

    def reason_to_escalate(self, rule: EscalationRule, restore_target: timedelta) -> str:
        """Returns why it is to be escalated now, in a sentence; empty while it is not."""
        chance = self.miss_chance.value
        if self.elapsed >= restore_target:
            return f"The time to restore, {span_text(restore_target)}, has passed."
        if chance is not None and chance >= rule.at_chance:
            alike = f"of {self.miss_chance.count} incidents of its class that lasted as long"
            return f"{chance:.0%} of those like it took longer than the time to restore allows, {span_text(restore_target)} ({alike})."
        if chance is None and self.elapsed >= rule.at_share * restore_target:
            gone = f"{self.elapsed / restore_target:.0%} of the time to restore, {span_text(restore_target)}, is gone"
            return f"{gone}; {self.miss_chance.cannot_tell}."
        return ""


@dataclass(frozen=True, slots=True)
class Escalation:
    """That an incident is about to miss a target, told once for each target."""

    incident: str
    assessment: str  # assessments/{uuid}
    severity: Severity
    target_at: datetime
    miss_chance: Estimate
    reason: str
    create_time: datetime


def forecast(of: OpenIncident, past: Iterable[PastIncident], now: datetime) -> RestoreForecast:
    """Looks ahead. Of the past only what was opened before this incident counts; what is still open lasted at least until `now`."""
    history = [_lifetime(each, now) for each in past if each.opened_at < of.opened_at]
    elapsed = max(now - of.opened_at, timedelta())
    chance = chance_of_exceeding(history, of.restore_target / _MINUTE, after=elapsed / _MINUTE)
    return RestoreForecast(of.target_at, elapsed, chance, curve(history).quantile(MEDIAN))


def _lifetime(past: PastIncident, now: datetime) -> Lifetime:
    over = past.resolved_at is not None and past.resolved_at <= now
    end = past.resolved_at if over and past.resolved_at is not None else now
    return Lifetime(max(end - past.opened_at, timedelta()) / _MINUTE, over)
