"""Prints the table: alerts per second and time from alert to bundle, beside a bare grpc.aio echo of the same messages in the same run."""

import asyncio
import statistics
from collections.abc import Mapping

import uvloop
from rich.console import Console
from rich.table import Table

from bench.latency import alert_to_bundle
from bench.load import Load, rate
from bench.processes import echo, suite

ROUNDS = 5
LOADS = {
    "batches of 500, 4 callers": Load(alerts=20_000, batch=500, callers=4),
    "single reports, 64 callers": Load(alerts=4_000, batch=1, callers=64),
}
INCIDENTS = 60


async def main() -> None:
    console = Console()
    with console.status("starting the suite and the echo"), suite() as addresses, echo() as bare:
        rates: dict[tuple[str, str], list[float]] = {}
        seconds = await alert_to_bundle(addresses, INCIDENTS)
        for _ in range(ROUNDS):  # in turns, so that a machine that drifts drifts for both
            for name, load in LOADS.items():
                for peer, address in (("ballast", addresses["intake"]), ("echo", bare)):
                    rates.setdefault((name, peer), []).append(await rate(address, load))
                    await asyncio.sleep(0.5)
    console.print(_rates(rates))
    console.print(_latency(seconds))


def _rates(rates: Mapping[tuple[str, str], list[float]]) -> Table:
    table = Table(title=f"Durable alerts per second through ReportAlerts (median of {ROUNDS}, min-max)")
    for column in ("load", "Ballast, durable", "bare echo, nothing kept", "ratio"):
        table.add_column(column, justify="left" if column == "load" else "right")
    for name in LOADS:
        ours, echoed = rates[name, "ballast"], rates[name, "echo"]
        ratio = statistics.median(ours) / statistics.median(echoed)
        table.add_row(name, _spread(ours), _spread(echoed), f"{ratio:.3f}")
    return table


def _latency(seconds: list[float]) -> Table:
    table = Table(title=f"From alert to the bundle rendered on its decision, idle suite, {len(seconds)} incidents")
    for column in ("median", "p99", "max"):
        table.add_column(column, justify="right")
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    table.add_row(*(f"{value * 1000:.0f} ms" for value in (statistics.median(ordered), p99, ordered[-1])))
    return table


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):,.0f} ({min(values):,.0f}-{max(values):,.0f})"


if __name__ == "__main__":
    uvloop.run(main())
