"""`ballast alerts`, `ballast explain` and `ballast storm` against a running intake: what they print, and how they end."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from clients.cli.failures import ExitCode
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.conftest import START
from tests.services.test_intake_storm import SMALL, begin
from tests.support.command import Ran, ballast
from tests.support.intake import report
from tests.support.replicas import Replicas, replicas_serving

Run = Callable[..., Awaitable[Ran]]


@pytest.fixture
async def intake(own_urls: dict[str, str], engines: Engines) -> AsyncIterator[Replicas]:
    async with replicas_serving(own_urls, engines, SimulatedClock(START), **SMALL) as running:
        yield running


@pytest.fixture
async def run(intake: Replicas) -> Run:
    async def run(*arguments: str, stdin: str = "") -> Ran:
        return await asyncio.to_thread(ballast, *arguments, "--intake-address", intake.first.address, stdin=stdin)

    return run


def line(component: str, **fields: object) -> str:
    return json.dumps({"labels": {"component": component}, **fields})


# Sending.


async def test_what_the_server_refuses_is_told_by_line_and_the_rest_is_durable(run: Run, intake: Replicas) -> None:
    lines = [line("good"), "", line("ahead", starts_at="2126-01-01T00:00:00Z"), line("gone", ends_at="2026-03-02T08:00:00Z")]
    ran = await run("alerts", "send", "-", stdin="\n".join(lines))
    assert ran.code == ExitCode.REFUSED
    assert "1 durable: 1 opened; 1 incident; 2 refused" in ran.out
    (ahead,) = [each.split() for each in ran.out.splitlines() if "TIME_INVALID" in each]
    assert ahead[:3] == ["3", "TIME_INVALID", "starts_at"]
    assert "mend the sender's clock" in " ".join(ahead)
    (gone,) = [each.split() for each in ran.out.splitlines() if "ALERT_UNKNOWN" in each]
    assert gone[:3] == ["4", "ALERT_UNKNOWN", "ends_at"]
    assert len(await intake.incidents("good")) == 1


async def test_as_json_each_receipt_has_its_line_and_its_error(run: Run) -> None:
    ran = await run("alerts", "send", "-", "--json", stdin=f"{line('good')}\n{line('ahead', starts_at='2126-01-01T00:00:00Z')}")
    assert ran.code == ExitCode.REFUSED
    good, ahead = ran.data["receipts"]
    assert (good["line"], good["outcome"], "error" in good) == (1, "REPORT_OUTCOME_OPENED", False)
    assert (ahead["line"], ahead["alert"], ahead["error"]["reason"], ahead["error"]["field"]) == (
        2,
        "",
        "TIME_INVALID",
        "reports[1].starts_at",
    )


async def test_where_all_is_durable_the_code_is_0(run: Run) -> None:
    ran = await run("alerts", "send", "-", stdin=line("good"))
    assert (ran.code, "1 durable: 1 opened; 1 incident" in ran.out, "refused" in ran.out) == (0, True, False)


# Looking.


async def test_alerts_are_listed_and_shown_with_what_became_of_them(run: Run, intake: Replicas) -> None:
    silence = await intake.silence("component=quiet")
    loud, quiet = await intake.first.send(report("loud"), report("quiet"))
    listed = await run("alerts", "list")
    assert f"muted by {silence}" in listed.out
    assert "2 alerts" in listed.out
    of_one = await run("alerts", "list", "--incident", loud.incident, "--json")
    assert [each["name"] for each in of_one.data["alerts"]] == [loud.alert]
    shown = await run("alerts", "show", quiet.alert.removeprefix("alerts/"))
    assert [silence in each for each in shown.out.splitlines() if each.startswith("muted by")] == [True]
    assert "default (revision 1)" in (await run("alerts", "show", loud.alert)).out
    assert (await run("alerts", "show", loud.alert, "--json")).data["alert"]["disposition"] == "ALERT_DISPOSITION_GROUPED"


async def test_a_list_cut_short_says_so_and_the_unknown_ends_with_3(run: Run, intake: Replicas) -> None:
    await intake.first.send(report("a"), report("b"))
    assert "1 alert; there are more: raise --limit" in (await run("alerts", "list", "--limit", "1")).out
    nobody = await run("alerts", "show", str(uuid.UUID(int=0)))
    assert (nobody.code, "ALERT_NOT_FOUND" in nobody.err) == (ExitCode.NOT_FOUND, True)
    assert (await run("alerts", "show", "incidents/x")).code == ExitCode.REFUSED


# Why.


async def test_an_explanation_tells_the_decision_the_reasons_and_what_else_would_have_been(run: Run, intake: Replicas) -> None:
    silence = await intake.silence("component=quiet")
    (quiet,) = await intake.first.send(report("quiet"))
    ran = await run("explain", quiet.alert)
    assert ran.out.splitlines()[0] == f"kept, and muted by {silence} (version 1)"
    assert f"without {silence}" in ran.out
    assert 'it would have opened an incident of the group [["component","quiet"]]' in ran.out.replace("\n", " ")
    explained = (await run("explain", quiet.alert, "--json")).data
    assert [each["resource"] for each in explained["lines"] if each["step"] == "EXPLANATION_STEP_MUTING"] == [silence]
    assert explained["counterfactuals"][0]["condition"] == f"without {silence}"


async def test_explaining_what_nobody_knows_ends_with_3(run: Run) -> None:
    assert (await run("explain", str(uuid.UUID(int=0)))).code == ExitCode.NOT_FOUND
    assert (await run("explain", "nonsense")).code == ExitCode.REFUSED


# Storms.


async def test_a_storm_is_shown_with_rule_and_counts_and_listed(run: Run, intake: Replicas) -> None:
    before = await run("storm")
    assert (before.code, before.out.splitlines()[0]) == (0, "no storm")
    storm = await begin(intake)
    during = await run("storm")
    assert during.out.splitlines()[0] == "a storm is under way"
    for told in (storm.name, storm.incident, "20 within 10 s", "5 within 10 s, for 30 s", "0 of at most 50,000"):
        assert told in during.out
    assert (await run("storm", "--json")).data["storm"]["name"] == storm.name
    listed = await run("storm", "list")
    assert storm.name in listed.out
    assert "1 storm" in listed.out
    assert [each["name"] for each in (await run("storm", "list", "--json")).data["storms"]] == [storm.name]
