"""Signals: what a team's incidents say, compared with its own history, as terms of a decision."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from services.allocation.domain.decision import DecisionInput, DecisionTerm, DecisionTrigger, Unit
from services.allocation.domain.incident import IncidentFact
from services.allocation.domain.policy import IncidentFrequencyTrigger, OpenIncidentTrigger, TimeToRestoreTrigger
from services.allocation.domain.quantity import counted, figure, hours, percent
from services.allocation.domain.situation import Situation
from services.allocation.domain.sprint import Sprint
from services.allocation.domain.survival import Lifetime, Median, median

_HOUR = timedelta(hours=1)
NOT_OBSERVED = "No sprint of this team was observed to its end yet, so there is nothing to judge."
NO_HISTORY = "There is no earlier sprint of this team to compare with yet, so this cannot fire."


@dataclass(frozen=True, slots=True)
class Signal:
    """One term, the inputs it rests on, and the incidents it weighed."""

    term: DecisionTerm
    inputs: tuple[DecisionInput, ...]
    incidents: tuple[IncidentFact, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """A sprint under judgement as of a moment within it or at its end, and the observed sprints before it."""

    situation: Situation
    sprint: Sprint
    as_of: datetime

    def history(self, sprints: int) -> list[Sprint]:
        """Returns up to `sprints` observed sprints right before the one judged, oldest first."""
        numbers = range(self.sprint.number - sprints, self.sprint.number)
        before = [self.situation.team.cadence.sprint(number) for number in numbers]
        return [sprint for sprint in before if self.situation.was_observed(sprint)]


def reading_of(situation: Situation, trigger: DecisionTrigger, now: datetime) -> Reading | None:
    """Returns what to judge: the present sprint so far, or at a sprint's beginning the whole one before, if it was observed."""
    present = situation.team.cadence.sprint_at(now)
    if trigger is not DecisionTrigger.SPRINT_BEGAN:
        return Reading(situation, present, now)
    ended = situation.team.cadence.sprint(present.number - 1)
    return Reading(situation, ended, ended.end_at) if situation.was_observed(ended) else None


def frequency_signal(trigger: IncidentFrequencyTrigger, reading: Reading | None) -> Signal:
    """Judges how many incidents opened in the sprint against the mean of the sprints before."""
    name = "incident_frequency"
    if reading is None:
        return Signal(DecisionTerm(name, 0, False, NOT_OBSERVED), ())
    opened = _opened_in(reading, [reading.sprint], trigger.severity_at_most)
    history = reading.history(trigger.history_sprints)
    inputs = [DecisionInput("incident_count", Decimal(len(opened)), Unit.INCIDENTS, 1)]
    if not history:
        return Signal(DecisionTerm(name, 0, False, NO_HISTORY), tuple(inputs), tuple(opened))
    total = len(_opened_in(reading, history, trigger.severity_at_most))
    mean = Decimal(total) / len(history)
    inputs.append(DecisionInput("incident_mean", hours(mean), Unit.INCIDENTS, len(history)))
    above = len(opened) * len(history) > trigger.ratio * total
    enough = len(opened) >= trigger.minimum_count
    verb = ("exceeds" if above else "does not exceed") if len(opened) == 1 else ("exceed" if above else "do not exceed")
    reason = (
        f"{counted(len(opened), 'incident')} in sprint {reading.sprint.number} {verb} {trigger.ratio} × "
        f"the mean of {figure(mean)} in the {counted(len(history), 'sprint')} before"
    )
    reason += f", but it takes at least {trigger.minimum_count}." if above and not enough else "."
    return Signal(_term(name, trigger.raise_by, above and enough, reason), tuple(inputs), tuple(opened))


def restore_signal(trigger: TimeToRestoreTrigger, reading: Reading | None) -> Signal:
    """Judges the median time to restore of the sprint against that of the sprints before; open incidents count as censored."""
    name = "time_to_restore"
    if reading is None:
        return Signal(DecisionTerm(name, 0, False, NOT_OBSERVED), ())
    known = reading.situation.incidents
    weighed = _restored_or_open(known, [reading.sprint], reading.as_of)
    recent = [_lifetime(fact, reading.as_of) for fact in weighed]
    history = reading.history(trigger.history_sprints)
    # The past as it was known when it ended: an incident then still open counts as censored there too.
    until = reading.sprint.begin_at
    earlier = [_lifetime(fact, until) for fact in _restored_or_open(known, history, until)] if history else []
    now_median, then_median = median(recent), median(earlier)
    inputs = (
        *_median_input("time_to_restore_median", now_median, recent),
        *_median_input("time_to_restore_history_median", then_median, earlier),
    )
    fired, reason = _compare_medians(trigger, (now_median, len(recent)), (then_median, len(earlier)), reading.sprint.number)
    return Signal(_term(name, trigger.raise_by, fired, reason), inputs, tuple(weighed))


