"""Pasts from what is recorded of teams: their sprints observed from beginning to end, as numbers on a clock that all teams share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.allocation.domain.backtest_past import PastIncident, TeamPast
from services.allocation.domain.demand_question import RecordedDemand
from services.allocation.domain.incident import IncidentFact
from services.allocation.domain.quantity import share_to_float
from services.allocation.domain.sprint import Cadence
from services.allocation.domain.team import Team

MOST_SPRINTS = 104
_EPOCH = datetime(1970, 1, 5, tzinfo=UTC)  # a Monday
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RecordedTeam:
    """What is stored of a team: its incidents, the hours worked on each by sprint, the shares in force, the worth of an hour."""

    team: Team
    facts: tuple[IncidentFact, ...]
    work: Mapping[str, Mapping[int, float]]  # by incident and number of the sprint
    shares: tuple[tuple[datetime, int], ...]  # in force since then, in millionths, oldest first
    worth: float | None  # cost of delay per week that an hour of the roadmap's work brings to an end

    @property
    def unworked(self) -> int:
        """Incidents that nobody recorded work on."""
        return sum(each.incident not in self.work for each in self.facts)


def past_of(recorded: RecordedTeam, now: datetime, most: int = MOST_SPRINTS) -> TeamPast:
    """Returns the newest finished sprints, at most so many. What is recorded of an incident later than `now` must not be in it."""
    cadence = recorded.team.cadence
    first_opened = min((each.opened_at for each in recorded.facts), default=None)
    ended = cadence.number_at(now)
    first = max(RecordedDemand(recorded.team, {}, first_opened, ()).first_sprint(), ended - most)
    numbers = range(first, ended)
    # On the shared clock sprint 0 is the one that holds the epoch, whatever number the team gave it.
    offset = -cadence.number_at(_EPOCH)
    phase = (cadence.sprint(-offset).begin_at - _EPOCH) / _DAY
    days = cadence.length / _DAY
    return TeamPast(
        recorded.team.name,
        first + offset,
        # A sprint in which nobody worked says nothing of a share of it: it counts as one in which all were there.
        tuple(float(recorded.team.capacity_in(cadence.sprint(each)) or recorded.team.capacity_hours) for each in numbers),
        tuple(_incident(each, recorded.work.get(each.incident, {}), cadence, offset) for each in recorded.facts),
        (recorded.worth,) * len(numbers),
        tuple(_share(recorded.shares, cadence, number) for number in numbers),
        days,
        phase,
        offset,
    )


def _incident(fact: IncidentFact, work: Mapping[int, float], cadence: Cadence, offset: int) -> PastIncident:
    return PastIncident(
        _place(fact.opened_at, cadence) + offset,
        None if fact.resolved_at is None else _place(fact.resolved_at, cadence) + offset,
        fact.severity,
        tuple(sorted((number + offset, hours) for number, hours in work.items())),
        is_open=fact.resolved_at is None,
    )


def _place(moment: datetime, cadence: Cadence) -> float:
    return (moment - cadence.first_sprint_at) / cadence.length + 1


def _share(shares: Sequence[tuple[datetime, int]], cadence: Cadence, number: int) -> float | None:
    """Returns the share in force in a sprint, on average over its time; None where some of it had none. A share decided at the
    sprint's beginning comes within the minute: up to a hundredth of the sprint may lack one."""
    sprint = cadence.sprint(number)
    total, covered = 0.0, 0.0
    for place, (since, share) in enumerate(shares):
        until = shares[place + 1][0] if place + 1 < len(shares) else sprint.end_at
        overlap = (min(until, sprint.end_at) - max(since, sprint.begin_at)) / cadence.length
        if overlap > 0:
            total += overlap * share_to_float(share)
            covered += overlap
    return total / covered if covered >= 0.99 else None
