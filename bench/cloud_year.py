"""The real year of examples/cloud-year as remediation work by team and week; `python -m bench.cloud_year` scores forecasts of it.

Hours are those of the example's rule (responders × min(duration, a cap) + follow-up), all in the week an incident began.
"""

import sys
from collections import defaultdict
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from bench.report import Section
from clients.cli.demo.example import Example, read_example
from services.allocation.domain.demand_evaluation import Evaluation, Series, evaluated
from services.allocation.domain.demand_forecast import Wanted

FOLDER = Path("examples/cloud-year")
FIXED_SHARE = 1 / 3
_WEEK = timedelta(weeks=1)


def weekly(example: Example, weeks: int = 1) -> list[Series]:
    """Returns the work of each team in stretches of so many weeks, teams by name."""
    begin = example.cadence.begin(1)
    found: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for outage in example.outages:
        rule = example.policy.remediation.of(outage.impact)
        restoring = rule.responders * min(outage.duration / timedelta(hours=1), rule.restore_hours_at_most)
        for team in example.teams_of(outage):
            found[team][(outage.begin - begin) // (weeks * _WEEK)].append(restoring + rule.follow_up_hours)
    count = (example.cadence.end(example.cadence.count) - begin) // (weeks * _WEEK)
    return [
        Series(
            tuple(tuple(found[team.id][period]) for period in range(count)),
            FIXED_SHARE * weeks * sum(each.weekly_hours * each.focus_factor for each in team.members),
            7.0 * weeks,
        )
        for team in sorted(example.teams, key=lambda each: each.id)
    ]


def section(title: str, found: Evaluation) -> Section:
    """Returns the table of an evaluation."""
    rows = [
        (
            f"{each.level:g}",
            f"{each.coverage:.3f} ± {each.error:.3f}",
            f"{each.kept:.3f} of {each.promised:.3f}",
            f"{each.loss:.2f}",
            f"{each.fixed_loss:.2f}",
            f"{each.trailing_loss:.2f}",
        )
        for each in found.scores
    ]
    columns = ("quantile", "coverage", "sufficed, of promised", "pinball, h", "a fixed third", "trailing 12")
    return Section(
        f"{title}: {found.forecast_count} forecasts of {found.period_count} periods held out", columns, rows, {"scores": found.scores}
    )


def main() -> int:
    """Prints how forecasts of weeks and of fortnights did."""
    example = read_example(FOLDER)
    shown = Console()
    for weeks, name in ((1, "weeks"), (2, "fortnights")):
        shown.print(section(f"examples/cloud-year by {name}", evaluated(weekly(example, weeks), Wanted())).table(), "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
