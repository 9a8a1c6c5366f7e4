"""Summaries: what one sprint brought, in the figures of a row."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from ballast.allocation.v1.decision_pb2 import (
    DECISION_OUTCOME_HELD,
    DECISION_OUTCOME_LOWERED,
    DECISION_OUTCOME_RAISED,
    Decision,
)
from ballast.intake.v1.incident_pb2 import Incident

from clients.cli.demo.share import ShareLine, share_before, team_lines, weighted_line
from clients.cli.demo.year import Year, sprint_of, team_of
from shared.ids import id_of
from shared.money import Money

_FIRED = {
    "incident_frequency": "more incidents",
    "time_to_restore": "slower restore",
    "open_incidents": "grave open",
}


@dataclass(frozen=True, slots=True)
class RestoreTime:
    """The median time to restore; `at_least` when incidents still open might make it longer."""

    median: timedelta
    at_least: bool


@dataclass(frozen=True, slots=True)
class TeamSprint:
    """One team's sprint."""

    team: str
    share_before: float
    share_after: float
    capacity_hours: float
    remediation_hours: float
    roadmap_hours: float


@dataclass(frozen=True, slots=True)
class SprintSummary:
    """One sprint of all teams."""

    number: int
    begin_at: datetime
    opened: int
    severities: Mapping[int, int]  # incidents opened, by severity 1 to 5
    restore: RestoreTime | None
    share_before: float  # weighted with capacity
    share_after: float
    teams: tuple[TeamSprint, ...]
    mover: TeamSprint | None  # the team whose share moved furthest
    reason: str  # why it moved
    raised: int  # decisions
    lowered: int
    held: int
    agreed: int  # of them, those that others had to agree to
    # Of the decisions that raised the share. One that lowers it may reorder the roadmap too, but takes nothing from it.
    displaced: tuple[str, ...]  # ids of roadmap items, sorted
    value_at_risk: Money

    @property
    def remediation_hours(self) -> float:
        return round(sum(team.remediation_hours for team in self.teams), 2)

    @property
    def grave(self) -> int:
        """Incidents of SEV1 and SEV2."""
        return self.severities.get(1, 0) + self.severities.get(2, 0)


def summarise(year: Year) -> tuple[SprintSummary, ...]:
    """Returns every sprint's summary, in order."""
    lines = team_lines(year)
    whole = weighted_line(lines, capacities(year))
    return tuple(_summary(year, number, lines, whole) for number in year.example.cadence.numbers)


def capacities(year: Year) -> dict[str, float]:
    """Returns each team's hours in a sprint, by team id."""
    return {team.id: year.sprints[team.id, 1].capacity_hours for team in year.example.teams}


def _summary(year: Year, number: int, lines: Mapping[str, ShareLine], whole: ShareLine) -> SprintSummary:
    cadence = year.example.cadence
    begin, last = cadence.begin(number), cadence.end(number) - timedelta(seconds=1)
    opened = {key: each for key, each in year.incidents.items() if cadence.number_at(each.opened_at.ToDatetime(tzinfo=UTC)) == number}
    decisions = [each for each in year.came_in_force if sprint_of(each) == number]
    outcomes = Counter(each.outcome for each in decisions)
    raising = [each for each in decisions if each.outcome == DECISION_OUTCOME_RAISED]
    teams = tuple(_team_sprint(year, team, number, line) for team, line in lines.items())
    mover = max(teams, key=lambda team: (abs(team.share_after - team.share_before), team.team))
    moved = mover if mover.share_after != mover.share_before else None
    return SprintSummary(
        number=number,
        begin_at=begin,
        opened=len(opened),
        severities=Counter(int(year.assessments[key].severity) for key in opened),
        restore=median_restore(list(opened.values()), year.until),
        share_before=whole.before(begin),
        share_after=whole.at(last),
        teams=teams,
        mover=moved,
        reason=_reason(moved, decisions) if moved else "",
        raised=outcomes[DECISION_OUTCOME_RAISED],
        lowered=outcomes[DECISION_OUTCOME_LOWERED],
        held=outcomes[DECISION_OUTCOME_HELD],
        agreed=sum(bool(each.approval) for each in decisions),
        displaced=tuple(sorted({id_of(item.roadmap_item) for each in raising for item in each.impact.displaced})),
        value_at_risk=sum((value_of(each) for each in raising), Money(Decimal(0))),
    )


def _team_sprint(year: Year, team: str, number: int, line: ShareLine) -> TeamSprint:
    cadence, sprint = year.example.cadence, year.sprints[team, number]
    return TeamSprint(
        team=team,
        share_before=line.before(cadence.begin(number)),
        share_after=line.at(cadence.end(number) - timedelta(seconds=1)),
        capacity_hours=sprint.capacity_hours,
        remediation_hours=sprint.remediation_recorded_hours,
        roadmap_hours=sprint.roadmap_recorded_hours,
    )


def median_restore(incidents: list[Incident], until: datetime) -> RestoreTime | None:
    """Returns the median over incidents; one still open counts with its time so far, and marks a median it might raise."""
    lasted = sorted(_lasted(each, until) for each in incidents)
    if not lasted:
        return None
    low, high = lasted[(len(lasted) - 1) // 2], lasted[len(lasted) // 2]
    unsure = any(still_open for span, still_open in lasted if span <= high[0])
    return RestoreTime((low[0] + high[0]) / 2, unsure)


def _lasted(incident: Incident, until: datetime) -> tuple[timedelta, bool]:
    still_open = not incident.HasField("resolved_at")
    end = until if still_open else incident.resolved_at.ToDatetime(tzinfo=UTC)
    return end - incident.opened_at.ToDatetime(tzinfo=UTC), still_open


def _reason(mover: TeamSprint, decisions: list[Decision]) -> str:
    """Returns why a team's share moved: what fired in the decision that moved it most."""
    own = [each for each in decisions if team_of(each) == mover.team and each.outcome != DECISION_OUTCOME_HELD]
    rising = mover.share_after > mover.share_before
    wanted = [each for each in own if (each.outcome == DECISION_OUTCOME_RAISED) == rising] or own
    if not wanted:
        return ""
    decisive = max(wanted, key=lambda each: abs(each.after.remediation_share - share_before(each)))
    moving = [term.term.removeprefix("rule/") for term in decisive.terms if term.fired and term.share and term.term != "baseline"]
    fired = [_FIRED.get(term, term) for term in moving]
    return ", ".join(fired) or "quiet sprints"


def value_of(decision: Decision) -> Money:
    """Returns the value a decision puts at risk; zero in dollars when it says none."""
    if not decision.impact.HasField("value_at_risk"):
        return Money(Decimal(0))
    value = decision.impact.value_at_risk
    return Money.from_units_and_nanos(value.units, value.nanos, value.currency_code or "USD")
