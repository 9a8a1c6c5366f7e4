"""Error budgets: ten thousand SLOs in every window at once, beside slo-generator computing the same reports."""

import asyncio
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert, text

from bench.databases import drop
from bench.figures import spread
from bench.ground import Ground
from bench.peers import Absent, own_environment
from bench.processes import Child, started
from bench.report import Section
from services.triage.domain.burn_alert import WINDOWS
from services.triage.domain.sli_series import Sample, minute_of
from services.triage.domain.slo import BudgetingMethod, Indicator, Objective, RollingWindow, Slo
from services.triage.storage.budget_store import BudgetStore
from services.triage.storage.sli_store import SliStore
from services.triage.storage.slo_rows import slo_to_json
from services.triage.storage.slo_tables import slo
from services.triage.storage.tables import MIGRATIONS
from services.triage.usecases.budget_readings import BudgetReadings
from shared.storage.database import Database
from shared.storage.migrations import migrate
from shared.storage.provision import provision

RELEASE = "slo-generator[prometheus]==2.6.0"
_NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
_MONTH = timedelta(days=30)
# A month by the hour, and two hours by the minute, as they are kept but for the five minutes of the week.
_HISTORY = text(
    """
    insert into sli_point (series, minute, good, total)
    select id, minute, 999.0 * (minute - :first), 1000.0 * (minute - :first) from sli_series,
        (select generate_series(cast(:first as int), :newest - 120, 60)
            union select generate_series(:newest - 120, cast(:newest as int) - 1)) as point(minute)
    on conflict do nothing
    """
)


async def budgets(ground: Ground) -> Section:
    """Ballast reads what it evaluates from PostgreSQL; slo-generator is measured on fewer SLOs, once without anything to ask."""
    recorded, evaluated = await _ballast(ground)
    reports = ground.sizes.budget_slos * len(WINDOWS)
    ours = reports / sorted(evaluated)[len(evaluated) // 2]
    rows = [
        ["Ballast: a sample each recorded", f"{ground.sizes.budget_slos:,}", f"{recorded:.2f} s", "", ""],
        ["Ballast: all evaluated", f"{reports:,}", spread(evaluated).text(2, " s"), f"{ours:,.0f}", "1"],
    ]
    data: dict[str, object] = {"recorded_seconds": recorded, "evaluated_seconds": evaluated, "reports_per_second": ours}
    for name, count, url in (("slo-generator, counts at hand", 500, False), ("slo-generator, asking Prometheus", 50, True)):
        ground.progress(name)
        rate = await asyncio.to_thread(_slo_generator, ground.directory, count, with_prometheus=url)
        data[name] = rate
        shown = [f"{count * len(WINDOWS):,}", "", f"{rate:,.0f}", f"{ours / rate:,.0f}"] if isinstance(rate, float) else ["", "", rate, ""]
        rows.append([name, *shown])
    columns = ("", "reports", "took", "reports a second", "Ballast is faster by")
    return Section(f"Error budgets of {ground.sizes.budget_slos:,} SLOs in {len(WINDOWS)} windows", columns, rows, data)


async def _ballast(ground: Ground) -> tuple[float, list[float]]:
    url = (await provision(ground.engines.database_url, "bench_budgets", ["triage"], fresh=True))["triage"]
    await migrate(url, "triage", MIGRATIONS)
    database = Database(url, "triage")
    try:
        slos = {each.name: each for each in map(_slo, range(ground.sizes.budget_slos))}
        store = SliStore(database)
        ground.progress("Ballast: a month of history")
        await _fill(database, store, slos)
        ground.progress("Ballast: a sample each")
        begin = time.perf_counter()
        refused = await store.record([_sample(name, _NOW, 2) for name in slos], slos, _NOW)
        recorded = time.perf_counter() - begin
        assert not any(refused)
        return recorded, await _evaluated(ground, BudgetReadings(store, BudgetStore(database)), list(slos.values()))
    finally:
        await database.close()
        await drop(ground.engines, "bench_budgets")


async def _fill(database: Database, store: SliStore, slos: dict[str, Slo]) -> None:
    await store.record([_sample(name, _NOW - _MONTH, 1) for name in slos], slos, _NOW)
    columns = {"author": "bench", "created_at": _NOW, "updated_at": _NOW, "revision": 1, "document": {}, "refs": []}
    rows = [{"name": each.name, "component": each.component, "slo": slo_to_json(each), **columns} for each in slos.values()]
    async with database.transaction() as connection:
        await connection.execute(insert(slo), rows)
        newest = minute_of(_NOW)
        await connection.execute(_HISTORY, {"first": newest - _MONTH // timedelta(minutes=1), "newest": newest})
        await connection.execute(text("update sli_series set newest_minute = :newest"), {"newest": newest - 1})
        await connection.execute(text("analyze sli_point"))


async def _evaluated(ground: Ground, readings: BudgetReadings, slos: Sequence[Slo]) -> list[float]:
    found = []
    for number in range(ground.sizes.rounds + 1):
        ground.progress(f"Ballast: evaluation {number}")
        begin = time.perf_counter()
        table = await readings.read(slos, _NOW)
        found.append(time.perf_counter() - begin)
        assert table.measured.burns.shape == (len(slos), len(WINDOWS) + 1)
    return found[1:]  # the first makes the connection


def _slo(number: int) -> Slo:
    window = RollingWindow(_MONTH)
    return Slo(
        f"slos/s{number}",
        f"components/c{number % 500}",
        BudgetingMethod.OCCURRENCES,
        window,
        (Objective(0.999),),
        Indicator(is_counter=False),
    )


def _sample(name: str, at: datetime, count: int) -> Sample:
    return Sample(name, "bench", at, 999.0 * count, 1000.0 * count)


def _slo_generator(directory: Path, count: int, *, with_prometheus: bool) -> float | str:
    """Returns reports a second, or why there are none."""
    try:
        python = own_environment(directory / "slo-generator-venv", RELEASE, (RELEASE,))
        with _prometheus(directory) if with_prometheus else _nothing() as url:
            script = str(Path(__file__).with_name("slo_peer.py"))
            ended = subprocess.run([str(python), script, str(count), *url], capture_output=True, text=True, check=False, timeout=300)
    except Absent as absent:
        return str(absent)
    if ended.returncode != 0:
        return f"failed: {ended.stderr.strip().splitlines()[-1:]}"
    measured = json.loads(ended.stdout.splitlines()[-1])
    return float(measured["reports"]) / float(measured["seconds"])


@contextmanager
def _nothing() -> Iterator[list[str]]:
    yield []


@contextmanager
def _prometheus(directory: Path) -> Iterator[list[str]]:
    """Runs Debian's Prometheus, which scrapes itself; gives its URL. Raises Absent."""
    binary = shutil.which("prometheus")
    if binary is None:
        raise Absent("absent: apt-get install prometheus")
    storage = directory / "prometheus"
    shutil.rmtree(storage, ignore_errors=True)
    storage.mkdir(parents=True)
    config = storage / "prometheus.yml"
    port = _free_port()
    config.write_text(
        f"global: {{scrape_interval: 1s}}\nscrape_configs: [{{job_name: self, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]\n"
    )
    command = [binary, f"--config.file={config}", f"--storage.tsdb.path={storage / 'data'}", f"--web.listen-address=127.0.0.1:{port}"]
    with started(Child(command, r'msg="Listening on" address=(\S+)', directory / "prometheus.log")) as peer:
        time.sleep(10)  # until it has counted something of itself
        yield [f"http://{peer.said}"]


def _free_port() -> int:
    """Returns a port that was free a moment ago: its own address stands in Prometheus's configuration before it listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
