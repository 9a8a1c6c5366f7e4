"""Shares over time: what part of each team's capacity was reserved for remediation at any moment, and of all teams together."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ballast.allocation.v1.decision_pb2 import Decision

from clients.cli.demo.year import Year, team_of


@dataclass(frozen=True, slots=True)
class ShareLine:
    """A share that holds from each moment to the next; before the first it is `initial`."""

    initial: float
    moments: tuple[datetime, ...]
    shares: tuple[float, ...]

    def at(self, moment: datetime) -> float:
        """Returns the share that holds at a moment, a change at that very moment included."""
        index = bisect_right(self.moments, moment)
        return self.shares[index - 1] if index else self.initial

    def before(self, moment: datetime) -> float:
        """Returns the share that held right before a moment."""
        earlier = [share for at, share in zip(self.moments, self.shares, strict=True) if at < moment]
        return earlier[-1] if earlier else self.initial


def team_lines(year: Year) -> dict[str, ShareLine]:
    """Returns each team's line, by team id; it begins at the policy's baseline. What never came in force moves nothing."""
    initial = year.example.policy.allocation.baseline_share
    return {team.id: _line(initial, (each for each in year.came_in_force if team_of(each) == team.id)) for team in year.example.teams}


def _line(initial: float, decisions: Iterable[Decision]) -> ShareLine:
    moments: list[datetime] = []
    shares: list[float] = []
    for decision in decisions:
        share = decision.after.remediation_share
        if share != (shares[-1] if shares else initial):
            moments.append(decision.in_force_time.ToDatetime(tzinfo=UTC))
            shares.append(share)
    return ShareLine(initial, tuple(moments), tuple(shares))


def weighted_line(lines: Mapping[str, ShareLine], capacity: Mapping[str, float]) -> ShareLine:
    """Returns the line of all teams together, each weighted with its capacity."""
    moments = sorted({moment for line in lines.values() for moment in line.moments})
    whole = sum(capacity.values())

    def weighted(shares: Mapping[str, float]) -> float:
        return round(sum(shares[team] * capacity[team] for team in lines) / whole, 6)

    initial = weighted({team: line.initial for team, line in lines.items()})
    shares = (weighted({team: line.at(moment) for team, line in lines.items()}) for moment in moments)
    return ShareLine(initial, tuple(moments), tuple(shares))


def share_before(decision: Decision) -> float:
    """Returns the remediation share a decision started from: for a team's first one, the baseline, which is its first term."""
    return decision.before.remediation_share if decision.HasField("before") else decision.terms[0].share
