"""`ballast ledger` against a running governance, and against what it exported."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import pytest
from ballast.intake.v1.intake_events_pb2 import IncidentOpened

from clients.cli.failures import ExitCode
from clients.cli.ledger_arguments import source_of
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.command import Ran, ballast, names_in
from tests.support.governance import TRACE_ID, Governance, event, governing, story

Run = Callable[..., Coroutine[None, None, Ran]]


@pytest.fixture(scope="module")
async def governance(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Governance]:
    async with governing(urls, engines, clock) as running:
        await running.deliver(*story("told"), *(event(IncidentOpened(), f"incidents/{number}") for number in range(300)))
        yield running


@pytest.fixture
def run(governance: Governance) -> Run:
    async def run(*arguments: str) -> Ran:
        return await asyncio.to_thread(ballast, "ledger", *arguments, "--governance-address", governance.served.app.server.address)

    return run


@pytest.fixture
async def own(own_urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Run]:
    """Commands to a ledger that no other test looks at."""
    async with governing(own_urls, engines, clock) as running:
        await running.deliver(*(event(IncidentOpened(), f"incidents/{number}") for number in range(300)))

        async def run(*arguments: str) -> Ran:
            return await asyncio.to_thread(ballast, "ledger", *arguments, "--governance-address", running.served.app.server.address)

        yield run


@pytest.fixture
async def key(run: Run) -> str:
    return str((await run("checkpoint", "--json")).data["verifier_key"])


async def test_entries_are_listed_and_chosen(run: Run) -> None:
    ran = await run("list", "--subject", "decisions/told")
    assert (ran.code, ran.err) == (0, "")
    assert ("DecisionMade" in ran.out, "1 entry" in ran.out) == (True, True)
    assert "no entries" not in (await run("list", "--principal", "ada", "--limit", "2")).out
    assert [each["sequence"] for each in (await run("list", "--after", "300", "--limit", "2", "--json")).data["entries"]] == ["301", "302"]


async def test_entries_are_chosen_by_the_last_part_of_a_type(run: Run) -> None:
    found = (await run("list", "--type", "DecisionMade", "--json")).data["entries"]
    assert {each["type"] for each in found} == {"ballast.allocation.v1.DecisionMade"}
    ran = await run("list", "--type", "DecisionMad")
    assert (ran.code, ran.out) == (ExitCode.REFUSED, "")
    assert ("--type" in ran.err, "near it are ballast.allocation.v1.DecisionMade" in ran.err) == (True, True)


async def test_the_running_ledger_is_verified(run: Run) -> None:
    ran = await run("verify")
    assert (ran.code, ran.err) == (0, "")
    assert "the ledger fits: 304 entries" in ran.out


async def test_a_whole_export_is_verified_with_the_key_alone(run: Run, key: str, tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    assert "304 entries" in (await run("export", str(file))).out
    ran = await asyncio.to_thread(ballast, "ledger", "verify", str(file), "--key", key)  # nobody is asked
    assert (ran.code, ran.err) == (0, "")
    assert "every entry of ballast/governance, signed at 304 entries" in ran.out
    (tmp_path / "key").write_text(f"{key}\n")
    verdict = await asyncio.to_thread(ballast, "ledger", "verify", str(file), "--key", str(tmp_path / "key"), "--json")
    assert (verdict.data["entries"], verdict.data["complete"], verdict.data["fault"]) == (304, True, None)


async def test_an_altered_export_is_named_at_its_first_altered_entry(run: Run, key: str, tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    await run("export", str(file))
    lines = file.read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if "decisions/told" in line)
    lines[at] = lines[at].replace("decisions/told", "decisions/sold")
    file.write_text("\n".join(lines))
    ran = await run("verify", str(file), "--key", key)
    assert ran.code == ExitCode.NO
    assert "does not fit at entry 3" in ran.out


async def test_the_story_of_a_trace_is_exported_and_proved(run: Run, key: str, tmp_path: Path) -> None:
    file = tmp_path / "story.jsonl"
    await run("export", str(file), "--trace-id", TRACE_ID, "--last", "4")
    ran = await run("verify", str(file), "--key", key)
    assert ran.code == 0
    assert "4 entries of ballast/governance" in ran.out
    assert "it is a selection" in ran.out


async def test_a_checkpoint_that_was_kept_is_compared_with_the_ledger_of_now(
    run: Run, key: str, governance: Governance, tmp_path: Path
) -> None:
    file = tmp_path / "kept"
    await run("checkpoint", "--size", "100", "--out", str(file))
    ran = await run("compare", str(file), "--key", key)
    assert (ran.code, "begin with the 100 that were signed then" in ran.out) == (0, True)
    file.write_text(file.read_text().replace("\n100\n", "\n101\n"))
    refused = await run("compare", str(file), "--key", key)
    assert (refused.code, "does not fit" in refused.err) == (ExitCode.REFUSED, True)


async def test_an_entry_s_proof_is_printed_and_written(run: Run, tmp_path: Path) -> None:
    ran = await run("prove", "3", "--size", "200", "--out", str(tmp_path / "3.tlog-proof"))
    assert ran.code == 0
    assert (tmp_path / "3.tlog-proof").read_text().splitlines()[:2] == ["c2sp.org/tlog-proof@v1", "index 2"]
    assert "index 2" in ran.out
    assert (await run("prove", "999")).code == ExitCode.NOT_FOUND


async def test_a_content_is_erased_and_shown_as_erased(run: Run) -> None:
    assert "1 content would be erased" in (await run("erase", "200", "--reason", "Asked for.", "--validate-only")).out
    ran = await run("erase", "200", "--reason", "Asked for.")
    assert (ran.code, "1 content erased for good" in ran.out) == (0, True)
    assert "(erased)" in (await run("list", "--after", "199", "--limit", "1")).out
    refused = await run("erase", "--reason", "Asked for.")
    assert (refused.code, "give positions or a filter" in refused.err) == (ExitCode.REFUSED, True)
    assert "reason" in (await run("erase", "200")).err


async def test_old_entries_are_written_verified_and_sealed(own: Run, tmp_path: Path) -> None:
    public = str((await own("checkpoint", "--json")).data["verifier_key"])
    file = tmp_path / "old.jsonl"
    ran = await own("seal", str(file), "--last", "256", "--reason", "Old.", "--key", public)
    assert (ran.code, "has entries 1 to 256; the ledger keeps their hashes" in ran.out) == (0, True), ran.err
    verdict = await own("verify", str(file), "--key", public, "--json")
    assert (verdict.code, verdict.data["entries"]) == (0, 256)
    assert "Old." in (await own("segments")).out
    whole = tmp_path / "all.jsonl"
    await own("export", str(whole))
    assert "256 entries of it were sealed" in (await own("verify", str(whole), "--key", public)).out
    refused = await own("seal", str(tmp_path / "more"), "--last", "300", "--reason", "Old.", "--key", public)
    assert (refused.code, "take 256 or 512" in refused.err) == (ExitCode.REFUSED, True)


async def test_a_ledger_of_which_nobody_said_what_was_recorded_is_not_reconciled(own: Run) -> None:
    ran = await own("reconcile")
    assert (ran.code, "nothing else" in ran.out) == (ExitCode.NO, False)
    assert "nothing yet to compare the ledger with" in ran.out


async def test_a_source_is_named_by_its_service(run: Run) -> None:
    assert (await run("list", "--source", "test", "--json")).data["entries"] == []  # no service of the suite: a name like any other
    assert "300" in (await run("list", "--source", "/ballast/test", "--limit", "0")).out
    assert source_of("triage") == "/ballast/triage"


async def test_a_file_that_is_there_is_exported_to_only_by_force(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "kept"
    file.write_text("the only copy")
    ran = await run("export", str(file))
    assert (ran.code, "give --force" in ran.err, file.read_text()) == (ExitCode.REFUSED, True, "the only copy")
    assert (await run("export", str(file), "--force")).code == 0
    assert file.read_text() != "the only copy"
    assert names_in(tmp_path) == ["kept"]


async def test_an_export_to_standard_output_is_verified_from_standard_input(run: Run, key: str) -> None:
    ran = await run("export", "-", "--trace-id", TRACE_ID, "--last", "4")
    assert (ran.code, len(ran.out.splitlines()), "4 entries" in ran.err) == (0, 6, True)
    verified = await asyncio.to_thread(ballast, "ledger", "verify", "-", "--key", key, stdin=ran.out)
    assert (verified.code, "4 entries of ballast/governance" in verified.out) == (0, True)


async def test_an_export_that_nothing_fits_says_so_and_does_not_verify(run: Run, key: str, tmp_path: Path) -> None:
    file = tmp_path / "none"
    ran = await run("export", str(file), "--principal", "nobody")
    assert (ran.code, "no entry fits" in ran.err) == (ExitCode.NO, True)
    verified = await run("verify", str(file), "--key", key)
    assert (verified.code, "proves nothing" in verified.out) == (ExitCode.NO, True)


async def test_entries_are_watched(run: Run, governance: Governance) -> None:
    watching = asyncio.create_task(run("watch", "--count", "2", "--json", "--subject", "incidents/watched"))
    told: list[str] = []
    while not watching.done():  # the watch begins with the present, whenever that is
        each = event(IncidentOpened(), "incidents/watched")
        await governance.deliver(each)
        told.append(each.id)
        await asyncio.sleep(0.2)
    seen = [json.loads(line)["entry"]["event_id"] for line in (await watching).out.splitlines()]
    assert len(seen) == 2
    begin = told.index(seen[0])
    assert told[begin : begin + 2] == seen


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("verify", "missing.jsonl"), "--key: is missing"),
        (("verify", "missing.jsonl", "--key", "a+b+c"), "--key"),
        (("verify", "--key", "a+b+c"), "stands without FILE"),
        (("checkpoint", "--size", "99999"), "size: the ledger has"),
        (("export", "/no/such/folder/file"), "cannot be written"),
        (("verify", "missing.jsonl", "--key", "garbage"), "--key: 'garbage' is neither a key"),
        (("export", "-", "--first", "1000000"), "first_sequence: is 1000000, and the ledger has"),
        (("export", "-", "--trace-id", "ZZ"), "send the 32 hex digits of a W3C trace id"),
        (("list", "--trace-id", "4bf92f"), "send the 32 hex digits of a W3C trace id"),
    ],
)
async def test_wrong_use_names_what_is_wrong(run: Run, arguments: tuple[str, ...], why: str) -> None:
    ran = await run(*arguments)
    assert (ran.code, why in ran.err) == (ExitCode.REFUSED, True), ran.err


async def test_a_file_that_is_not_there_is_named(run: Run, key: str) -> None:
    ran = await run("verify", "missing.jsonl", "--key", key)
    assert "missing.jsonl cannot be read: No such file" in ran.err
