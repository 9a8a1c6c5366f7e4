"""Judges forecasts and decisions on periods they did not know, and writes docs/evaluation: `python -m bench.evaluation`.

The same code writes the same bytes: nothing is timed, and what is drawn is drawn from fixed seeds.
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from bench import evaluation_alarms as alarms
from bench.cloud_year import FOLDER, pasts, weekly
from bench.evaluation_decisions import POLICIES, replayed
from bench.evaluation_laws import LAWS, judged
from bench.evaluation_page import Found, page
from bench.evaluation_picture import write_calibration, write_decisions
from bench.forecast_evaluation import evaluated
from clients.cli.demo.example import read_example
from services.allocation.domain.demand_forecast import Wanted

TARGET = Path("docs/evaluation")
_YEARS, _STILL_YEARS = 30, 100


def measured(years: int = _YEARS, still_years: int = _STILL_YEARS) -> Found:
    """Returns everything the page says; takes some minutes."""
    example = read_example(FOLDER)
    by_length = {weeks: weekly(example, weeks) for weeks in (1, 2)}
    rates = alarms.seen(by_length[1])
    return Found(
        year={weeks: evaluated(series, Wanted()) for weeks, series in by_length.items()},
        laws=tuple(judged(law, weeks, years) for law in LAWS for weeks in (1, 2)),
        years=years,
        rates=tuple(rates),
        charts=tuple(alarms.on_the_year(by_length[1])),
        still=alarms.simulated(rates, len(by_length[1][0].periods), still_years),
        decisions=replayed(pasts(example)),
        policies=tuple(key for key, _ in POLICIES),
    )


def main() -> int:
    """Writes the page and its pictures; returns 1 when a goal is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.evaluation", description="Judges forecasts and decisions, and writes the report."
    )
    parser.add_argument("--target", type=Path, default=TARGET, help=f"folder to write to (default {TARGET})")
    target: Path = parser.parse_args().target
    found = measured()
    target.mkdir(parents=True, exist_ok=True)
    write_calibration(found, target / "calibration.svg")
    write_decisions(found.decisions, target / "decisions.svg")
    (target / "README.md").write_text(page(found))
    shown = Console()
    for goal in found.goals():
        shown.print(f"{'kept  ' if goal.kept else 'MISSED'} {goal.text}: {goal.found}", markup=False, highlight=False)
    shown.print(f"written to {target}")
    return 0 if all(goal.kept for goal in found.goals()) else 1


if __name__ == "__main__":
    sys.exit(main())
