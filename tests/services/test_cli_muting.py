"""`ballast windows edit` against a running intake: what they print, and how they end when refused."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from clients.cli.failures import ExitCode
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.command import Ran, ballast
from tests.support.intake import Intake, intake_serving

Run = Callable[..., Awaitable[Ran]]


@pytest.fixture
async def intake(own_urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Intake]:
    async with intake_serving(own_urls, engines, clock) as running:
        yield running


@pytest.fixture
async def run(intake: Intake) -> Run:
    async def run(*arguments: str, stdin: str = "") -> Ran:
        return await asyncio.to_thread(ballast, *arguments, "--intake-address", intake.address, stdin=stdin)

    return run


# Maintenance windows.


async def planned(run: Run) -> tuple[str, str]:
    """Plans a window and returns its name and etag."""
    asked = ("--start", "2031-03-23T02:30", "--zone", "Europe/Berlin", "--for", "2h", "--reason", "the database is moved")
    again = ("--approver", "grace", "--rrule", "FREQ=WEEKLY;BYDAY=SU;COUNT=4")
    window = (await run("windows", "add", "component=planned", *asked, *again, "--json")).data["maintenance_window"]
    return window["name"], window["etag"]


async def test_every_field_of_a_window_is_edited_as_a_new_version(run: Run) -> None:
    name, etag = await planned(run)
    asked = ("--start", "2031-04-02T01:00", "--zone", "Asia/Tokyo", "--for", "1h30m", "--rrule", "FREQ=DAILY;COUNT=2")
    told = ("--reason", "the cache is moved", "--approver", "hedy", "--why", "it went wrong", "--etag", etag)
    ran = await run("windows", "edit", name.removeprefix("maintenanceWindows/"), "component=cache", "severity!=page", *asked, *told)
    assert (ran.code, ran.err) == (0, "")
    plan = "2031-04-02T01:00 Asia/Tokyo for 1 h 30 min, FREQ=DAILY;COUNT=2"
    for part in ('component="cache", severity!="page"', plan, "hedy", "the cache is moved", "2031-04-01 16:00:00Z", "2031-04-02 16:00:00Z"):
        assert part in ran.out
    shown = (await run("windows", "show", name, "--json")).data
    assert [each["change_reason"] for each in shown["versions"]] == ["it went wrong", ""]
    assert (await run("windows", "edit", name, "--reason", "late", "--etag", etag)).code == ExitCode.CONFLICT


async def test_what_is_left_out_of_an_edit_stays_and_an_empty_rule_makes_it_once(run: Run) -> None:
    name, _ = await planned(run)
    before = (await run("windows", "show", name, "--json")).data["maintenance_window"]
    after = (await run("windows", "edit", name, "--reason", "the disks too", "--json")).data["maintenance_window"]
    kept = ("matchers", "starts_at", "time_zone", "duration", "rrule", "approver")
    assert [after[each] for each in kept] == [before[each] for each in kept]
    assert after["reason"] == "the disks too"
    once = (await run("windows", "edit", name, "--rrule", "", "--approver", "hedy", "--json")).data
    assert (once["maintenance_window"]["rrule"], len(once["next_occurrences"])) == ("", 1)


async def test_a_checked_edit_changes_nothing_and_another_plan_needs_its_approver(run: Run) -> None:
    name, etag = await planned(run)
    tried = await run("windows", "edit", name, "--for", "3h", "--approver", "hedy", "--check")
    assert "for 3 h" in tried.out
    assert (await run("windows", "show", name, "--json")).data["maintenance_window"]["etag"] == etag
    refused = await run("windows", "edit", name, "--for", "3h")
    assert (refused.code, refused.out, "approver: is missing" in refused.err) == (ExitCode.REFUSED, "", True)
    await run("windows", "cancel", name)
    over = await run("windows", "edit", name, "--reason", "late")
    assert (over.code, "MAINTENANCE_WINDOW_OVER" in over.err) == (ExitCode.CONFLICT, True)
