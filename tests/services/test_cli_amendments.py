"""`ballast amendments` against running services: what it prints, what it finds where, and how it ends when refused."""

import asyncio
import json
import os
import re
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from ballast.amendments.v1 import amendment_messages_pb2 as pb
from ballast.intake.v1.grouping_rules_pb2 import GroupingRules

from clients.cli.failures import ExitCode
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.conftest import START
from tests.support.amending import MATRIX, Chamber, State, amending
from tests.support.command import Ran, ballast
from tests.support.waiting import until

Run = Callable[..., Awaitable[Ran]]
NOWHERE = "127.0.0.1:1"
UNKNOWN = "amendments/00000000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
async def chamber(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Chamber]:
    async with amending(urls, engines, clock) as running:
        yield running


@pytest.fixture(autouse=True)
async def cleared(chamber: Chamber) -> AsyncIterator[None]:
    """Nothing waits when a test is over."""
    yield
    waiting = pb.ListAmendmentsRequest(states=[State.AMENDMENT_STATE_PROPOSED, State.AMENDMENT_STATE_APPROVED])
    for service in ("triage", "allocation", "intake"):
        for each in (await chamber.amendments(service=service).ListAmendments(waiting)).amendments:
            await chamber.amendments(service=service).WithdrawAmendment(pb.WithdrawAmendmentRequest(name=each.name))


def runner(chamber: Chamber) -> Run:
    addresses = {f"BALLAST_{name.upper()}_ADDRESS": app.server.address for name, app in chamber.apps.items()}

    async def run(who: str, *arguments: str, stdin: str = "") -> Ran:
        def called() -> Ran:
            with patch.dict(os.environ, addresses | {"LOGNAME": who}):
                return ballast(*arguments, stdin=stdin)

        return await asyncio.to_thread(called)

    return run


@pytest.fixture
def run(chamber: Chamber) -> Run:
    """Runs the command as somebody."""
    return runner(chamber)


@pytest.fixture
async def matrix(chamber: Chamber, run: Run) -> str:
    """A file that says another matrix than the one in force."""
    threshold = (await chamber.matrix()).impact_thresholds[0]
    document = (await run("ada", "amendments", "document", MATRIX)).out
    return document.replace(f"impact_thresholds:\n- {threshold}", f"impact_thresholds:\n- {threshold - 0.125}")


async def drafted(run: Run, matrix: str, who: str = "ada") -> str:
    ran = await run(who, "amendments", "draft", MATRIX, "-", "--reason", "We missed two.", "--json", stdin=matrix)
    assert ran.code == 0, ran
    name: str = ran.data["amendment"]["name"]
    return name


async def proposed(run: Run, matrix: str, *more: str) -> tuple[str, str]:
    """Returns the amendment and its approval."""
    name = await drafted(run, matrix)
    ran = await run("ada", "amendments", "propose", name, "--json", *more)
    assert ran.code == 0, ran
    return name, ran.data["amendment"]["approval"]


def told_to_call(printed: str) -> list[str]:
    """Returns the arguments of the command that the last line says to call."""
    found = re.search(r": ballast (.*?)(?: \[[A-Z_]+\])?$", printed.rstrip())
    assert found, printed
    return shlex.split(found[1])


def lacking(ran: Ran, *told: str) -> list[str]:
    return [each for each in told if each not in ran.out]


async def test_a_draft_is_proposed_agreed_to_and_in_force_by_the_commands_that_are_printed(
    chamber: Chamber, run: Run, matrix: str, tmp_path: Path
) -> None:
    before = (await chamber.matrix()).revision
    file = tmp_path / "our matrix.yaml"
    file.write_text(matrix)
    refused = await run("ada", "matrix", "set", str(file), "--reason", "We missed two.")
    assert refused.code == ExitCode.CONFLICT
    draft = await run("ada", *told_to_call(refused.err))
    proposal = await run("ada", *told_to_call(draft.out))
    assert (await run("bo", *told_to_call(proposal.out))).code == 0
    name = next(each for each in draft.out.splitlines() if each.startswith("amendment ")).split()[1]

    async def in_force() -> bool:
        return not lacking(await run("cy", "amendments", "show", name), f"version {before + 1} of {MATRIX} is in force")

    await until(in_force)
    shown = await run("cy", "amendments", "show", name.removeprefix("amendments/"))
    assert lacking(shown, f"{before} → {before + 1}", "ada", "We missed two.", "approved; for: bo", "kept by triage", "agreed") == []


