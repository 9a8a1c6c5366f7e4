"""`ballast ledger`: every event in order, and the proof that none was altered, here or where the suite is not."""

from collections.abc import AsyncIterable
from pathlib import Path
from typing import Annotated

import typer
from ballast.governance.v1 import governance_service_pb2, reconciliation_pb2, segment_service_pb2
from ballast.governance.v1 import ledger_service_pb2 as pb
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from clients.cli.connection import every_page
from clients.cli.contract_names import event_type
from clients.cli.failures import ExitCode
from clients.cli.feed import follow
from clients.cli.formats import count_text
from clients.cli.ledger_drawing import (
    draw_checkpoint,
    draw_consistency,
    draw_entries,
    draw_erasure,
    draw_file_verdict,
    draw_reconciliation,
    draw_segments,
    draw_verdict,
    entry_line,
    fits,
)
from clients.cli.ledger_export import write_export
from clients.cli.ledger_file import FileVerdict, verify_file
from clients.cli.output import Output, cell
from clients.cli.session import Limit, Session, with_session
from shared.errors import invalid_field
from shared.transparency.checkpoint import Checkpoint
from shared.transparency.merkle import is_consistent
from shared.transparency.note import NoteRefused, Verifier, opened, verifiers_by_id

# A long ledger takes minutes to verify or to export; the server's own default would cut it off.
_LONG_SECONDS = 3600.0

app = typer.Typer(help="List, watch and export the ledger, and prove that nothing in it was altered.")

_Subject = Annotated[str, typer.Option(metavar="NAME", help="Only entries about this resource.")]
_Type = Annotated[str, typer.Option("--type", metavar="TYPE", help="Only this type of event: IncidentOpened, or the whole name.")]
_Trace = Annotated[str, typer.Option("--trace-id", metavar="ID", help="Only entries of this trace, 32 hex digits.")]
_Principal = Annotated[str, typer.Option(metavar="NAME", help="Only entries caused by this principal.")]
_Source = Annotated[str, typer.Option(metavar="SOURCE", help="Only entries of this source, such as /ballast/triage.")]
_Keys = Annotated[
    list[str] | None,
    typer.Option("--key", metavar="KEY|FILE", help="Public key of the ledger, name+id+key, or a file that has it; repeat after a new key."),
]


@app.command("list")
@with_session()
async def list_(
    session: Session,
    subject: _Subject = "",
    type_: _Type = "",
    trace_id: _Trace = "",
    principal: _Principal = "",
    source: _Source = "",
    after: Annotated[int, typer.Option(metavar="SEQUENCE", min=0, help="Only entries after this position.")] = 0,
    limit: Limit = 50,
) -> None:
    """Lists ledger entries in their order."""
    chosen = pb.EntryFilter(subject=subject, type=event_type("--type", type_), trace_id=trace_id, principal=principal, source=source)
    request = pb.ListEntriesRequest(filter=chosen, after_sequence=after)
    response = await every_page(session.connection.ledger.ListEntries, request, "entries", limit)
    session.output.answer(response, lambda: draw_entries(response))


@app.command("watch")
@with_session(interrupted=ExitCode.OK)
async def watch(
    session: Session,
    subject: _Subject = "",
    type_: _Type = "",
    resume_token: Annotated[str, typer.Option(metavar="TOKEN", help="Go on right after this token; from the present when left out.")] = "",
    count: Annotated[int, typer.Option(metavar="N", min=0, help="End after this many; 0 goes on until Ctrl-C.")] = 0,
) -> None:
    """Prints each entry as it is recorded, until Ctrl-C (exit code 0). JSON lines with --json, each with its resume token."""
    chosen = pb.EntryFilter(subject=subject, type=event_type("--type", type_))
    seen = 0

    def watch_from(token: str) -> AsyncIterable[pb.WatchEntriesResponse]:
        return session.connection.ledger.WatchEntries(pb.WatchEntriesRequest(filter=chosen, after_sequence=-1, resume_token=token))

    async for response in follow(watch_from, "entry", resume_token, session.output.note):
        session.output.each(response, entry_line(response.entry))
        seen += 1
        if seen == count:
            return


@app.command("verify")
@with_session()
async def verify(
    session: Session,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="An export to check, without asking anyone.")] = None,
    key: _Keys = None,
) -> int:
    """Computes the tree anew from the first entry to the last: of the running ledger, or of an export with the ledger's public key.

    Exit code 1, and the first entry that does not fit, when it does not.
    """
    if file is not None:
        return _verify_file(session.output, file, _verifiers(key))
    if key:
        raise invalid_field("--key", "stands without FILE; the running ledger is compared with what it signed itself")
    last = governance_service_pb2.VerifyLedgerResponse()
    with _bar(session.output, "verifying") as progress:
        task = progress.add_task("", total=None)
        call = session.connection.governance.VerifyLedger(governance_service_pb2.VerifyLedgerRequest(), timeout=_patience(session))
        async for last in call:
            progress.update(task, completed=last.verified_count, total=last.total_count)
    session.output.answer(last, lambda: draw_verdict(last))
    return ExitCode.OK if fits(last) else ExitCode.NO


