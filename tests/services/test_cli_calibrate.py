"""`ballast calibrate` against a running triage: what it prints, and how it ends when refused."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from clients.cli.failures import ExitCode
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.services.test_triage_calibration import history
from tests.support.command import Ran, ballast
from tests.support.triaging import Suite, triage_serving

Run = Callable[..., Awaitable[Ran]]


@pytest.fixture
async def suite(own_urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    async with triage_serving(own_urls, engines, clock) as running:
        yield running


@pytest.fixture
async def run(suite: Suite) -> Run:
    async def run(*arguments: str) -> Ran:
        return await asyncio.to_thread(ballast, "calibrate", *arguments, "--triage-address", suite.app.server.address)

    return run


async def test_measures_that_cannot_be_told_say_why_once(run: Run) -> None:
    shown = await run("show")
    assert shown.code == 0
    assert shown.out.count("0 incidents have a final severity; 30 are needed") == 1
    assert "0 incidents over and given a severity by people" in shown.out


async def test_measures_a_fit_and_its_candidate_are_shown(run: Run, suite: Suite) -> None:
    await history(suite, 80)
    shown = await run("show", "--team", "money", "--since", "2026-01-01T00:00:00Z")
    for told in ("kappa, quadratic weights", "mean cost", "milder than it turned out", "80 incidents over", "turned out to be"):
        assert told in shown.out
    assert "80" in (await run("show", "--json")).data["calibration"]["count"]
    seen = await run("fit", "--reason", "[red]try[/]", "--validate-only")
    assert "on incidents it was not fitted to" in seen.out
    assert "[red]try[/]" in seen.out
    assert len((await run("models", "--json")).data["models"]) == 1
    fitted = await run("fit", "--reason", "a year", "--json")
    version = fitted.data["candidate"]["version"]
    listed = await run("models")
    for told in (version, "candidate", "2026.2", "in force", "80 incidents", "2 versions"):
        assert told in listed.out
    one = await run("model", version)
    assert "2026.2, to 80 incidents" in one.out
    assert "(+2.250)" in one.out  # what is in force, beside what differs
    assert "(+" not in (await run("model")).out


async def test_refusals_say_what_to_do_and_end_with_their_code(run: Run) -> None:
    few, missing, period = await run("fit", "--reason", "x"), await run("model", "9"), await run("show", "--since", "yesterday")
    assert (few.code, missing.code, period.code) == (ExitCode.CONFLICT, ExitCode.NOT_FOUND, ExitCode.REFUSED)
    assert "[TOO_FEW_LABELS]" in few.err
    assert "[SCORING_MODEL_NOT_FOUND]" in missing.err
    assert "--since" in period.err
