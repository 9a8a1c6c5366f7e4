"""Runs the endurance test, prints what broke and whether every promise held: `python -m soak`; exit code 1 when one did not."""

import argparse
import random
import shutil
import sys
from pathlib import Path

import uvloop
from rich.table import Table

from bench.figures import spread
from bench.processes import end_on_sigterm
from bench.progress import console, progress
from shared.embedded import EngineFailed, StateDirInUse
from soak.endurance import Outcome, endure
from soak.plan import Fault, plan

DIRECTORY = Path(".ballast/soak")
_EXAMPLES = 3


def main() -> int:
    """Returns 0 when every promise held, 1 when one was broken, 2 when it could not be run, 130 after Ctrl-C."""
    read = _arguments().parse_args()
    seed = read.seed if read.seed is not None else random.SystemRandom().randrange(2**32)
    end_on_sigterm()
    steps = plan(read.kills, read.others, seed)
    shown = console()
    shown.print(f"{len(steps)} faults under load, {read.kills} of them kills; to have them again: --seed {seed}")
    try:
        with progress(shown) as line:
            outcome = uvloop.run(endure(DIRECTORY, steps, seed=seed, senders=read.senders, progress=line))
    except (EngineFailed, StateDirInUse) as error:
        sys.stderr.write(f"soak: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    shown.print(_faults(outcome), _promises(outcome))
    if not outcome.holds:
        shown.print(f"[bold red]a promise was broken[/]; what is left is in {DIRECTORY}")
        return 1
    shutil.rmtree(DIRECTORY / "state")
    shown.print(f"[bold green]every promise held[/] over {len(steps)} faults in {outcome.seconds:.0f} s")
    return 0


def _faults(outcome: Outcome) -> Table:
    ledger = outcome.ledger
    retries = ", ".join(f"{count:,} {reason}" for reason, count in ledger.retries.most_common())
    table = Table(
        title=f"{len(ledger.alerts):,} alerts acknowledged in {ledger.calls:,} calls",
        title_justify="left",
        caption=f"Calls made again: {retries or 'none'}",
        caption_justify="left",
    )
    for column in ("fault", "times", "s to the next receipt: median (least–most)"):
        table.add_column(column, justify="left" if column == "fault" else "right")
    for fault in Fault:
        if fault in outcome.silences:
            table.add_row(fault, str(len(outcome.silences[fault])), spread(outcome.silences[fault]).text(1))
    return table


def _promises(outcome: Outcome) -> Table:
    table = Table(title="Promises", title_justify="left")
    table.add_column("promise")
    table.add_column("broken", justify="right")
    table.add_column("for example")
    for check in outcome.checks:
        table.add_row(check.promise, f"{len(check.broken):,}", "\n".join(check.broken[:_EXAMPLES]), style=None if check.holds else "red")
    return table


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m soak", description="Breaks everything below intake while it is under load.")
    parser.add_argument("--kills", type=int, default=60, help="times intake is killed (default 60)")
    parser.add_argument("--others", type=int, default=8, help="times each other fault happens (default 8)")
    parser.add_argument("--seed", type=int, help="makes the same faults happen again; random by default")
    parser.add_argument("--senders", type=int, default=8, help="senders at work (default 8)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