async def test_what_would_change_is_shown_before_anything_is_stored(chamber: Chamber, run: Run, matrix: str) -> None:
    threshold = (await chamber.matrix()).impact_thresholds[0]
    tried = await run("ada", "amendments", "dry-run", MATRIX, "-", stdin=matrix)
    told = (f"\n-- {threshold}\n", f"\n+- {threshold - 0.125}\n", "0 of the latest 0 incidents", "only tried", "approval   needed")
    assert (tried.code, lacking(tried, *told)) == (0, [])
    assert (await run("ada", "amendments", "list", "--status", "draft", "--json")).data["amendments"] == []
    neither = await run("ada", "amendments", "dry-run", MATRIX)
    assert (neither.code, "give a file, or --revision" in neither.err) == (ExitCode.REFUSED, True)


async def test_a_draft_is_revised_from_what_it_says(run: Run, matrix: str) -> None:
    name = await drafted(run, matrix)
    document = (await run("ada", "amendments", "show", name, "--yaml")).out
    assert document == matrix
    again = await run("ada", "amendments", "revise", name, "-", "--etag", "v1", "--json", stdin=matrix.replace("sev5", "sev4", 1))
    assert again.code == 0, again
    assert "+  severity: SEVERITY_SEV4" in again.data["amendment"]["diff"]
    assert again.data["amendment"]["reason"] == "We missed two."
    stale = await run("ada", "amendments", "revise", name, "-", "--etag", "v1", stdin=matrix)
    assert (stale.code, "ETAG_MISMATCH" in stale.err) == (ExitCode.CONFLICT, True)
    other = await run("cy", "amendments", "propose", name)
    assert (other.code, "NOT_THE_AUTHOR" in other.err) == (ExitCode.DENIED, True)
    over = await run("ada", "amendments", "withdraw", name, "--note", "A better one comes.")
    assert lacking(over, "withdrawn", "A better one comes.") == []


async def test_the_documents_of_all_services_are_listed_with_who_owns_them(run: Run) -> None:
    listed = await run("ada", "amendments", "documents")
    names = ("allocationPolicies/default", "budgetPolicy", "gatingRules", "groupingRules", "severityMatrix")
    assert (listed.code, lacking(listed, *names, "5 documents")) == (0, [])
    owned = await run("ada", "amendments", "own", "gatingRules", "core", "--reason", "They are called.")
    assert lacking(owned, "gatingRules belongs to teams/core") == []
    found = {each["name"]: each for each in (await run("ada", "amendments", "documents", "--json")).data["documents"]}
    assert (found["gatingRules"]["owner"], found["gatingRules"]["service"], found["groupingRules"]["service"]) == (
        "teams/core",
        "triage",
        "intake",
    )
    assert "everybody" in (await run("ada", "amendments", "own", "gatingRules", "--nobody", "--reason", "They left.")).out
    both = await run("ada", "amendments", "own", "gatingRules", "core", "--nobody", "--reason", "Why.")
    assert both.code == ExitCode.REFUSED


@pytest.mark.parametrize("document", ["budgetPolicy", "gatingRules", "severityMatrix", "groupingRules", "allocationPolicies/default"])
async def test_every_document_is_printed_as_it_is_taken(run: Run, document: str) -> None:
    printed = await run("ada", "amendments", "document", document)
    same = await run("ada", "amendments", "draft", document, "-", "--reason", "Why.", stdin=printed.out)
    assert (same.code, "AMENDMENT_EMPTY" in same.err) == (ExitCode.CONFLICT, True), same


async def test_a_policy_that_is_not_there_yet_is_drafted_where_the_others_are(run: Run) -> None:
    policy = (await run("ada", "amendments", "document", "allocationPolicies/default")).out
    unnamed = policy.replace("name: allocationPolicies/default\n", "")
    ran = await run("ada", "amendments", "draft", "allocationPolicies/calm", "-", "--reason", "Calm times.", "--json", stdin=unnamed)
    assert (ran.data["service"], ran.data["amendment"]["base_revision"]) == ("allocation", "0")
    assert ran.data["amendment"]["body"]["name"] == "allocationPolicies/calm"


