"""Teams whose periods begin together, as rows of one table: so that a period of all of them is computed at once.

Only teams with the same length and beginning of periods learn from each other here. With others, "the periods before" of one would reach
into what the other did not know yet.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.allocation.domain.backtest_past import TeamPast
from services.allocation.domain.demand_effort import EffortRows
from services.allocation.domain.demand_rate import Rows

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
GRAVENESSES = 5


@dataclass(frozen=True)
class Cohort:
    """One row for each team, one column for each period from `begin` on; incidents and work in columns of their own."""

    teams: tuple[TeamPast, ...]
    begin: int
    known: NDArray[np.bool_]
    counts: NDArray[np.int64]  # severity at most 1 to 5 × team × period: of the periods before this one
    demand: Floats  # person-hours of the incidents begun in each period, as known in the end
    capacity: Floats
    rows: Places  # of each incident its team, its column, and that of its end: beyond the last while it is open
    opened: Places
    ended: Places
    work_incident: Places
    work_column: Places
    work_hours: Floats

    @classmethod
    def of(cls, teams: Sequence[TeamPast]) -> "Cohort":
        begin, end = min(each.first for each in teams), max(each.end for each in teams)
        known, capacity = np.zeros((len(teams), end - begin), bool), np.zeros((len(teams), end - begin))
        for row, each in enumerate(teams):
            known[row, each.first - begin : each.end - begin] = True
            capacity[row, each.first - begin : each.end - begin] = each.capacities
        held = [(row, each) for row, team in enumerate(teams) for each in team.incidents if team.first <= each.period < team.end]
        rows = np.array([row for row, _ in held], np.intp)
        opened = np.array([each.period - begin for _, each in held], np.intp)
        severity = np.array([each.severity for _, each in held], np.intp)
        work = [(place, number, hours) for place, (_, each) in enumerate(held) for number, hours in each.work]
        incident, hours = np.array([place for place, *_ in work], np.intp), np.array([hours for *_, hours in work], float)
        demand = np.zeros(known.shape)
        np.add.at(demand, (rows[incident], opened[incident]), hours)
        return cls(
            tuple(teams),
            begin,
            known,
            _counted(known.shape, rows, opened, severity),
            demand,
            capacity,
            rows,
            opened,
            np.array([_ended(each.period, each.resolved, each.is_open) - begin for _, each in held], np.intp),
            incident,
            np.array([number - begin for _, number, _ in work], np.intp),
            hours,
        )

    @property
    def width(self) -> int:
        return int(self.known.shape[1])

    def incident_counts(self, column: int) -> "Rows":
        """Returns the counts of the periods before that column."""
        within = self.counts[-1][:, 1 : column + 1] - self.counts[-1][:, :column]
        return Rows(within.astype(float), self.known[:, :column], np.array([each.period_days for each in self.teams]))

    def efforts(self, column: int) -> EffortRows:
        """Returns what incidents had taken when that column's period began, and whether they had ended."""
        hours = self._worked(column)
        seen = np.nonzero(hours > 0)[0]
        ended = self.ended[seen] < column
        order = seen[np.lexsort((~ended, hours[seen], self.rows[seen]))]
        return EffortRows(np.log(hours[order]), self.ended[order] < column, self.rows[order], len(self.teams))

    def recent_demand(self, column: int, periods: int) -> Floats:
        """Returns the hours of each of the newest periods before that column, as known then; NaN before a team's first."""
        low = max(column - periods, 0)
        hours = self._worked(column)
        chosen = (self.opened >= low) & (self.opened < column)
        found = np.zeros((len(self.teams), column - low))
        np.add.at(found, (self.rows[chosen], self.opened[chosen] - low), hours[chosen])
        return np.where(self.known[:, low:column], found, np.nan)

    def _worked(self, column: int) -> Floats:
        before = self.work_column < column
        return np.bincount(self.work_incident[before], self.work_hours[before], len(self.rows)).astype(float)


def cohorts(teams: Sequence[TeamPast]) -> Iterator[list[int]]:
    """Yields the positions of the teams of each cohort, in the order in which their first ones are given."""
    found: dict[tuple[float, float], list[int]] = {}
    for place, each in enumerate(teams):
        found.setdefault((each.period_days, round(each.phase_days % each.period_days, 6)), []).append(place)
    yield from found.values()


def _counted(shape: tuple[int, ...], rows: Places, opened: Places, severity: Places) -> NDArray[np.int64]:
    counts = np.zeros((GRAVENESSES, shape[0], shape[1] + 1), np.int64)
    np.add.at(counts, (severity - 1, rows, opened + 1), 1)
    return np.asarray(np.cumsum(np.cumsum(counts, 0), 2))


def _ended(period: int, resolved: float | None, is_open: bool) -> int:
    """Returns the period an incident ended in; one of which that is unknown ended in its own, unless it is open."""
    if is_open:
        return 2**40
    return period if resolved is None else int(np.floor(resolved))
