"""The real year of examples/cloud-year as remediation work of its product teams, week by week.

Hours are those of the example's rule (responders × min(duration, a cap) + follow-up), all in the week an incident began.
"""

from collections import defaultdict
from datetime import timedelta
from pathlib import Path

from bench.forecast_evaluation import Series
from clients.cli.demo.example import Example
from clients.cli.demo.outage_file import Outage
from services.allocation.domain.backtest_past import PastIncident, TeamPast

FOLDER = Path("examples/cloud-year")
FIXED_SHARE = 1 / 3
_WEEK = timedelta(weeks=1)
# The status page's own word for how bad it was; it knows three.
_SEVERITIES = {"high": 2, "medium": 3, "low": 4}


def weekly(example: Example, weeks: int = 1) -> list[Series]:
    """Returns the work of each team in stretches of so many weeks, teams by name."""
    begin = example.cadence.begin(1)
    found: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for outage in example.outages:
        for team in example.teams_of(outage):
            found[team][(outage.begin - begin) // (weeks * _WEEK)].append(_hours(example, outage))
    count = _count(example, weeks)
    return [
        Series(tuple(tuple(found[name][period]) for period in range(count)), FIXED_SHARE * weeks * hours, 7.0 * weeks)
        for name, hours in _weekly_hours(example)
    ]


def pasts(example: Example) -> list[TeamPast]:
    """Returns the same by week as pasts to try policies on, with severities and times to restore as the status page has them."""
    begin = example.cadence.begin(1)
    found: dict[str, list[PastIncident]] = defaultdict(list)
    for outage in example.outages:
        opened, resolved = ((each - begin) / _WEEK + 1 for each in (outage.begin, outage.end))
        work = ((int(opened), _hours(example, outage)),)
        for team in example.teams_of(outage):
            found[team].append(PastIncident(opened, resolved, _SEVERITIES.get(outage.severity, 3), work))
    count = _count(example, 1)
    return [TeamPast(f"teams/{name}", 1, (hours,) * count, tuple(found[name]), period_days=7.0) for name, hours in _weekly_hours(example)]


def _count(example: Example, weeks: int) -> int:
    return int((example.cadence.end(example.cadence.count) - example.cadence.begin(1)) // (weeks * _WEEK))


def _hours(example: Example, outage: Outage) -> float:
    rule = example.policy.remediation.of(outage.impact)
    return rule.responders * min(outage.duration / timedelta(hours=1), rule.restore_hours_at_most) + rule.follow_up_hours


def _weekly_hours(example: Example) -> list[tuple[str, float]]:
    ordered = sorted(example.teams, key=lambda each: each.id)
    return [(team.id, sum(each.weekly_hours * each.focus_factor for each in team.members)) for team in ordered]
