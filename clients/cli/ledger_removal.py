"""Sub-commands of `ballast ledger` that take something away: contents for good, old entries into an archive."""

import io
from pathlib import Path
from typing import Annotated

import typer
from ballast.governance.v1 import ledger_service_pb2 as pb
from ballast.governance.v1 import segment_service_pb2

from clients.cli.connection import every_page
from clients.cli.failures import ExitCode
from clients.cli.ledger_arguments import STANDARD, Keys, Principal, Subject, check_new, file_exists, patience, verifiers
from clients.cli.ledger_drawing import draw_erasure, draw_file_verdict, draw_segments, is_as_asked, verdict_data
from clients.cli.ledger_export import Source, write_export, write_lines
from clients.cli.ledger_file import FileVerdict, verify_file
from clients.cli.ledger_record import ERASURE_TYPE, OWN_SOURCE
from clients.cli.output import cell
from clients.cli.session import Limit, Session, with_session
from shared.errors import BallastError, invalid_field
from shared.transparency.note import Verifier

_NEVER = "it may be the only copy of entries that were sealed, so nothing is written over it; name another file"


def add_to(app: typer.Typer) -> None:
    """Adds the sub-commands to the group."""
    app.command("seal")(seal)
    app.command("segments")(segments)
    app.command("erase")(erase)


@with_session()
async def seal(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write what is given away; keep it. A file that is there stays.")],
    last: Annotated[int, typer.Option("--last", metavar="SEQUENCE", min=256, help="Position of the last entry; a multiple of 256.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept for good.")],
    key: Keys = None,
) -> int:
    """Writes old entries to a file, verifies it, and only then takes them out of the ledger; their hashes stay and prove them.

    FILE is never overwritten. Nothing is sealed of a ledger that does not verify.
    """
    keys, segments_rpc = verifiers(key), session.connection.segments
    if str(file) == STANDARD:
        raise invalid_field("FILE", "must be a file: what is sealed is verified as it was written", reason="FILE_UNWRITABLE")
    check_new(file, _NEVER)
    tried = segment_service_pb2.SealSegmentRequest(last_sequence=last, reason=reason, validate_only=True)
    planned = (await segments_rpc.SealSegment(tried, timeout=patience(session))).segment
    verdict = await _archived(session, planned, file, keys)
    gap = await lacking(session, planned, verdict, keys)
    if gap:
        file.unlink()
        session.output.answer(verdict_data(verdict), lambda: draw_file_verdict(verdict))
        session.output.note(f"nothing was sealed, and {file} is removed again: {gap}")
        return ExitCode.NO
    wanted = segment_service_pb2.SealSegmentRequest(last_sequence=last, reason=reason)
    try:
        response = await segments_rpc.SealSegment(wanted, timeout=patience(session))
    except BallastError:
        session.output.note(f"keep {file} until `ballast ledger segments` shows whether its entries were sealed")
        raise
    session.output.answer(response, lambda: [cell(f"{file} has entries {planned.first_sequence} to {last}; the ledger keeps their hashes")])
    return ExitCode.OK


async def _archived(session: Session, planned: segment_service_pb2.LedgerSegment, file: Path, keys: list[Verifier]) -> FileVerdict:
    """Writes the entries to the file and reads it back."""
    request = pb.ExportEntriesRequest(first_sequence=planned.first_sequence, last_sequence=planned.last_sequence)
    try:
        await write_export(Source(session.connection.ledger, request, patience(session)), file)
        with file.open("rb") as lines:
            return verify_file(lines, keys)
    except FileExistsError:
        raise file_exists(file, _NEVER) from None
    except OSError as error:
        raise invalid_field("FILE", f"{file}: {error.strerror}", reason="FILE_UNWRITABLE") from error


async def lacking(session: Session, planned: segment_service_pb2.LedgerSegment, verdict: FileVerdict, keys: list[Verifier]) -> str:
    """Returns what keeps the file from being the archive of every entry, content and all; empty where nothing does."""
    count = planned.last_sequence - planned.first_sequence + 1
    if verdict.fault is not None:
        return "it does not prove every entry"
    if verdict.entry_count != count:
        return f"it has {verdict.entry_count} entries, and {count} are to be sealed"
    unexplained = sorted(set(verdict.bare) - await _recorded(session, keys)) if verdict.bare else []
    if unexplained:
        return f"the content of entry {unexplained[0]} is missing, and no entry records that it was erased"
    return ""


async def _recorded(session: Session, keys: list[Verifier]) -> frozenset[int]:
    """Returns the entries whose erasure is recorded after them, in what is not sealed, by entries that prove."""
    lines = io.StringIO()
    request = pb.ExportEntriesRequest(filter=pb.EntryFilter(type=ERASURE_TYPE, source=OWN_SOURCE))
    await write_lines(Source(session.connection.ledger, request, patience(session)), lines)
    found = verify_file(lines.getvalue().splitlines(), keys)
    return found.recorded if found.fault is None else frozenset()


@with_session()
async def segments(session: Session, limit: Limit = 50) -> None:
    """Lists what was sealed, the oldest first."""
    request = segment_service_pb2.ListSegmentsRequest()
    response = await every_page(session.connection.segments.ListSegments, request, "segments", limit)
    session.output.answer(response, lambda: draw_segments(response))


@with_session()
async def erase(
    session: Session,
    sequences: Annotated[list[int] | None, typer.Argument(metavar="[SEQUENCE…]", min=1, help="Positions of the entries.")] = None,
    principal: Principal = "",
    subject: Subject = "",
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept for good. Do not name the person here.")] = "",
    validate_only: Annotated[bool, typer.Option("--validate-only", help="Only say what would be erased.")] = False,
) -> int:
    """Erases who caused entries, why, and their data, for good. The entries stay, and every proof of them holds.

    Exit code 1 where no entry fits, or a content that was meant is elsewhere, missing or not the one that was recorded.
    """
    chosen = pb.EntryFilter(principal=principal, subject=subject)
    request = pb.EraseContentsRequest(sequences=sequences or (), filter=chosen, reason=reason, validate_only=validate_only)
    response = await session.connection.ledger.EraseContents(request)
    session.output.answer(response, lambda: draw_erasure(response, validate_only=validate_only))
    return ExitCode.OK if is_as_asked(response) else ExitCode.NO
