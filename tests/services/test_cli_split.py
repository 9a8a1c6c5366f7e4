"""`ballast split` against a running allocation: shown, listed and watched."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from services.allocation.settings import AllocationSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.allocating import Suite, allocating, assessment, made
from tests.support.command import Ran, ballast

Run = Callable[..., Awaitable[Ran]]


@pytest.fixture(scope="module")
async def suite(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    settings = AllocationSettings(port=0, database_url=urls["allocation"], cache_url=engines.cache_url, subscribers={})
    async with allocating(settings, clock) as running:
        for name in ("api", "web"):
            await running.store_team(name)
        await running.deliver(made(assessment("web", at=clock.now())))
        yield running


@pytest.fixture
def run(suite: Suite) -> Run:
    async def run(*arguments: str) -> Ran:
        return await asyncio.to_thread(ballast, "split", *arguments, "--allocation-address", suite.app.server.address)

    return run


async def test_a_split_is_shown_with_how_fresh_it_is(run: Run) -> None:
    shown = await run("show", "web")
    assert shown.code == 0, shown.err
    assert all(told in shown.out for told in ("38.3 %", "from the cache, certain as of"))
    assert "from the database" in (await run("show", "web", "--max-staleness", "0")).out
    assert (await run("show", "web", "--json")).data["freshness"]["source"] == "SPLIT_SOURCE_CACHE"


async def test_splits_are_listed_by_team(run: Run) -> None:
    listed = await run("list")
    assert listed.code == 0, listed.err
    assert listed.out.index("teams/api") < listed.out.index("teams/web")
    assert [each["team"] for each in (await run("list", "--limit", "1", "--json")).data["splits"]] == ["teams/api"]


async def test_what_holds_is_told_first_and_of_one_team_if_asked(run: Run) -> None:
    watched = await run("watch", "--count", "2", "--json")
    assert [json.loads(line)["split"]["team"] for line in watched.out.splitlines()] == ["teams/api", "teams/web"]
    one = await run("watch", "web", "--count", "1")
    assert (one.code, "teams/web" in one.out, "38.3 %" in one.out) == (0, True, True)
