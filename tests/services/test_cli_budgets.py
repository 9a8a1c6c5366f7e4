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
    assert "Slow of checkout" in shown
    assert "objective" in shown


async def test_an_unknown_slo_is_not_found(run: Run) -> None:
    assert (await run("show", "nobody")).code == ExitCode.NOT_FOUND


async def test_the_burn_in_a_window_asked_for_is_shown_and_what_it_rests_on(run: Run) -> None:
    lines = (await run("show", "search", "--window", "3h", "--window", "90d")).out.splitlines()
    [three_hours] = [each for each in lines if each.split()[:2] == ["3", "h"]]
    [ninety_days] = [each for each in lines if each.split()[:2] == ["90", "d"]]
    assert "to tell" not in three_hours
    assert "counted for a part of it" in ninety_days
    assert "too few events to tell" in (await run("show", "silent", "--window", "3h")).out
    for wrong in ("soon", ""):
        refused = await run("show", "search", "--window", wrong)
        assert (refused.code, "--window: " in refused.err) == (ExitCode.REFUSED, True), refused


async def test_samples_are_recorded_once_and_refused_by_option(triage: Triage, run: Run) -> None:
    await triage.put(slo("told"))
    at = START.isoformat()
    for _ in range(2):
        recorded = await run("record", "told", "--good", "90", "--total", "100", "--at", at)
        assert (recorded.code, "90 good of 100 at 2026-03-02 09:00:00Z from cli" in recorded.out) == (0, True), recorded
    assert (await run("show", "told", "--json")).data["error_budgets"][0]["total"] == 100
    for wrong, told in (
        (("told", "--good", "200", "--total", "100", "--at", at, "--source", "x"), "--good: "),
        (("told", "--good", "nan", "--total", "100"), "--good: is nan; give a number"),
        (("told", "--good", "1", "--total", "inf"), "--total: is inf; give a number"),
        (("told", "--good", "1", "--total", "1", "--at", "2026-03-09T09:00:00Z"), "--at: "),
        (("nobody", "--good", "1", "--total", "1", "--at", at), "SLO: there is no slos/nobody"),
    ):
        refused = await run("record", *wrong)
        assert (refused.code, told in refused.err) == (ExitCode.REFUSED, True), refused


async def test_the_policy_is_shown_edited_and_listed(run: Run, tmp_path: Path) -> None:
    shown = (await run("policy", "show")).out
    for told in ("freeze-exhausted", "0.0 % or less remains", "the burn over 12 h is 3 or more", "reliability share of 25 %"):
        assert told in shown
    assert "platform, external, frozen team, out of scope: continue" in shown
    yaml = (await run("policy", "show", "--yaml")).out
    for told in ("effect: reliability-share", "cause: out-of-scope", "window: 12h"):
        assert told in yaml
    document = tmp_path / "policy.yaml"
    document.write_text(yaml.replace("burn: 9.0", "burn: 10.0"))
    made = await run("policy", "set", str(document), "--reason", "fewer pages", "--etag", "v1")
    assert (made.code, "the burn over 1 h is 10 or more" in made.out) == (0, True), made
    listed = await run("policy", "revisions")
    assert ("fewer pages" in listed.out, "2 revisions" in listed.out) == (True, True)
    assert (await run("policy", "set", str(document), "--reason", "late", "--etag", "v1")).code == ExitCode.CONFLICT
    same = await run("policy", "set", str(document), "--reason", "again")
    assert (same.code, "the same as revision 2, which is in force: no revision was made" in same.out) == (0, True)
    document.write_text(yaml)
    checked = await run("policy", "set", str(document), "--reason", "back", "--validate-only")
    assert (checked.code, "only validated: nothing was changed, revision 2 is in force" in checked.out) == (0, True)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("steps: [{name: x, effect: stop}]", "steps[0].effect: is 'stop'; write continue, ticket, page, reliability-share, freeze"),
        ("steps: [{name: x, effect: page, burn: .nan, window: 1h}]", "steps[0].burn: is nan; write a number"),
        ("steps: [{name: x, effect: page, burn: 1, window: soon}]", "steps[0].window: 'soon' is no span"),
        ("steps: [{name: x, effect: page, burn: 1, window: 60}]", "steps[0].window: is 60; write a span"),
        ("steps: [{name: x, efect: page}]", "steps[0].efect: is no field; there are name, effect"),
        ("steps: [page]", "steps[0]: is 'page'; write a mapping of name, effect"),
        ("steps: []", "policy.steps: "),
    ],
)
async def test_a_policy_that_cannot_be_is_refused_naming_field_and_rule(run: Run, tmp_path: Path, wrong: str, told: str) -> None:
    document = tmp_path / "policy.yaml"
    document.write_text(f"{wrong}\npost_mortem_share: 0.2\nplanning_share: 0.2\n")
    refused = await run("policy", "set", str(document), "--reason", "tried")
    assert (refused.code, told in refused.err) == (ExitCode.REFUSED, True), refused