@app.command("export")
@with_session()
async def export(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it; one JSON object a line.")],
    subject: _Subject = "",
    type_: _Type = "",
    trace_id: _Trace = "",
    principal: _Principal = "",
    source: _Source = "",
    first: Annotated[int, typer.Option(metavar="SEQUENCE", min=0, help="From this position on.")] = 0,
    last: Annotated[int, typer.Option(metavar="SEQUENCE", min=0, help="Up to this position.")] = 0,
) -> None:
    """Writes entries and what proves them; without any condition the whole ledger. Check it with `ballast ledger verify FILE --key KEY`."""
    chosen = pb.EntryFilter(subject=subject, type=event_type("--type", type_), trace_id=trace_id, principal=principal, source=source)
    request = pb.ExportEntriesRequest(filter=chosen, first_sequence=first, last_sequence=last)
    try:
        with _bar(session.output, "exporting") as progress:
            task = progress.add_task("", total=None)
            written = await write_export(
                session.connection.ledger,
                request,
                file,
                lambda count: progress.update(task, completed=count),
                within_seconds=_patience(session),
            )
    except OSError as error:
        raise invalid_field("FILE", f"{file} cannot be written: {error.strerror}", reason="FILE_UNWRITABLE") from error
    count, header = written.entry_count, written.header
    told = {"file": str(file), "entries": count, "complete": header.complete, "checkpoint": header.checkpoint}
    session.output.answer(told, lambda: [cell(f"{file}: {count_text(count, 'entry', 'entries')}, proved against"), cell(header.checkpoint)])


@app.command("checkpoint")
@with_session()
async def checkpoint(
    session: Session,
    size: Annotated[int, typer.Option(metavar="N", min=0, help="The ledger as it stood with this many entries.")] = 0,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the signed note there.")] = None,
) -> None:
    """Signs the ledger as it stands. Keep the note elsewhere: nobody can then tell another story of what came before."""
    response = await session.connection.ledger.GetCheckpoint(pb.GetCheckpointRequest(size=size))
    if out is not None:
        _write(out, response.checkpoint)
    session.output.answer(response, lambda: draw_checkpoint(response))


@app.command("prove")
@with_session()
async def prove(
    session: Session,
    sequence: Annotated[int, typer.Argument(metavar="SEQUENCE", min=1, help="Position of the entry.")],
    size: Annotated[int, typer.Option(metavar="N", min=0, help="In the tree of this size; of all entries when left out.")] = 0,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the proof there.")] = None,
) -> None:
    """Prints the proof that an entry is in the ledger, in the form of c2sp.org/tlog-proof."""
    response = await session.connection.ledger.GetInclusionProof(pb.GetInclusionProofRequest(sequence=sequence, tree_size=size))
    if out is not None:
        _write(out, response.proof)
    session.output.answer(response, lambda: [cell(line) for line in response.proof.splitlines()])


@app.command("compare")
@with_session()
async def compare(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A checkpoint kept from earlier.")],
    key: _Keys = None,
) -> int:
    """Checks that the running ledger still begins with what was signed in a checkpoint. Exit code 1 when it does not."""
    note, keys = _read(file), _verifiers(key)
    try:
        kept = Checkpoint.from_text(opened(note, verifiers_by_id(keys)))
    except NoteRefused as error:
        raise invalid_field("FILE", f"{file} {error}", reason="CHECKPOINT_REFUSED") from None
    answer = await session.connection.ledger.GetCheckpoint(pb.GetCheckpointRequest())
    now = Checkpoint.from_text(opened(answer.checkpoint, verifiers_by_id(keys)))
    request = pb.GetConsistencyProofRequest(first_size=kept.size, second_size=now.size)
    response = await session.connection.ledger.GetConsistencyProof(request)
    # With the roots that were signed, not with those that the answer claims.
    holds = kept.origin == now.origin and is_consistent(kept.size, now.size, (kept.root, now.root), list(response.path))
    session.output.answer({"holds": holds, "from": kept.size, "to": now.size}, lambda: draw_consistency(kept, now, holds=holds))
    return ExitCode.OK if holds else ExitCode.NO


@app.command("reconcile")
@with_session()
async def reconcile(session: Session) -> int:
    """Compares the ledger with what every service says it recorded. Exit code 1 where they do not agree."""
    response = await session.connection.ledger.GetReconciliation(reconciliation_pb2.GetReconciliationRequest())
    session.output.answer(response, lambda: draw_reconciliation(response))
    return ExitCode.NO if response.discrepancy_count else ExitCode.OK


