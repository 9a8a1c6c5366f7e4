"""A storm of a million alerts over ten thousand groups: what it does to memory and to one person's work, and how soon it is over."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import psutil

from bench.alerts import Population, batches, count_receipts, reports_body, with_request_id
from bench.calls import Sheds, grpc_callers, timed
from bench.figures import milliseconds, normal_after, percentile, tail
from bench.ground import Ground, Sizes
from bench.intake import Intake, running_intake
from bench.probes import ACKNOWLEDGE, NOTE, REPORT, RESOLVE, Latencies, Person, person
from bench.report import Section
from shared.storage.database import connect_raw

BATCH = 500
WINDOW = 10  # probes in a row whose median says that a latency is normal
PATIENCE_SECONDS = 60.0
_MEMORY_EVERY_SECONDS = 0.2
_MIB = 1024 * 1024


@dataclass(slots=True)
class Found:
    """What was measured, in the order it happened."""

    calm: Latencies = field(default_factory=Latencies)
    during: Latencies = field(default_factory=Latencies)
    after: list[tuple[float, float, float]] = field(default_factory=list)  # (time since the end, report, acknowledgement)
    memory: list[int] = field(default_factory=list)  # bytes
    sheds: Sheds = field(default_factory=Sheds)
    seconds: float = 0.0
    sent: int = 0
    receipts: int = 0
    stored: int = 0


async def storm(ground: Ground) -> Section:
    found = Found()
    async with running_intake(ground.engines, "storm", ground.directory) as intake, person(intake.address) as working:
        ground.progress("storm: latencies before it")
        incidents = await working.open(ground.sizes.storm_incidents)
        for _ in range(ground.sizes.calm_probes):
            await working.once(found.calm)
        async with _memory_of(intake.processes[0], found.memory):
            await _rage(ground, intake, working, incidents, found)
            await _recover(ground, working, found)
        found.stored = await _stored(intake)
    return _section(ground, found)


async def _rage(ground: Ground, intake: Intake, working: Person, incidents: list[str], found: Found) -> None:
    sizes = ground.sizes
    population = Population("storm", components=sizes.storm_groups)
    requests = []
    for batch in batches(range(sizes.storm_alerts), BATCH):
        requests.append(with_request_id(reports_body(population, batch)))
        if len(requests) % 50 == 0:
            ground.progress(f"storm: encoding {len(requests) * BATCH:,} of {sizes.storm_alerts:,} alerts")
            await asyncio.sleep(0)
    ended = asyncio.Event()
    async with grpc_callers(intake.addresses, sizes.storm_callers, sheds=found.sheds) as callers, asyncio.TaskGroup() as group:
        group.create_task(working.work(incidents, found.during, ended))
        run = await timed(callers, _shown(ground, requests))
        ended.set()
    found.seconds = run.seconds
    found.sent = min(len(run.answers) * BATCH, sizes.storm_alerts)
    found.receipts = count_receipts(run.answers)


def _shown(ground: Ground, requests: Sequence[bytes]) -> Iterator[bytes]:
    begin = time.perf_counter()
    for number, request in enumerate(requests):
        seconds = time.perf_counter() - begin
        if seconds > ground.sizes.storm_seconds:
            return
        if number % 20 == 0:
            ground.progress(f"storm: {number * BATCH:,} of {ground.sizes.storm_alerts:,} alerts sent in {seconds:.0f} s")
        yield request


async def _recover(ground: Ground, working: Person, found: Found) -> None:
    """Probes until both latencies are normal again, at most for a minute."""
    begin = time.perf_counter()
    while (now := time.perf_counter() - begin) < PATIENCE_SECONDS:
        ground.progress(f"storm: {now:.1f} s since its end")
        found.after.append((now, *await working.once(Latencies())))
        if _recovery(found) is not None:
            return


def _recovery(found: Found) -> float | None:
    """Returns the seconds from the end of the storm until both a report and an acknowledgement took no longer than 99 of 100 before it."""
    times = []
    for index, kind in ((1, REPORT), (2, ACKNOWLEDGE)):
        normal = percentile(found.calm.seconds[kind], 0.99)
        times.append(normal_after([(each[0], each[index]) for each in found.after], normal, WINDOW))
    return None if None in times else max(each for each in times if each is not None)


@asynccontextmanager
async def _memory_of(pid: int, samples: list[int]) -> AsyncIterator[None]:
    process = psutil.Process(pid)

    async def sample() -> None:
        while True:
            samples.append(process.memory_info().rss)
            await asyncio.sleep(_MEMORY_EVERY_SECONDS)

    sampling = asyncio.create_task(sample())
    try:
        yield
    finally:
        sampling.cancel()


async def _stored(intake: Intake) -> int:
    connection = await connect_raw(intake.database_url, "intake")
    try:
        return int(await connection.fetchval("select count(*) from alert where source = 'bench'", timeout=60))
    finally:
        await connection.close()


def _section(ground: Ground, found: Found) -> Section:
    sizes, recovery = ground.sizes, _recovery(found)
    during = {kind: tail(found.during.seconds[kind]) for kind in (ACKNOWLEDGE, NOTE, RESOLVE, REPORT) if found.during.seconds.get(kind)}
    before, changes = tail(found.calm.seconds[ACKNOWLEDGE]), tail(found.during.changes)
    lag = tail(found.during.lag)
    rows = [
        ("alerts per second, durable", f"{found.receipts / found.seconds:,.0f}"),
        ("alerts sent, receipts, stored", f"{found.sent:,}, {found.receipts:,}, {found.stored:,}"),
        ("batches asked to come later", f"{found.sheds.count:,}"),
        ("status change before: p50, p99, max", ", ".join(before.cells())),
        (f"status change during ({changes.count:,}): p50, p99, max", ", ".join(changes.cells())),
        *((f"  {_NAMES[kind]} ({each.count:,})", ", ".join(each.cells())) for kind, each in during.items()),
        ("  of which the client's own lag may be", ", ".join(lag.cells())),
        ("single calls asked to come later, failed", f"{found.during.sheds:,}, {found.during.failures.total():,}"),
        ("memory of intake: before, most, after", ", ".join(f"{each / _MIB:,.0f} MiB" for each in _memory(found))),
        ("latency normal again after", f"{recovery:.1f} s" if recovery is not None else f"more than {PATIENCE_SECONDS:.0f} s"),
    ]
    data = {
        "alerts_per_second": found.receipts / found.seconds,
        "sent": found.sent,
        "receipts": found.receipts,
        "stored": found.stored,
        "sheds": found.sheds.count,
        "change_before": before,
        "change_during": changes,
        "during_by_kind": during,
        "client_lag": lag,
        "change_sheds": found.during.sheds,
        "change_failures": dict(found.during.failures),
        "memory_bytes": dict(zip(("before", "most", "after"), _memory(found), strict=True)),
        "recovery_seconds": recovery,
    }
    return Section(
        f"A storm of {sizes.storm_alerts:,} alerts over {sizes.storm_groups:,} groups",
        ("figure", "measured"),
        rows,
        data,
        _notes(sizes, found),
    )


_NAMES = {ACKNOWLEDGE: "acknowledge", NOTE: "add to the time-line", RESOLVE: "resolve", REPORT: "single report of another source"}


def _memory(found: Found) -> tuple[int, int, int]:
    return found.memory[0], max(found.memory), found.memory[-1]


def _notes(sizes: Sizes, found: Found) -> list[str]:
    report = milliseconds(percentile(found.calm.seconds[REPORT], 0.99))
    change = milliseconds(percentile(found.calm.seconds[ACKNOWLEDGE], 0.99))
    notes = [f"Normal: the median of {WINDOW} in a row takes at most {report} (report) and {change} (change), p99 before the storm."]
    if found.sent < sizes.storm_alerts:
        notes.append(f"Stopped after {sizes.storm_seconds:.0f} s: {found.sent:,} of {sizes.storm_alerts:,} alerts were sent.")
    return notes