def open_signal(trigger: OpenIncidentTrigger, situation: Situation, now: datetime) -> Signal:
    """Weighs the grave incidents open now; needs no history."""
    grave = [fact for fact in situation.incidents if fact.is_open_at(now) and fact.severity <= trigger.severity_at_most]
    share = min(len(grave) * trigger.raise_by, trigger.raise_at_most)
    reason = f"{counted(len(grave), 'incident')} of severity {trigger.severity_at_most} or graver open"
    if grave:
        reason += f": {percent(trigger.raise_by)} for each, {percent(trigger.raise_at_most)} at most"
    inputs = (DecisionInput("open_grave_incidents", Decimal(len(grave)), Unit.INCIDENTS, len(grave)),)
    return Signal(DecisionTerm("open_incidents", share, bool(grave), f"{reason}."), inputs, tuple(grave))


def _term(name: str, raise_by: int, fired: bool, reason: str) -> DecisionTerm:
    return DecisionTerm(name, raise_by if fired else 0, fired, reason)


def _opened_in(reading: Reading, sprints: Iterable[Sprint], severity_at_most: int) -> list[IncidentFact]:
    known = reading.situation.incidents
    return [fact for sprint in sprints for fact in known if sprint.holds(fact.opened_at) and fact.severity <= severity_at_most]


def _restored_or_open(known: Iterable[IncidentFact], sprints: list[Sprint], until: datetime) -> list[IncidentFact]:
    """Returns the incidents restored in one of the sprints up to `until`, and those that were open before and still then."""
    return [
        fact
        for fact in known
        if (fact.opened_at < until and fact.is_open_at(until))
        or (fact.resolved_at and fact.resolved_at <= until and any(sprint.holds(fact.resolved_at) for sprint in sprints))
    ]


def _lifetime(fact: IncidentFact, until: datetime) -> Lifetime:
    return Lifetime(fact.lasted_until(until), ended=not fact.is_open_at(until))


def _median_input(name: str, value: Median | None, sample: list[Lifetime]) -> tuple[DecisionInput, ...]:
    if value is None:
        return ()
    return (DecisionInput(name if value.reached else f"{name}_at_least", _hours(value.length), Unit.HOURS, len(sample)),)


def _compare_medians(
    trigger: TimeToRestoreTrigger, recent: tuple[Median | None, int], earlier: tuple[Median | None, int], number: int
) -> tuple[bool, str]:
    """Says whether the recent median exceeds the ratio. One not reached is a lower bound: enough to fire, not to compare with."""
    (now_median, now_count), (then_median, then_count) = recent, earlier
    if then_median is None:
        return False, NO_HISTORY
    if now_median is None or now_count < trigger.minimum_count or then_count < trigger.minimum_count:
        return False, (
            f"{counted(now_count, 'incident')} restored or open in sprint {number} against {then_count} before: "
            f"too few to tell, it takes {trigger.minimum_count} in each."
        )
    if not then_median.reached:
        return (
            False,
            f"Too many of the {then_count} earlier incidents were open still: their median is unknown, so this cannot fire.",
        )
    above = Decimal(now_median.length // timedelta(microseconds=1)) > trigger.ratio * (then_median.length // timedelta(microseconds=1))
    least, verdict = ("", "does not exceed") if now_median.reached else ("at least ", "is not known to exceed")
    return above, (
        f"A median of {least}{_text(now_median)} to restore in sprint {number} ({counted(now_count, 'incident')}) "
        f"{'exceeds' if above else verdict} {trigger.ratio} × the {_text(then_median)} of the {counted(then_count, 'incident')} before."
    )


def _hours(length: timedelta) -> Decimal:
    return hours(Decimal(length // timedelta(microseconds=1)) / Decimal(_HOUR // timedelta(microseconds=1)))


def _text(value: Median) -> str:
    return f"{figure(_hours(value.length))} h"
