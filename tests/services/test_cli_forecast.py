"""`ballast forecast` against a running allocation: what it prints, and the picture it draws."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from clients.cli.failures import ExitCode
from services.allocation.settings import AllocationSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.allocating import Suite, allocating
from tests.support.command import Ran, ballast
from tests.support.demand import drawn

Run = Callable[..., Awaitable[Ran]]


@pytest.fixture(scope="module")
async def suite(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    settings = AllocationSettings(port=0, database_url=urls["allocation"], cache_url=engines.cache_url, subscribers={})
    async with allocating(settings, clock) as running:
        yield running


@pytest.fixture
def run(suite: Suite) -> Run:
    async def run(*arguments: str) -> Ran:
        return await asyncio.to_thread(ballast, "forecast", *arguments, "--allocation-address", suite.app.server.address)

    return run


@pytest.fixture
def file(tmp_path: Path) -> str:
    told = {
        name: {"counts": drawn(seed).counts, "efforts": [each.hours for each in drawn(seed).efforts]}
        for seed, name in enumerate(("web", "api"))
    }
    (tmp_path / "history.json").write_text(json.dumps(told))
    return str(tmp_path / "history.json")


async def test_a_forecast_is_a_table_with_reserve_and_reasons(run: Run, file: str) -> None:
    printed = await run("web", "--history", file, "--sprints", "2", "--quantile", "0.8", "--costs", "4:1", "--backlog", "9")
    assert printed.code == 0, printed.err
    for told in ("teams/web", "+2", "80 %", "suffice for new incidents in 80 %", "costs 4", "clear the backlog", "end with a backlog"):
        assert told in printed.out
    assert "teams/api" not in printed.out
    assert len((await run("--history", file, "--json")).data["forecasts"]) == 2


async def test_the_picture_is_the_same_bytes_each_time(run: Run, file: str, tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        assert (await run("--history", file, "--svg", str(tmp_path / name))).code == 0
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert ET.parse(tmp_path / "one.svg").getroot().tag.endswith("svg")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[1]", "--history: must be a mapping"),
        ('{"web": {"counts": [1, 2.5]}}', "web.counts[1]: is 2.5"),
        ('{"web": {"count": [1]}}', "web.count: is no field"),
        ('{"web": {"counts": [1], "efforts": ["x"]}}', "web.efforts[0]"),
    ],
)
async def test_a_file_that_cannot_be_names_field_and_rule(run: Run, tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "bad.json").write_text(text)
    refused = await run("--history", str(tmp_path / "bad.json"))
    assert (refused.code, told in refused.err) == (ExitCode.REFUSED, True), refused


async def test_what_cannot_be_answered_is_said(run: Run, file: str) -> None:
    assert "teams/nobody does not exist" in (await run("nobody")).out
    assert (await run()).code == ExitCode.REFUSED
    assert (await run("web", "--history", file, "--costs", "much")).code == ExitCode.REFUSED
    refused = await run("web", "--history", file, "--quantile", "2")
    assert (refused.code, "quantiles[0]" in refused.err) == (ExitCode.REFUSED, True)


async def test_a_team_without_a_forecast_is_no_success(run: Run, suite: Suite) -> None:
    assert (await run("nobody")).code == ExitCode.NOT_FOUND
    await suite.store_team("fresh")
    assert (await run("fresh")).code == ExitCode.REFUSED