async def test_grouping_rules_are_the_document_itself(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("rules:\n- name: all  # of them\n  group_by: []\n")
    refused = await run("ada", "rules", "set", str(file), "--reason", "All as one.")
    assert f"ballast amendments draft groupingRules {file} --reason 'All as one.' [APPROVAL_REQUIRED]" in refused.err
    draft = await run("ada", "amendments", "draft", "groupingRules", str(file), "--reason", "All as one.")
    assert lacking(draft, "+  - name: all  # of them", "kept by intake") == []
    back = await run("ada", "rules", "rollback", "1", "--reason", "Too wide.")
    assert "ballast amendments rollback groupingRules 1 --reason 'Too wide.' [APPROVAL_REQUIRED]" in back.err


async def test_amendments_of_all_services_are_listed_newest_first(chamber: Chamber, run: Run, matrix: str) -> None:
    names: list[str] = []
    for document, text in (("severityMatrix", matrix), ("groupingRules", "rules: [{name: a, group_by: []}]"), ("severityMatrix", matrix)):
        await chamber.tick(seconds=1)
        ran = await run("dee", "amendments", "draft", document, "-", "--reason", "Why.", "--json", stdin=text)
        names.insert(0, ran.data["amendment"]["name"])
    listed = (await run("ada", "amendments", "list", "--author", "dee", "--json")).data
    assert ([each["name"] for each in listed["amendments"]], listed["more"]) == (names, False)
    assert [each["service"] for each in listed["amendments"]] == ["triage", "intake", "triage"]
    first = await run("ada", "amendments", "list", "--author", "dee", "--limit", "2")
    assert (lacking(first, *names[:2], "there are more"), names[2] in first.out) == ([], False)
    one = (await run("ada", "amendments", "list", "--document", "groupingRules", "--status", "draft", "--author", "dee", "--json")).data
    assert [each["name"] for each in one["amendments"]] == [names[1]]


async def test_the_glass_is_broken_by_the_person_and_it_is_in_force_when_the_command_ends(chamber: Chamber, run: Run, matrix: str) -> None:
    before = (await chamber.matrix()).revision
    name = await drafted(run, matrix)
    ran = await run("ada", "amendments", "propose", name, "--break-glass", "Nobody is paged.")
    told = (f"version {before + 1} of {MATRIX} is in force", "emergency; glass broken by ada; review due")
    assert (ran.code, lacking(ran, *told)) == (0, [])
    back = await run("cy", "amendments", "rollback", MATRIX, str(before), "--reason", "It paged all.", "--break-glass", "Now.", "--json")
    assert (back.data["amendment"]["state"], back.data["amendment"]["restored_revision"]) == ("AMENDMENT_STATE_IN_FORCE", str(before))
    assert back.data["approval"]["broken_glass"]["principal"] == "cy"


async def test_a_reason_that_says_nothing_breaks_no_glass_and_proposes_nothing(chamber: Chamber, run: Run, matrix: str) -> None:
    before, name = (await chamber.matrix()).revision, await drafted(run, matrix)
    ran = await run("ada", "amendments", "propose", name, "--break-glass", " \u200b ")
    assert (ran.code, "--break-glass: is empty" in ran.err) == (ExitCode.REFUSED, True)
    back = await run("ada", "amendments", "rollback", MATRIX, str(before), "--reason", "It paged all.", "--break-glass", "\t")
    assert (back.code, "--break-glass: is empty" in back.err) == (ExitCode.REFUSED, True)
    one = (await run("ada", "amendments", "show", name, "--json")).data
    assert one["amendment"]["state"] == "AMENDMENT_STATE_DRAFT"


async def test_where_the_glass_cannot_be_broken_it_says_that_it_waits_for_approval(run: Run, matrix: str) -> None:
    name = await drafted(run, matrix)
    ran = await run("ada", "amendments", "propose", name, "--break-glass", "Now.", "--governance-address", NOWHERE)
    assert (ran.code, "governance at" in ran.err) == (ExitCode.AWAY, True)
    assert f"{name} waits for approval: ballast approvals approve approvals/" in ran.err


async def test_it_waits_for_its_time(chamber: Chamber, run: Run, matrix: str) -> None:
    at = (chamber.clock.now() + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    name, approval = await proposed(run, matrix, "--at", at)
    assert (await run("bo", "approvals", "approve", approval)).code == 0

    async def agreed() -> bool:
        return not lacking(await run("ada", "amendments", "show", name), f"comes in force at {at.replace('T', ' ')}")

    await until(agreed)
    rash = await run("ada", "amendments", "propose", name, "--at", "soon")
    assert (rash.code, "TIME_INVALID" in rash.err) == (ExitCode.REFUSED, True)


async def test_what_is_away_is_said_and_the_rest_is_shown(run: Run, matrix: str) -> None:
    name, _ = await proposed(run, matrix)
    listed = await run("ada", "amendments", "documents", "--intake-address", NOWHERE)
    assert (listed.code, lacking(listed, MATRIX, "4 documents"), f"intake at {NOWHERE}" in listed.err) == (ExitCode.AWAY, [], True)
    shown = await run("ada", "amendments", "show", name, "--governance-address", NOWHERE, "--intake-address", NOWHERE)
    assert (shown.code, lacking(shown, "not known: governance is away", "waits for approval")) == (0, [])
    unknown = await run("ada", "amendments", "show", UNKNOWN)
    assert (unknown.code, "known to none of intake, triage, allocation" in unknown.err) == (ExitCode.NOT_FOUND, True)
    perhaps = await run("ada", "amendments", "show", UNKNOWN, "--intake-address", NOWHERE)
    assert (perhaps.code, "known to none of triage, allocation" in perhaps.err, "KEEPER_AWAY" in perhaps.err) == (ExitCode.AWAY, True, True)
    none = await run("ada", "amendments", "draft", "roadmap", "-", "--reason", "Why.", stdin=matrix)
    assert (none.code, "there are groupingRules" in none.err) == (ExitCode.NOT_FOUND, True)
    everything = [part for each in ("intake", "triage", "allocation") for part in (f"--{each}-address", NOWHERE)]
    nobody = await run("ada", "amendments", "list", *everything)
    assert (nobody.code, all(f"{each} at" in nobody.err for each in ("intake", "triage", "allocation"))) == (ExitCode.AWAY, True)


async def test_changes_of_all_services_are_watched_as_they_happen(chamber: Chamber, run: Run) -> None:
    watching: asyncio.Future[Ran] = asyncio.ensure_future(run("ada", "amendments", "watch", "--count", "2", "--json"))
    body, rules = await chamber.stricter(), GroupingRules(yaml="rules: [{name: a, group_by: []}]")
    # Not by the command: two of them in one process would share where they print.
    while not (await asyncio.wait({watching}, timeout=0.2))[0]:
        await chamber.draft(body)
        await chamber.draft(rules, "groupingRules", service="intake")
    await chamber.draft(body)
    await chamber.draft(rules, "groupingRules", service="intake")
    first = json.loads((await watching).out.splitlines()[0])
    assert first["amendment"]["state"] == "AMENDMENT_STATE_DRAFT"
    token = f"{first['service']}={first['resume_token']}"
    again = await run("ada", "amendments", "watch", "--service", first["service"], "--resume-token", token, "--count", "1")
    assert lacking(again, f"{first['service']}  new → draft") == []


@pytest.mark.parametrize("token", ["token", "intake=token", "playbook=token"])
async def test_a_resume_token_of_a_service_that_is_not_watched_is_refused(run: Run, token: str) -> None:
    assert (await run("ada", "amendments", "watch", "--service", "triage", "--resume-token", token)).code == ExitCode.REFUSED


async def test_a_service_that_is_away_is_not_left_out_of_what_is_watched(run: Run) -> None:
    away = await run("ada", "amendments", "watch", "--intake-address", NOWHERE)
    assert (away.code, f"intake at {NOWHERE}" in away.err) == (ExitCode.AWAY, True)


async def test_governance_away_the_draft_stays_and_it_is_said_who_is_away(own_urls: dict[str, str], engines: Engines) -> None:
    async with amending(own_urls, engines, SimulatedClock(START)) as lonely:
        run = runner(lonely)
        document = (await run("ada", "amendments", "document", MATRIX)).out
        name = await drafted(run, document.replace("sev5", "sev4", 1))
        await lonely.apps["governance"].server.stop()
        ran = await run("ada", "amendments", "propose", name)
        assert (ran.code, "governance" in ran.err, "triage at" in ran.err) == (ExitCode.AWAY, True, False), ran
        assert "GOVERNANCE_UNAVAILABLE" in ran.err
        assert lacking(await run("ada", "amendments", "show", name), "nobody was asked yet") == []


async def test_where_nobody_else_must_agree_it_is_in_force_when_it_is_proposed(own_urls: dict[str, str], engines: Engines) -> None:
    async with amending(own_urls, engines, SimulatedClock(START), approved=()) as free:
        run = runner(free)
        document = (await run("ada", "amendments", "document", MATRIX)).out
        name = await drafted(run, document.replace("sev5", "sev4", 1))
        ran = await run("ada", "amendments", "propose", name, "--break-glass", "Now.")
        assert (ran.code, lacking(ran, "approval   not needed", "version 2 of severityMatrix is in force")) == (0, [])
        assert "no glass to break" in ran.err
        assert (await run("ada", "matrix", "set", "-", "--reason", "Back.", stdin=document)).code == 0
