"""`ballast backtest` and `ballast simulate` against a running allocation: what they print, and the picture."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from google.protobuf.json_format import MessageToDict

from clients.cli.failures import ExitCode
from services.allocation.settings import AllocationSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.allocating import Suite, allocating, item
from tests.support.backtests import history
from tests.support.command import Ran, ballast

Run = Callable[..., Awaitable[Ran]]
POLICY = """
name: allocationPolicies/calm
baseline_share: 0.2
floor_share: 0.1
cap_share: 0.5
largest_step: 0.1
quiet_sprints: 1
horizon_sprints: 6
"""
ITEM = """
name: roadmapItems/urgent
title: Urgent
team: teams/web
effort_hours: 150
cost_of_delay_per_week: {currency_code: USD, units: 9000}
"""


@pytest.fixture(scope="module")
async def suite(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    settings = AllocationSettings(port=0, database_url=urls["allocation"], cache_url=engines.cache_url, subscribers={})
    async with allocating(settings, clock) as running:
        await running.store_team("web")
        await running.store_items(*(item(f"i{number}", "web", 150) for number in range(6)))
        yield running


@pytest.fixture
def run(suite: Suite) -> Run:
    async def run(*arguments: str) -> Ran:
        return await asyncio.to_thread(ballast, *arguments, "--allocation-address", suite.app.server.address)

    return run


@pytest.fixture
def file(tmp_path: Path) -> str:
    told = [MessageToDict(history(seed), preserving_proto_field_name=True) | {"period": "7d"} for seed in (1, 2)]
    (tmp_path / "history.json").write_text(json.dumps({"histories": told}))
    (tmp_path / "calm.yaml").write_text(POLICY)
    (tmp_path / "urgent.yaml").write_text(ITEM)
    return str(tmp_path / "history.json")


async def test_a_back_test_is_a_table_with_who_did_better_and_what_cannot_be_told(run: Run, file: str, tmp_path: Path) -> None:
    policy = str(tmp_path / "calm.yaml")
    printed = await run("backtest", "default", "--file", policy, "--history", file, "--by-team")
    assert printed.code == 0, printed.err
    for told in (
        "default@1",
        "calm@body1",
        "fixed-third",
        "teams/t2",
        "56 team-periods judged at 75.0 %",
        "of pinball loss",
        "cannot be told",
    ):
        assert told in printed.out
    found = (await run("backtest", "default", "--history", file, "--json")).data
    assert [each["contender"] for each in found["results"]] == ["default@1", "fixed-third", "trailing-quantile", "forecast"]


async def test_the_picture_is_the_same_bytes_each_time(run: Run, file: str, tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        printed = await run("backtest", "default", "--history", file, "--svg", str(tmp_path / name))
        assert printed.code == 0, printed.err
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert ET.parse(tmp_path / "one.svg").getroot().tag.endswith("svg")


async def test_a_back_test_that_cannot_be_says_why(run: Run, file: str, tmp_path: Path) -> None:
    (tmp_path / "empty.json").write_text("{}")
    for arguments, code, told in (
        (("--history", str(tmp_path / "empty.json")), ExitCode.REFUSED, "holds no histories"),
        (("no such policy!", "--history", file), ExitCode.REFUSED, "is no policy"),
        (("nobody", "--history", file), ExitCode.NOT_FOUND, "POLICY_NOT_FOUND"),
        (("default",), ExitCode.CONFLICT, "HISTORY_TOO_SHORT"),
        (("default", "--history", file, "--warm-up", "100"), ExitCode.REFUSED, "shorter warm_up_periods"),
    ):
        printed = await run("backtest", *arguments)
        assert printed.code == code, printed.err
        assert told in printed.err


async def test_a_scenario_is_shown_side_by_side(run: Run, file: str, tmp_path: Path) -> None:
    del file
    printed = await run("simulate", "web", "--spike", "+4", "--severity", "1", "--spike-sprints", "2", "--away", "m0:2")
    assert printed.code == 0, printed.err
    for told in ("as it is", "with the change", "open_incidents", "80.0 h → ", "at risk"):
        assert told in printed.out, told
    other = await run(
        "simulate", "web", "--item", str(tmp_path / "urgent.yaml"), "--without-item", "i0", "--joining", "kim:40:0.5", "--json"
    )
    assert other.code == 0, other.err
    assert {"without", "with", "displaced"} <= set(other.data)
    policy = await run("simulate", "web", "--policy-file", str(tmp_path / "calm.yaml"))
    assert "20.0 %" in policy.out or "33.3 %" in policy.out
    for arguments, told in (
        (("--spike", "lots"), "write x3"),
        (("--joining", "kim"), "nobody who joins"),
        (("--away", "nobody"), "MEMBER_NOT_FOUND"),
        ((), "changes nothing"),
    ):
        refused = await run("simulate", "web", *arguments)
        assert refused.code in {ExitCode.REFUSED, ExitCode.NOT_FOUND}, refused.err
        assert told in refused.err