@app.command("seal")
@with_session()
async def seal(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write what is given away; keep it.")],
    last: Annotated[int, typer.Option("--last", metavar="SEQUENCE", min=256, help="Position of the last entry; a multiple of 256.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept for good.")],
    key: _Keys = None,
) -> int:
    """Writes old entries to a file, verifies it, and only then takes them out of the ledger; their hashes stay and prove them."""
    keys, ledger = _verifiers(key), session.connection.ledger
    tried = segment_service_pb2.SealSegmentRequest(last_sequence=last, reason=reason, validate_only=True)
    planned = (await session.connection.segments.SealSegment(tried)).segment
    request = pb.ExportEntriesRequest(first_sequence=planned.first_sequence, last_sequence=last)
    try:
        await write_export(ledger, request, file, within_seconds=_patience(session))
        with file.open("rb") as lines:
            verdict = verify_file(lines, keys)
    except OSError as error:
        raise invalid_field("FILE", f"{file}: {error.strerror}", reason="FILE_UNWRITABLE") from error
    if verdict.fault is not None or verdict.entry_count != last - planned.first_sequence + 1:
        session.output.answer(_verdict_data(verdict), lambda: draw_file_verdict(verdict))
        session.output.note("nothing was sealed: the export does not prove every entry")
        return ExitCode.NO
    wanted = segment_service_pb2.SealSegmentRequest(last_sequence=last, reason=reason)
    response = await session.connection.segments.SealSegment(wanted, timeout=_patience(session))
    session.output.answer(response, lambda: [cell(f"{file} has entries {planned.first_sequence} to {last}; the ledger keeps their hashes")])
    return ExitCode.OK


@app.command("segments")
@with_session()
async def segments(session: Session, limit: Limit = 50) -> None:
    """Lists what was sealed, the oldest first."""
    request = segment_service_pb2.ListSegmentsRequest()
    response = await every_page(session.connection.segments.ListSegments, request, "segments", limit)
    session.output.answer(response, lambda: draw_segments(response))


@app.command("erase")
@with_session()
async def erase(
    session: Session,
    sequences: Annotated[list[int] | None, typer.Argument(metavar="[SEQUENCE…]", min=1, help="Positions of the entries.")] = None,
    principal: _Principal = "",
    subject: _Subject = "",
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept for good. Do not name the person here.")] = "",
    validate_only: Annotated[bool, typer.Option("--validate-only", help="Only say what would be erased.")] = False,
) -> None:
    """Erases who caused entries, why, and their data, for good. The entries stay, and every proof of them holds."""
    chosen = pb.EntryFilter(principal=principal, subject=subject)
    request = pb.EraseContentsRequest(sequences=sequences or (), filter=chosen, reason=reason, validate_only=validate_only)
    response = await session.connection.ledger.EraseContents(request)
    session.output.answer(response, lambda: draw_erasure(response, validate_only=validate_only))


def _verify_file(output: Output, file: Path, keys: list[Verifier]) -> int:
    try:
        with file.open("rb") as lines, _bar(output, "verifying") as progress:
            task = progress.add_task("", total=None)
            verdict = verify_file(lines, keys, lambda count, total: progress.update(task, completed=count, total=total))
    except OSError as error:
        raise invalid_field("FILE", f"{file} cannot be read: {error.strerror}", reason="FILE_UNREADABLE") from error
    output.answer(_verdict_data(verdict), lambda: draw_file_verdict(verdict))
    return ExitCode.OK if verdict.fault is None else ExitCode.NO


def _verdict_data(verdict: FileVerdict) -> dict[str, object]:
    fault = verdict.fault
    return {
        "entries": verdict.entry_count,
        "erased": verdict.erased_count,
        "complete": verdict.is_complete,
        "size": verdict.checkpoint.size if verdict.checkpoint else 0,
        "root": verdict.checkpoint.root.hex() if verdict.checkpoint else "",
        "fault": {"sequence": fault.sequence, "last_sequence": fault.last_sequence, "detail": fault.detail} if fault else None,
    }


def _verifiers(given: list[str] | None) -> list[Verifier]:
    if not given:
        description = "is missing: give the ledger's public key, as `ballast ledger checkpoint` on a machine you trust prints it"
        raise invalid_field("--key", description, reason="KEY_MISSING")
    try:
        return [Verifier.from_text(each if "+" in each else _read(Path(each))) for each in given]
    except NoteRefused as error:
        raise invalid_field("--key", str(error), reason="KEY_REFUSED") from None


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise invalid_field("FILE", f"{file} cannot be read: {error}", reason="FILE_UNREADABLE") from error


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise invalid_field("--out", f"{file} cannot be written: {error.strerror}", reason="FILE_UNWRITABLE") from error


def _patience(session: Session) -> float:
    return session.connection.timeout_seconds or _LONG_SECONDS


def _bar(output: Output, what: str) -> Progress:
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=output.aside, transient=True, disable=not output.aside.is_terminal)
