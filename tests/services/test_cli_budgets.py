"""`ballast budgets` against a running triage: what it prints, and the picture it draws."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from clients.cli.failures import ExitCode
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.conftest import START
from tests.support.budgets import Triage, slo, triage_serving
from tests.support.command import Ran, ballast

Run = Callable[..., Awaitable[Ran]]


@pytest.fixture(scope="module")
async def triage(urls: dict[str, str], engines: Engines) -> AsyncIterator[Triage]:
    async with triage_serving(urls["triage"], engines, SimulatedClock(START)) as running:
        good, bad = slo("search"), slo("checkout")
        await running.put(good, bad, slo("silent"))
        for of, failed in ((good, 0), (bad, 400)):
            await running.fill(of, [60 * hour for hour in range(720, 1, -1)], 1_000, 1_000)
            await running.fill(of, range(59, -1, -1), (1_000 - failed) / 60, 1_000 / 60)
        await running.plan("checkout", START - timedelta(days=9), timedelta(days=2), START - timedelta(days=20))
        yield running


@pytest.fixture
def run(triage: Triage) -> Run:
    async def run(*arguments: str) -> Ran:
        return await asyncio.to_thread(ballast, "budgets", *arguments, "--triage-address", triage.address)

    return run


async def test_budgets_are_listed_from_the_one_with_the_least_left(run: Run) -> None:
    listed = await run("list")
    lines = [each for each in listed.out.splitlines() if "slos/" in each]
    assert [each.split()[0] for each in lines] == ["slos/checkout", "slos/search", "slos/silent"]
    assert "99.9 %" in lines[0]
    assert "no samples lately" in lines[2]
    assert "3 budgets" in listed.out
    assert len((await run("list", "--component", "checkout", "--json")).data["error_budgets"]) == 1


async def test_a_budget_is_shown_with_what_was_left_out_and_what_follows(run: Run) -> None:
    shown = (await run("show", "checkout")).out
    for told in ("40.39 %", "new disks", "grace", "page", "burning", "1 h"):
        assert told in shown


async def test_an_adjustment_is_made_and_listed(run: Run) -> None:
    refused = await run("adjust", "search", "--give", "25", "--reason", "x", "--approver", " ")
    assert refused.code == ExitCode.REFUSED
    assert "approver" in refused.err
    assert (await run("adjust", "search", "--reason", "x", "--approver", "grace")).code == ExitCode.REFUSED
    made = await run("adjust", "search", "--reason", "load test", "--approver", "grace", "--unit", "percent", "--take", "25")
    assert made.code == 0, made.err
    assert "75.00 %" in made.out
    assert "-25 percent" in (await run("adjustments", "--slo", "search")).out


async def test_a_burn_down_is_a_table_or_a_picture(run: Run, tmp_path: Path) -> None:
    printed = await run("burn-down", "checkout", "--points", "5")
    assert len([each for each in printed.out.splitlines() if "Z" in each]) == 5
    for name in ("one.svg", "two.svg"):
        assert (await run("burn-down", "checkout", "--svg", str(tmp_path / name))).code == 0
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert ET.parse(tmp_path / "one.svg").getroot().tag.endswith("svg")


async def test_what_incidents_used_is_shown(triage: Triage, run: Run) -> None:
    incident = await triage.incident("checkout", START - timedelta(hours=1))
    shown = (await run("incidents", "--slo", "checkout")).out
    assert incident in shown
    assert "alertname=Slow" in shown


async def test_an_unknown_slo_is_not_found(run: Run) -> None:
    assert (await run("show", "nobody")).code == ExitCode.NOT_FOUND
