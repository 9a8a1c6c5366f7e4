"""`ballast ledger seal` and `erase` against a running governance whose tables somebody got at: nothing is lost or covered up by them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ballast.governance.v1 import segment_service_pb2
from ballast.intake.v1.intake_events_pb2 import IncidentOpened

from clients.cli.connection import Connection, credentials_from
from clients.cli.failures import ExitCode
from clients.cli.ledger_file import verify_file
from clients.cli.ledger_removal import lacking
from clients.cli.output import Output
from clients.cli.session import Session
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.storage.database import connect_raw
from shared.transparency.note import Verifier
from tests.support.command import Ran, ballast, names_in
from tests.support.governance import event, governing

_GONE = "salt = null, principal = null, reason = null, payload = null, erased_at = now()"


@dataclass(frozen=True, slots=True)
class Own:
    """A ledger of 300 entries of its own, its public key, and the way into its tables."""

    address: str
    url: str

    async def run(self, *arguments: str) -> Ran:
        return await asyncio.to_thread(ballast, "ledger", *arguments, "--governance-address", self.address)

    async def seal(self, file: Path, last: int = 256) -> Ran:
        key = (await self.run("checkpoint", "--json")).data["verifier_key"]
        return await self.run("seal", str(file), "--last", str(last), "--reason", "Old.", "--key", key)

    async def tamper(self, change: str, sequence: int) -> None:
        connection = await connect_raw(self.url, "governance")
        await connection.execute("alter table log_entry disable trigger user")
        await connection.execute(f"update log_entry set {change} where sequence = {sequence}")
        await connection.close()


@pytest.fixture
async def own(own_urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Own]:
    async with governing(own_urls, engines, clock) as running:
        await running.deliver(*(event(IncidentOpened(), f"incidents/{number}") for number in range(300)))
        yield Own(running.served.app.server.address, own_urls["governance"])


async def test_an_archive_is_never_written_over(own: Own, tmp_path: Path) -> None:
    file = tmp_path / "old.jsonl"
    file.write_text("the only copy")
    ran = await own.seal(file)
    assert (ran.code, "FILE: " in ran.err, "is there already" in ran.err) == (ExitCode.REFUSED, True, True)
    assert file.read_text() == "the only copy"
    assert "0 segments" in (await own.run("segments")).out


async def test_what_was_tampered_with_is_not_sealed_and_no_file_is_left(own: Own, tmp_path: Path) -> None:
    await own.tamper(_GONE, 50)
    ran = await own.seal(tmp_path / "old.jsonl")
    assert ran.code == ExitCode.CONFLICT
    assert ("entry 50 does not fit (CONTENT_MISMATCH)" in ran.err, "[SEGMENT_FAULTY]" in ran.err) == (True, True)
    assert names_in(tmp_path) == []
    assert "at entry 50" in (await own.run("verify")).out


async def test_an_archive_that_lacks_a_content_is_refused_whatever_the_service_says_of_it(own: Own, tmp_path: Path) -> None:
    await own.run("erase", "30", "--reason", "Asked for.")
    await own.tamper(_GONE, 50)
    file = tmp_path / "old.jsonl"
    key = Verifier.from_text((await own.run("checkpoint", "--json")).data["verifier_key"])
    await own.run("export", str(file), "--last", "256")
    verdict = verify_file(file.read_text().splitlines(), [key])
    assert (verdict.fault, verdict.bare) == (None, (30, 50))  # as far as the file can tell
    connection = Connection({"governance": own.address}, credentials_from({}), None)
    session = Session(connection, Output(as_json=True))
    planned = segment_service_pb2.LedgerSegment(first_sequence=1, last_sequence=256)
    found = await lacking(session, planned, verdict, [key])
    await connection.close()
    assert found == "the content of entry 50 is missing, and no entry records that it was erased"


async def test_an_archive_without_a_content_that_was_erased_by_the_book_is_sealed(own: Own, tmp_path: Path) -> None:
    assert (await own.run("erase", "30", "--reason", "Asked for.")).code == 0
    ran = await own.seal(tmp_path / "old.jsonl")
    assert ran.code == 0, ran.err
    assert (await own.run("verify")).code == 0


async def test_a_position_that_the_ledger_has_not_is_not_erased_in_silence(own: Own) -> None:
    ran = await own.run("erase", "30", "999999", "--reason", "Asked for.")
    assert (ran.code, "999999 is not among them" in ran.err) == (ExitCode.NOT_FOUND, True)
    assert "(erased)" not in (await own.run("list", "--after", "29", "--limit", "1")).out  # nothing half done


async def test_a_filter_that_nothing_fits_says_so(own: Own) -> None:
    ran = await own.run("erase", "--principal", "nobody", "--reason", "Asked for.")
    assert (ran.code, "no entry fits" in ran.out) == (ExitCode.NO, True)


async def test_erasing_twice_says_that_it_was_erased_before(own: Own) -> None:
    await own.run("erase", "30", "31", "--reason", "Asked for.")
    ran = await own.run("erase", "30", "31", "301", "--reason", "Asked for.")
    assert (ran.code, "entries 30, 31: erased before" in ran.out) == (0, True)
    assert "entry 301: the record of an erasure, which stays" in ran.out


async def test_a_content_that_somebody_took_or_altered_is_not_said_to_be_erased(own: Own) -> None:
    await own.tamper(_GONE, 50)
    await own.tamper("principal = 'mallory'", 60)
    ran = await own.run("erase", "50", "60", "61", "--reason", "Asked for.")
    assert ran.code == ExitCode.NO
    assert ("1 content erased" in ran.out, "entry 50: the content is missing" in ran.out) == (True, True)
    assert "entry 60: not erased: the content is not the one that was recorded" in ran.out
    await own.run("erase", "--principal", "mallory", "--reason", "Asked for.")
    assert "at entry 50" in (await own.run("verify")).out


async def test_a_sealed_entry_is_not_said_to_be_erased_while_its_archive_has_it(own: Own, tmp_path: Path) -> None:
    assert (await own.seal(tmp_path / "old.jsonl")).code == 0
    ran = await own.run("erase", "30", "--reason", "Asked for.")
    assert ran.code == ExitCode.NO
    assert "erased for good" not in ran.out
    assert "entry 30: not erased: sealed in ledgerSegments/1-256, whose archive has the content still" in ran.out


async def test_sealed_entries_are_not_exported_as_nothing(own: Own, tmp_path: Path) -> None:
    assert (await own.seal(tmp_path / "old.jsonl")).code == 0
    for bounds in (("--first", "10", "--last", "20"), ("--last", "20"), ("--first", "200")):
        ran = await own.run("export", "-", *bounds)
        assert (ran.code, ran.out) == (ExitCode.REFUSED, "")
        assert "the archive of ledgerSegments/1-256 has them; ask for those from 257 on" in ran.err
    chosen = await own.run("export", "-", "--principal", "ada")
    assert (chosen.code, "entries up to 256 were sealed" in chosen.err) == (0, True)
