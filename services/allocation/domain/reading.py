"""Readings: a sprint under judgement with those before it, and what is counted in them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.allocation.domain.decision import DecisionTrigger
from services.allocation.domain.incident import MILDEST, IncidentFact
from services.allocation.domain.signals import Restoring, Tally
from services.allocation.domain.situation import Situation
from services.allocation.domain.sprint import Sprint
from services.allocation.domain.survival import Lifetime, median


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


def tally_of(
    reading: Reading, known: Sequence[IncidentFact], history_sprints: int, severity_at_most: int = MILDEST
) -> tuple[Tally, list[IncidentFact]]:
    """Counts the incidents that opened in the sprint judged and in those before it; also returns the former."""
    opened = _opened_in(known, [reading.sprint], severity_at_most)
    history = reading.history(history_sprints)
    return Tally(len(opened), len(_opened_in(known, history, severity_at_most)), len(history)), opened


def restoring_of(reading: Reading, known: Sequence[IncidentFact], history_sprints: int) -> tuple[Restoring, list[IncidentFact]]:
    """Returns the medians to compare, and the incidents of the recent one; open incidents count as censored."""
    weighed = _restored_or_open(known, [reading.sprint], reading.as_of)
    recent = [_lifetime(fact, reading.as_of) for fact in weighed]
    history = reading.history(history_sprints)
    # The past as it was known when it ended: an incident then still open counts as censored there too.
    until = reading.sprint.begin_at
    earlier = [_lifetime(fact, until) for fact in _restored_or_open(known, history, until)] if history else []
    return Restoring(median(recent), len(recent), median(earlier), len(earlier)), weighed


def open_at(known: Iterable[IncidentFact], now: datetime, severity_at_most: int = MILDEST) -> list[IncidentFact]:
    return [fact for fact in known if fact.is_open_at(now) and fact.severity <= severity_at_most]


def _opened_in(known: Iterable[IncidentFact], sprints: Iterable[Sprint], severity_at_most: int) -> list[IncidentFact]:
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
