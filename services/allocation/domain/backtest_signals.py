"""What a policy could look at when a past period began: signals from the periods before it, and nothing later."""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.allocation.domain.backtest_cohort import Cohort
from services.allocation.domain.backtest_past import TeamPast
from services.allocation.domain.incident import MILDEST
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.quantity import hours
from services.allocation.domain.signals import Hours, Restoring, Signals, Tally
from services.allocation.domain.survival import Lifetime, median

_BEGIN = datetime.fromisoformat("2000-01-01T00:00:00+00:00")  # policies look at how much time passed, never at the date
_GRAVE = 2


@dataclass(frozen=True)
class TeamSignals:
    """One team's incidents, by the periods in which they ended and the beginnings of periods at which they were open."""

    past: TeamPast
    cohort: Cohort
    row: int
    ended: dict[int, list[timedelta]]
    open_at: dict[int, list[tuple[timedelta, int]]]  # how long already, and severity
    _restorings: dict[tuple[int, int], Restoring] = field(default_factory=dict)

    @classmethod
    def of(cls, cohort: Cohort, row: int) -> "TeamSignals":
        past = cohort.teams[row]
        length = timedelta(days=past.period_days)
        ended: dict[int, list[timedelta]] = defaultdict(list)
        open_at: dict[int, list[tuple[timedelta, int]]] = defaultdict(list)
        for each in past.incidents:
            if each.resolved is not None:
                ended[math.floor(each.resolved)].append((each.resolved - each.opened) * length)
            until = past.end if each.is_open else each.period if each.resolved is None else min(math.ceil(each.resolved) - 1, past.end)
            for number in range(max(each.period + 1, past.first), until + 1):
                open_at[number].append(((number - each.opened) * length, each.severity))
        return cls(past, cohort, row, ended, open_at)

    def at(self, number: int, policy: AllocationPolicy, demand: Hours | None, backlog: float) -> Signals:
        """Returns what the policy looks at when that period begins; what it does not read is not computed."""
        judged, observed = number - 1, number > self.past.first
        frequency, restore, watched = policy.incident_frequency, policy.time_to_restore, policy.open_incidents
        grave = self._open(number, watched.severity_at_most) if watched else None
        return Signals(
            at=_BEGIN + (number - self.cohort.begin) * timedelta(days=self.past.period_days),
            sprint=number,
            judged=judged,
            capacity_hours=hours(self.past.capacities[number - self.past.first]),
            observed=observed,
            frequency=self._tally(judged, frequency.history_sprints, frequency.severity_at_most) if frequency and observed else None,
            restoring=self._restoring(judged, restore.history_sprints) if restore and observed else None,
            grave_open=grave,
            incidents=self._tally(judged, policy.history_sprints, MILDEST) if policy.rules and observed else None,
            restore=self._restoring(judged, policy.history_sprints) if policy.rules and observed else None,
            open_incidents=self._open(number, MILDEST) if policy.rules else None,
            open_grave=self._open(number, _GRAVE) if policy.rules else None,
            demand=demand,
            backlog_hours=backlog,
        )

    def _open(self, number: int, severity_at_most: int) -> int:
        return sum(severity <= severity_at_most for _, severity in self.open_at.get(number, ()))

    def _history(self, judged: int, sprints: int) -> range:
        return range(max(judged - sprints, self.past.first), judged)

    def _tally(self, judged: int, sprints: int, severity_at_most: int) -> Tally:
        counts = self.cohort.counts[severity_at_most - 1, self.row]
        history = self._history(judged, sprints)
        at, first = judged - self.cohort.begin, history.start - self.cohort.begin
        return Tally(int(counts[at + 1] - counts[at]), int(counts[at] - counts[first]), len(history))

    def _restoring(self, judged: int, sprints: int) -> Restoring:
        """Returns the medians; the past as it was known when it ended, with what was open then as censored."""
        if (judged, sprints) not in self._restorings:
            history = self._history(judged, sprints)
            recent = self._lifetimes([judged], judged + 1)
            earlier = self._lifetimes(history, judged) if history else []
            self._restorings[judged, sprints] = Restoring(median(recent), len(recent), median(earlier), len(earlier))
        return self._restorings[judged, sprints]

    def _lifetimes(self, numbers: Iterable[int], until: int) -> list[Lifetime]:
        found = [Lifetime(length, ended=True) for number in numbers for length in self.ended.get(number, ())]
        return found + [Lifetime(length, ended=False) for length, _ in self.open_at.get(until, ())]
