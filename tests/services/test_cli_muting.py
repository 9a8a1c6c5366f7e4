"""`ballast windows edit` and `ballast inhibit` against a running intake: what they print, and how they end when refused."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from ballast.intake.v1 import inhibit_rule_messages_pb2 as pb

from clients.cli.failures import ExitCode
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.command import Ran, ballast
from tests.support.intake import Intake, intake_serving

Run = Callable[..., Awaitable[Ran]]
CLUSTER_DOWN = """
rules:
- name: cluster down
  source: [alertname=ClusterDown]
  target: ['severity=~"warning|info"', alertname!=ClusterDown]
  equal: [cluster, region]
"""
NONE = "rules: []"


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


# Inhibit rules.


async def test_rules_are_set_from_a_file_shown_as_a_table_and_listed_by_revision(run: Run, intake: Intake, tmp_path: Path) -> None:
    assert "no inhibit rules were ever set" in (await run("inhibit", "show")).out
    file = tmp_path / "inhibit.yaml"
    file.write_text(CLUSTER_DOWN)
    made = await run("inhibit", "set", str(file), "--reason", "the cluster explains it")
    assert (made.code, made.err) == (0, "")
    for ran in (made, await run("inhibit", "show")):
        (row,) = [each for each in ran.out.splitlines() if "cluster down" in each]
        for part in ('alertname="ClusterDown"', 'severity=~"warning|info", alertname!="ClusterDown"', "cluster, region"):
            assert part in row
        assert "the cluster explains it" in ran.out
        assert "1 rule" in ran.out
    stored = (await intake.muting.GetInhibitRules(pb.GetInhibitRulesRequest())).inhibit_rules
    assert [(each.name, list(each.equal)) for each in stored.rules] == [("cluster down", ["cluster", "region"])]
    emptied = await run("inhibit", "set", "-", "--reason", "no longer", stdin=NONE)
    assert "nothing is inhibited" in emptied.out
    listed = await run("inhibit", "list")
    assert [each.split()[0] for each in listed.out.splitlines() if "2026-" in each] == ["2", "1"]
    assert "2 revisions" in listed.out
    assert "1 revision; there are more: raise --limit" in (await run("inhibit", "list", "--limit", "1")).out
    assert [each["revision"] for each in (await run("inhibit", "list", "--json")).data["revisions"]] == ["2", "1"]
    old = (await run("inhibit", "show", "--revision", "1", "--json")).data["inhibit_rules"]
    assert [each["name"] for each in old["rules"]] == ["cluster down"]
    assert (await run("inhibit", "show", "--revision", "9")).code == ExitCode.NOT_FOUND


async def test_rules_only_checked_are_not_set_and_those_of_others_are_not_overwritten(run: Run) -> None:
    tried = await run("inhibit", "set", "-", "--reason", "r", "--validate-only", "--json", stdin=CLUSTER_DOWN)
    assert (tried.data["inhibit_rules"]["revision"], tried.data["inhibit_rules"]["etag"]) == ("1", "")
    assert (await run("inhibit", "list", "--json")).data["revisions"] == []
    await run("inhibit", "set", "-", "--reason", "r", stdin=CLUSTER_DOWN)
    late = await run("inhibit", "set", "-", "--reason", "r", "--etag", "v0", stdin=NONE)
    assert (late.code, "ETAG_MISMATCH" in late.err) == (ExitCode.CONFLICT, True)


@pytest.mark.parametrize(
    ("document", "reason", "told"),
    [
        ("rules:\n- name: a\n  sorce: [a=x]", "RULES_FILE_INVALID", "rules[0].sorce: line 3: is no field here; use name, source"),
        ("rules: []\nrule: []", "RULES_FILE_INVALID", "rule: line 2: is no field here; use rules"),
        ("rules:\n- {name: a, name: b}", "RULES_FILE_INVALID", "rules[0].name: line 2: stands twice"),
        ("rules:\n- {name: a, source: a=x}", "RULES_FILE_INVALID", "rules[0].source: line 2: is not a list"),
        ("rules: [{name: a, equal: [1]}]", "RULES_FILE_INVALID", "rules[0].equal[0]: line 1: is not a text"),
        ("rules: [a]", "RULES_FILE_INVALID", "rules[0]: line 1: is no rule"),
        ("", "RULES_FILE_INVALID", "rules: line 1: is missing"),
        ("[]", "RULES_FILE_INVALID", "rules: line 1: holds no rules"),
        ("rules: [", "RULES_FILE_INVALID", "is no YAML"),
        ("rules: [\x07]", "RULES_FILE_INVALID", "is no YAML"),
        ("[" * 5_000, "RULES_FILE_INVALID", "FILE: "),
        ("rules: [{name: a, source: [a=x]}]", "FIELD_INVALID", "rules[0].target"),
        ("rules: [{name: a, source: [a=x], target: ['b=~\"(\"']}]", "MATCHERS_REFUSED", "rules[0].target[0]"),
    ],
)
async def test_a_document_amiss_is_refused_by_reason_and_field_and_nothing_is_set(run: Run, document: str, reason: str, told: str) -> None:
    ran = await run("inhibit", "set", "-", "--reason", "r", stdin=document)
    assert (ran.code, ran.out) == (ExitCode.REFUSED, "")
    assert f"[{reason}]" in ran.err
    assert told in ran.err
    assert (await run("inhibit", "list", "--json")).data["revisions"] == []


async def test_every_fault_of_a_document_is_told(run: Run, tmp_path: Path) -> None:
    ran = await run("inhibit", "set", "-", "--reason", "r", stdin="rules:\n- {nam: a}\n- {name: b, targets: []}")
    assert "rules[0].nam: line 2" in ran.err
    assert "rules[1].targets: line 3" in ran.err
    missing = await run("inhibit", "set", str(tmp_path / "missing.yaml"), "--reason", "r")
    assert (missing.code, "FILE_UNREADABLE" in missing.err) == (ExitCode.REFUSED, True)
