"""`ballast approvals` against a running governance: what it prints, and how it ends when refused."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest

from clients.cli.failures import ExitCode
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.conftest import START
from tests.support.approving import Office, approving, digest_of
from tests.support.command import Ran, ballast

Run = Callable[..., Awaitable[Ran]]
DIGEST = digest_of("new")
ONE = ("severity-matrix", "severityMatrix", "--digest", DIGEST)
RULES = """
rules:
- name: council
  when: kind == "severity-matrix"
  reason: The council keeps the matrix.
  approvers: {groups: [council]}
  quorum: 2
  expires_after: 1d
  holds_for: 1d
groups:
- name: council
  members: [bo, cy, dan]
"""


@pytest.fixture
async def office(own_urls: dict[str, str], engines: Engines) -> AsyncIterator[Office]:
    async with approving(own_urls, engines, SimulatedClock(START)) as running:
        yield running


@pytest.fixture
async def run(office: Office) -> Run:
    """Runs the command as somebody."""

    async def run(who: str, *arguments: str, stdin: str = "") -> Ran:
        def called() -> Ran:
            with patch.dict(os.environ, {"LOGNAME": who}):
                return ballast("approvals", *arguments, "--governance-address", office.app.server.address, stdin=stdin)

        return await asyncio.to_thread(called)

    return run


async def ask(run: Run, *more: str) -> str:
    ran = await run("ada", "request", *ONE, "--reason", "It is time.", "--json", *more)
    assert ran.code == 0, ran
    name: str = ran.data["approval"]["name"]
    return name


async def test_an_approval_is_asked_for_listed_shown_approved_and_verified(run: Run) -> None:
    impact = ("displaced_items=5", "delay_days=2.5", "value_at_risk=50000 EUR", "severity=sev2", "measures.incidents=12", "fact=Two teams.")
    name = await ask(run, "--team", "core", *(part for each in impact for part in ("--impact", each)))
    shown = await run("bo", "show", name)
    told = ("pending", "lacks 2 approvers", DIGEST, "50,000.00 EUR", "SEV2", "12", "Two teams.", "high-impact", "2 of approver")
    assert [each for each in told if each not in shown.out] == []
    assert (await run("ada", "list", "--mine")).out.count(name) == 0
    assert name in (await run("bo", "list", "--mine", "--status", "pending", "--team", "core")).out
    waiting = await run("ada", "verify", *ONE)
    assert (waiting.code, "APPROVAL_PENDING" in waiting.out) == (ExitCode.NO, True)
    assert "lacks 1 approver" in (await run("bo", "approve", name, "--note", "fine")).out
    agreed = await run("cy", "approve", name.removeprefix("approvals/"))
    assert ("approved" in agreed.out, "until 2026-03-09" in agreed.out, "fine" in agreed.out) == (True, True, True)
    assert (await run("ada", "verify", *ONE, "--team", "core")).code == 0
    changed = await run("ada", "verify", *ONE[:3], digest_of("other"))
    assert (changed.code, "DIGEST_CHANGED" in changed.out) == (ExitCode.NO, True)
    replayed = await run("ada", "verify", "flag", *ONE[1:], "--approval", name, "--json")
    assert (replayed.code, replayed.data["reason"]) == (ExitCode.NO, "KIND_DIFFERS")


async def test_the_digest_of_a_file_is_that_of_its_content(run: Run, tmp_path: Path) -> None:
    document = tmp_path / "matrix.yaml"
    document.write_text("new")
    await ask(run)
    by_file = await run("ada", "verify", *ONE[:2], "--file", str(document))
    assert "APPROVAL_PENDING" in by_file.out
    assert "APPROVAL_PENDING" in (await run("ada", "verify", *ONE[:2], "--file", "-", stdin="new")).out
    document.write_text("newer")
    assert "DIGEST_CHANGED" in (await run("ada", "verify", *ONE[:2], "--file", str(document))).out


async def test_refusals_say_why_and_with_which_code(run: Run) -> None:
    name = await ask(run)
    author = await run("ada", "approve", name)
    assert (author.code, "AUTHOR_MAY_NOT_APPROVE" in author.err, "'policies'" in author.err) == (ExitCode.DENIED, True, True)
    assert (await run("bo", "withdraw", name)).code == ExitCode.DENIED
    again = await run("ada", "request", *ONE, "--reason", "Again.")
    assert (again.code, name in again.err) == (ExitCode.CONFLICT, True)
    assert (await run("bo", "approve", name, "--etag", "v9")).code == ExitCode.CONFLICT
    rejected = await run("bo", "reject", name, "--reason", "Too mild.")
    assert (rejected.code, "Too mild." in rejected.out, "against" in rejected.out) == (0, True, True)
    closed = await run("ada", "withdraw", name)
    assert (closed.code, "APPROVAL_CLOSED" in closed.err) == (ExitCode.CONFLICT, True)
    assert (await run("ada", "show", "approvals/00000000-0000-7000-8000-000000000000")).code == ExitCode.NOT_FOUND


async def test_the_glass_is_broken_reviewed_and_overdue_reviews_are_listed(office: Office, run: Run) -> None:
    name = await ask(run)
    acting = await run("cy", "break-glass", name, "--reason", "The shop is down.")
    assert [each for each in ("emergency", "until", "The shop is down.", "open, due 2026-03-04") if each not in acting.out] == []
    office.clock.advance(START + timedelta(days=2))
    late = await run("bo", "list", "--overdue")
    assert (name in late.out, "review overdue" in late.out) == (True, True)
    suspended = await run("ada", "verify", *ONE)
    assert (suspended.code, "REVIEW_OVERDUE" in suspended.out) == (ExitCode.NO, True)
    assert (await run("cy", "close-review", name, "upheld", "--note", "Of course.")).code == ExitCode.DENIED
    closed = await run("bo", "close-review", name, "upheld", "--note", "It was right.")
    assert [each for each in ("reviewed", "upheld by bo", "It was right.") if each not in closed.out] == []
    assert "0 approvals" in (await run("bo", "list", "--overdue")).out


async def test_acting_at_once_is_one_command_and_a_check_stores_nothing(run: Run) -> None:
    checked = await run("ada", "request", *ONE, "--reason", "x", "--check")
    assert (checked.code, "only checked" in checked.out) == (0, True)
    assert "0 approvals" in (await run("ada", "list")).out
    ran = await run("ada", "request", *ONE, "--reason", "It is time.", "--break-glass", "The shop is down.")
    assert (ran.code, "emergency" in ran.out, "The shop is down." in ran.out) == (0, True, True)


async def test_changes_are_watched_as_they_happen(run: Run) -> None:
    watching: asyncio.Future[Ran] = asyncio.ensure_future(run("ada", "watch", "--count", "1"))
    for number in range(50):
        await run("ada", "request", "flag", f"flags/{number}", "--digest", DIGEST, "--reason", "x")
        if (await asyncio.wait({watching}, timeout=0.2))[0]:
            break
    assert "requested  pending  flag of flags/" in (await watching).out


async def test_rules_are_shown_tried_edited_set_and_listed(run: Run) -> None:
    name = await ask(run)
    shown = await run("ada", "rules", "get")
    told = ("high-impact", "2 of approver", "5 d of Mon-Fri 00:00-24:00 UTC", "responder or planner, review in 2 d", "3 rules")
    assert [each for each in told if each not in shown.out] == []
    tried = await run("ada", "rules", "dry-run", "-", stdin=RULES)
    assert [each for each in (name, "1 by policies", "2 by council", "1 approval differs of 1") if each not in tried.out] == []
    refused = await run("ada", "rules", "set", "-", "--reason", "The council asked.", stdin=RULES)
    assert (refused.code, "APPROVAL_REQUIRED" in refused.err) == (ExitCode.CONFLICT, True)
    preview = await run("ada", "rules", "set", "-", "--reason", "The council asked.", "--validate-only", stdin=RULES)
    assert "the rule policies wants others to agree" in preview.out
    asked = await run("ada", "rules", "ask", "-", "--reason", "The council asked.", "--json", stdin=RULES)
    assert (await run("bo", "approve", asked.data["approval"]["name"])).code == 0
    assert (await run("ada", "rules", "set", "-", "--reason", "The council asked.", stdin=RULES)).code == 0
    assert "set them" in (await run("ada", "rules", "ask", "-", "--reason", "More.", stdin=RULES.replace("quorum: 2", "quorum: 3"))).err
    assert "bo, cy, dan" in (await run("ada", "rules", "get")).out
    document = (await run("ada", "rules", "get", "--yaml")).out
    again = await run("ada", "rules", "set", "-", "--reason", "the same", "--json", stdin=document)
    assert again.data["rules"]["revision"] == "2"
    assert "The council asked." in (await run("ada", "rules", "history")).out
    assert "impact.displaced_items" in (await run("ada", "rules", "facts")).out
    assert "high-impact" in (await run("ada", "rules", "get", "--revision", "1")).out


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ("rules: [", "line 1, column"),
        ("rules: [{nam: x}]", "nam: is no field; there are name, when"),
        (RULES.replace('kind == "severity-matrix"', "kind == 1"), "line 1, column 6"),
        (RULES.replace("groups: [council]", "groups: [board]"), "names board; groups of this document are council"),
        (RULES.replace("quorum: 2", "quorum: 4"), "is 4, and 3 can approve"),
        (RULES.replace("expires_after: 1d", "expires_after: soon"), "rules[0].expires_after: 'soon' is no span"),
    ],
)
async def test_rules_that_cannot_be_in_force_are_refused_saying_where(run: Run, document: str, why: str) -> None:
    ran = await run("ada", "rules", "set", "-", "--reason", "x", stdin=document)
    assert (ran.code, why in ran.err) == (ExitCode.REFUSED, True), ran


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (ONE[:2], "give either --digest or --file"),
        ((*ONE, "--file", "-"), "give either --digest or --file"),
        ((*ONE[:2], "--digest", "abc"), "is no SHA-256"),
        ((*ONE[:2], "--file", "/nowhere/x"), "cannot be read"),
        ((*ONE, "--impact", "luck"), "is no FIELD=VALUE"),
        ((*ONE, "--impact", "luck=1"), "is no field"),
        ((*ONE, "--impact", "displaced_items=many"), "give a whole number"),
        ((*ONE, "--impact", "delay_days=nan"), "give a number"),
        ((*ONE, "--impact", "value_at_risk=much"), "as 50000 EUR"),
        ((*ONE, "--impact", "severity=sev9"), "impact.severity"),
        ((*ONE, "--team", "Not A Team"), "is no team id"),
    ],
)
async def test_arguments_that_cannot_be_are_refused_by_name(run: Run, arguments: tuple[str, ...], why: str) -> None:
    ran = await run("ada", "request", *arguments, "--reason", "x")
    assert (ran.code, why in ran.err) == (ExitCode.REFUSED, True), ran
