"""The bench at sizes that mean nothing: every scenario of one service runs to its table, and peers are asked for what they keep."""

import asyncio
import json
import urllib.request
from pathlib import Path

import pytest

from bench.alerts import Population, alertmanager_body
from bench.assessments import assessments
from bench.backtest import backtest
from bench.budgets import budgets
from bench.calls import http_callers, http_post, timed
from bench.catalogue import catalogue
from bench.demand import demand
from bench.flatness import flatness
from bench.ground import Ground, Sizes
from bench.history import history
from bench.ledger import ledger
from bench.peers import ALERTMANAGER, Absent, alertmanager
from bench.report import Section
from bench.singles import single_reports
from bench.splits import splits
from bench.storm import storm
from shared.embedded import Engines

pytestmark = pytest.mark.slow  # on a busy machine: each starts an intake of its own
SIZES = Sizes(
    rounds=1,
    single_alerts=64,
    storm_alerts=2_000,
    storm_groups=20,
    storm_callers=4,
    storm_incidents=60,
    calm_probes=20,
    open_alerts=(100,),
    flat_rounds=1,
    past_incidents=(10_000,),
    list_calls=2,
    scored=50,
    assessed=40,
    simulations=5,
    entities=300,
    blasts=5,
    budget_slos=40,
    appended=200,
    ledger_entries=900,
    proofs=5,
    demand_teams=5,
    split_teams=3,
    split_seconds=0.2,
    backtest_teams=3,
)


@pytest.fixture
def ground(engines: Engines, tmp_path: Path) -> Ground:
    return Ground(engines, SIZES, lambda _: None, tmp_path)


def named(section: Section, row: str) -> tuple[str, ...]:
    return next(tuple(each) for each in section.rows if each[0].startswith(row))


async def test_single_reports_are_measured_beside_the_echo(ground: Ground) -> None:
    section = await single_reports(ground)
    assert [row[0] for row in section.rows] == ["Ballast", "  one replica", "  and without request_id", "bare echo"]
    assert section.data["Ballast"]["per_second"].median > 0


async def test_a_storm_is_measured_with_memory_latency_and_recovery(ground: Ground) -> None:
    section = await storm(ground)
    assert named(section, "alerts sent, receipts, stored")[1] == "2,000, 2,000, 2,000"
    assert section.data["memory_bytes"]["most"] >= section.data["memory_bytes"]["before"] > 0
    assert section.data["change_during"].count > 0


async def test_the_cost_of_an_alert_is_measured_by_how_many_are_open(ground: Ground) -> None:
    section = await flatness(ground)
    assert [row[0] for row in section.rows] == ["100"]
    assert section.data["100"]["distinct"]["rate_to_smallest"].median == 1.0


async def test_lists_are_measured_by_how_much_history_lies_behind_them(ground: Ground) -> None:
    section = await history(ground)
    assert [row[0] for row in section.rows] == list(section.data)
    assert all(each["by_past_incidents"]["10000"].count == 2 for each in section.data.values())


async def test_an_import_of_a_catalogue_and_its_blast_radii_are_measured(ground: Ground) -> None:
    section = await catalogue(ground)
    assert [row[0] for row in section.rows] == [
        "import, new",
        "import, the same again",
        "import, a tenth changed",
        "blast radius of any",
        "blast radius of the most needed",
    ]
    assert section.data["blast radius of the most needed"]["most_dependents"] == 299


def alerts_of(address: str) -> list[dict[str, object]]:
    with urllib.request.urlopen(f"http://{address}/api/v2/alerts", timeout=10) as answer:
        kept: list[dict[str, object]] = json.load(answer)
    return kept


async def test_alertmanager_keeps_every_alert_the_bench_sends(tmp_path: Path) -> None:
    try:
        with alertmanager(tmp_path) as peer:
            async with http_callers(peer.said, 1) as callers:
                await timed(callers, [http_post("/api/v2/alerts", alertmanager_body(Population("kept"), range(100)))] * 2)
            kept = await asyncio.to_thread(alerts_of, peer.said)
    except Absent as reason:
        pytest.skip(str(reason))
    wanted = [Population("kept").labels(number) for number in range(100)]
    assert sorted((each["labels"] for each in kept), key=str) == sorted(wanted, key=str)


def test_a_peer_that_is_not_installed_is_absent_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Absent, match=f"absent: apt-get install {ALERTMANAGER}"), alertmanager(tmp_path):
        pass


async def test_assessments_are_measured_alone_by_events_and_as_a_caller_waits(ground: Ground) -> None:
    section = await assessments(ground)
    assert len(section.rows) == 3
    assert section.data["assessed_per_second"]["rate"].median > 0


async def test_error_budgets_are_measured_and_a_peer_that_cannot_be_had_says_why(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # nothing is fetched for a test
    section = await budgets(ground)
    assert [row[0] for row in section.rows] == [
        "Ballast: a sample each recorded",
        "Ballast: all evaluated",
        "slo-generator, counts at hand",
        "slo-generator, asking Prometheus",
    ]
    assert named(section, "Ballast: all evaluated")[1] == "320"
    assert section.data["reports_per_second"] > 0
    assert str(section.data["slo-generator, counts at hand"]).startswith("absent: slo-generator")


async def test_the_ledger_is_measured_beside_an_audit_log_and_every_proof_is_checked(ground: Ground) -> None:
    section = await ledger(ground)
    assert [row[0].split(",")[0].strip() for row in section.rows] == [
        "appended to the ledger",
        "of events that show none",
        "an audit log that takes the same deliveries",
        "its rows put in ready-made by the driver",
        "inclusion proof among 900",
        "health checks between them",
        "verified by the service",
        "exported",
        "that export verified offline",
    ]
    assert section.data["appended"]["an audit log that takes the same deliveries"]["ledger_to_it"].median > 0
    assert section.data["proof_seconds"]["latency"].count == 5


async def test_splits_are_read_at_a_fixed_rate_beside_the_echo(ground: Ground) -> None:
    section = await splits(ground)
    assert [row[0] for row in section.rows] == [
        "GetSplit, calm",
        "GetSplit, 10 decisions/s beside",
        "GetSplit, max_staleness 0",
        "GetSplit, no cache",
        "bare echo",
    ]


async def test_demand_and_back_tests_are_measured(ground: Ground) -> None:
    for measure in (demand, backtest):
        section = await measure(ground)
        assert section.rows, section.title
