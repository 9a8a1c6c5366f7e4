"""Terms: what a policy's baseline and its three triggers add to the share asked for, each with its reason."""

from datetime import timedelta
from decimal import Decimal

from services.allocation.domain.decision import BASELINE, DecisionTerm
from services.allocation.domain.policy import AllocationPolicy, IncidentFrequencyTrigger, OpenIncidentTrigger, TimeToRestoreTrigger
from services.allocation.domain.quantity import counted, figure, hours, percent
from services.allocation.domain.signals import Restoring, Tally
from services.allocation.domain.survival import Median

FREQUENCY, RESTORE, OPEN = "incident_frequency", "time_to_restore", "open_incidents"
NOT_OBSERVED = "No sprint of this team was observed to its end yet, so there is nothing to judge."
NO_HISTORY = "There is no earlier sprint of this team to compare with yet, so this cannot fire."
NOT_TOLD = "Nothing tells of it here, so this cannot fire."
_MICROSECOND, _HOUR = timedelta(microseconds=1), timedelta(hours=1)


def baseline_term(policy: AllocationPolicy) -> DecisionTerm:
    reason = f"The policy's share in calm times is {percent(policy.baseline_share)}."
    return DecisionTerm(BASELINE, policy.baseline_share, True, reason)


def frequency_term(trigger: IncidentFrequencyTrigger, tally: Tally | None, judged: int) -> DecisionTerm:
    """Compares how many incidents opened in the sprint judged with the mean of the sprints before."""
    if tally is None:
        return DecisionTerm(FREQUENCY, 0, False, NOT_TOLD)
    if tally.mean is None:
        return DecisionTerm(FREQUENCY, 0, False, NO_HISTORY)
    opened, sprints = tally.count, tally.history_sprints
    above = opened * sprints > trigger.ratio * tally.history_count
    enough = opened >= trigger.minimum_count
    verb = ("exceeds" if above else "does not exceed") if opened == 1 else ("exceed" if above else "do not exceed")
    reason = (
        f"{counted(opened, 'incident')} in sprint {judged} {verb} {trigger.ratio} × "
        f"the mean of {figure(tally.mean)} in the {counted(sprints, 'sprint')} before"
    )
    reason += f", but it takes at least {trigger.minimum_count}." if above and not enough else "."
    return _term(FREQUENCY, trigger.raise_by, above and enough, reason)


def restore_term(trigger: TimeToRestoreTrigger, restoring: Restoring | None, judged: int) -> DecisionTerm:
    """Compares the medians. One not reached is a lower bound: enough to fire, not to compare with."""
    if restoring is None:
        return DecisionTerm(RESTORE, 0, False, NOT_TOLD)
    fired, reason = _compared(trigger, restoring, judged)
    return _term(RESTORE, trigger.raise_by, fired, reason)


def open_term(trigger: OpenIncidentTrigger, grave: int | None) -> DecisionTerm:
    """Weighs the grave incidents open now; needs no history."""
    if grave is None:
        return DecisionTerm(OPEN, 0, False, NOT_TOLD)
    reason = f"{counted(grave, 'incident')} of severity {trigger.severity_at_most} or graver open"
    if grave:
        reason += f": {percent(trigger.raise_by)} for each, {percent(trigger.raise_at_most)} at most"
    return DecisionTerm(OPEN, min(grave * trigger.raise_by, trigger.raise_at_most), bool(grave), f"{reason}.")


def hours_of(length: timedelta) -> Decimal:
    return hours(Decimal(length // _MICROSECOND) / Decimal(_HOUR // _MICROSECOND))


def _term(name: str, raise_by: int, fired: bool, reason: str) -> DecisionTerm:
    return DecisionTerm(name, raise_by if fired else 0, fired, reason)


def _compared(trigger: TimeToRestoreTrigger, restoring: Restoring, judged: int) -> tuple[bool, str]:
    recent, earlier = restoring.recent, restoring.earlier
    now_count, then_count = restoring.recent_count, restoring.earlier_count
    if earlier is None:
        return False, NO_HISTORY
    if recent is None or now_count < trigger.minimum_count or then_count < trigger.minimum_count:
        return False, (
            f"{counted(now_count, 'incident')} restored or open in sprint {judged} against {then_count} before: "
            f"too few to tell, it takes {trigger.minimum_count} in each."
        )
    if not earlier.reached:
        return False, f"Too many of the {then_count} earlier incidents were open still: their median is unknown, so this cannot fire."
    above = Decimal(recent.length // _MICROSECOND) > trigger.ratio * (earlier.length // _MICROSECOND)
    least, verdict = ("", "does not exceed") if recent.reached else ("at least ", "is not known to exceed")
    return above, (
        f"A median of {least}{_text(recent)} to restore in sprint {judged} ({counted(now_count, 'incident')}) "
        f"{'exceeds' if above else verdict} {trigger.ratio} × the {_text(earlier)} of the {counted(then_count, 'incident')} before."
    )


def _text(value: Median) -> str:
    return f"{figure(hours_of(value.length))} h"
