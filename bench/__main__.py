"""Measures, prints a table for each scenario, and writes them all to .ballast/bench/report.json: `python -m bench [names…]`."""

import argparse
import shutil
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import uvloop
from rich.console import Console

from bench.assessments import assessments
from bench.backtest import backtest
from bench.batches import batches_of_500
from bench.budgets import budgets
from bench.catalogue import catalogue
from bench.demand import demand
from bench.flatness import flatness
from bench.ground import DIRECTORY, Ground, Sizes
from bench.history import history
from bench.latency import alert_to_bundle
from bench.ledger import ledger
from bench.lineage import lineage
from bench.plan import plan
from bench.processes import end_on_sigterm
from bench.progress import console, progress
from bench.report import Section, write_report
from bench.singles import single_reports
from bench.splits import splits
from bench.storm import storm
from shared.embedded import EngineFailed, StateDirInUse, running

SCENARIOS: dict[str, Callable[[Ground], Awaitable[Section]]] = {
    "batches": batches_of_500,
    "singles": single_reports,
    "storm": storm,
    "flatness": flatness,
    "history": history,
    "latency": alert_to_bundle,
    "catalogue": catalogue,
    "assessments": assessments,
    "budgets": budgets,
    "ledger": ledger,
    "lineage": lineage,
    "demand": demand,
    "backtest": backtest,
    "plan": plan,
    "splits": splits,
}
QUICK = Sizes(
    rounds=2,
    batch_alerts=2_000,
    alerta_alerts=20,
    single_alerts=500,
    storm_alerts=10_000,
    storm_groups=500,
    open_alerts=(500, 5_000),
    flat_rounds=2,
    past_incidents=(20_000, 40_000),
    list_calls=5,
    bundles=3,
    entities=500,
    blasts=50,
    scored=500,
    assessed=200,
    simulations=50,
    budget_slos=500,
    appended=500,
    ledger_entries=2_000,
    proofs=20,
    lineage_nodes=20_000,
    lineage_walks=50,
    demand_teams=50,
    backtest_teams=20,
    plan_singles=10,
    plan_teams=20,
    split_teams=20,
    split_seconds=1.0,
)


async def measure(names: Sequence[str], sizes: Sizes, shown: Console) -> None:
    """Runs the scenarios one after another; the report is written after each, so that one that fails leaves those before it."""
    at = datetime.now(UTC)
    sections: dict[str, Section] = {}
    state = DIRECTORY / "state"
    with running(state) as engines:
        for name in names:
            with progress(shown) as line:
                sections[name] = await SCENARIOS[name](Ground(engines, sizes, line))
            shown.print(sections[name].table(), "")
            write_report(DIRECTORY / "report.json", sections, at)
    shutil.rmtree(state)
    shown.print(f"written to {DIRECTORY / 'report.json'}")


def main() -> int:
    """Returns 0 when everything was measured, 2 when another run uses the state directory or an engine does not start, 130 after Ctrl-C."""
    parser = _arguments()
    read = parser.parse_args()
    if unknown := set(read.names) - set(SCENARIOS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; choose of {', '.join(SCENARIOS)}")
    end_on_sigterm()
    sizes = QUICK if read.quick else Sizes()
    given = {key: value for key, value in vars(read).items() if value and key not in {"names", "quick"}}
    try:
        uvloop.run(measure(read.names or list(SCENARIOS), replace(sizes, **given), console()))
    except (EngineFailed, StateDirInUse) as error:
        sys.stderr.write(f"bench: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures Ballast beside its peers, on this machine.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"what to measure: {', '.join(SCENARIOS)}; all by default")
    parser.add_argument("--rounds", type=int, help=f"rounds of which the median counts (default {Sizes().rounds})")
    parser.add_argument("--storm-alerts", type=int, help=f"alerts of the storm (default {Sizes().storm_alerts:,})")
    parser.add_argument("--storm-groups", type=int, help=f"groups of the storm (default {Sizes().storm_groups:,})")
    parser.add_argument("--open-alerts", type=_counts, metavar="N,N…", help="levels of open alerts (default 10000,100000,1000000)")
    parser.add_argument("--past-incidents", type=_counts, metavar="N,N…", help="lengths of history (default 10000,1000000)")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that everything runs; the figures mean little")
    return parser


def _counts(text: str) -> tuple[int, ...]:
    return tuple(int(each) for each in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
