"""`ballast ledger`: every event in order, and the proof that none was altered, here or where the suite is not."""

import sys
from collections.abc import AsyncIterable, Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from ballast.governance.v1 import governance_service_pb2, reconciliation_pb2
from ballast.governance.v1 import ledger_service_pb2 as pb
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from clients.cli import ledger_removal
from clients.cli.connection import every_page
from clients.cli.contract_names import event_type
from clients.cli.failures import ExitCode
from clients.cli.feed import follow
from clients.cli.formats import count_text
from clients.cli.ledger_arguments import STANDARD, Keys, Principal, Subject, file_exists, patience, source_of, verifiers
from clients.cli.ledger_drawing import (
    draw_checkpoint,
    draw_consistency,
    draw_entries,
    draw_file_verdict,
    draw_reconciliation,
    draw_verdict,
    entry_line,
    fits,
    verdict_data,
)
from clients.cli.ledger_export import Source, Written, write_export, write_lines
from clients.cli.ledger_file import verify_file
from clients.cli.output import Output, cell
from clients.cli.session import Limit, Session, with_session
from shared.errors import invalid_field
from shared.transparency.checkpoint import Checkpoint
from shared.transparency.merkle import is_consistent
from shared.transparency.note import NoteRefused, Verifier, opened, verifiers_by_id

app = typer.Typer(help="List, watch and export the ledger, and prove that nothing in it was altered.")
ledger_removal.add_to(app)

_Type = Annotated[str, typer.Option("--type", metavar="TYPE", help="Only this type of event: IncidentOpened, or the whole name.")]
_Trace = Annotated[str, typer.Option("--trace-id", metavar="ID", help="Only entries of this trace, 32 hex digits.")]
_Source = Annotated[str, typer.Option(metavar="SOURCE", help="Only entries of this source, such as triage or /ballast/triage.")]


@app.command("list")
@with_session()
async def list_(
    session: Session,
    subject: Subject = "",
    type_: _Type = "",
    trace_id: _Trace = "",
    principal: Principal = "",
    source: _Source = "",
    after: Annotated[int, typer.Option(metavar="SEQUENCE", min=0, help="Only entries after this position.")] = 0,
    limit: Limit = 50,
) -> None:
    """Lists ledger entries in their order."""
    chosen = pb.EntryFilter(
        subject=subject, type=event_type("--type", type_), trace_id=trace_id, principal=principal, source=source_of(source)
    )
    request = pb.ListEntriesRequest(filter=chosen, after_sequence=after)
    response = await every_page(session.connection.ledger.ListEntries, request, "entries", limit)
    session.output.answer(response, lambda: draw_entries(response))


@app.command("watch")
@with_session(interrupted=ExitCode.OK)
async def watch(
    session: Session,
    subject: Subject = "",
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
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="An export to check without asking anyone; - for stdin.")] = None,
    key: Keys = None,
) -> int:
    """Computes the tree anew from the first entry to the last: of the running ledger, or of an export with the ledger's public key.

    Exit code 1, and the first entry that does not fit, when it does not.
    """
    if file is not None:
        return _verify_file(session.output, file, verifiers(key))
    if key:
        raise invalid_field("--key", "stands without FILE; the running ledger is compared with what it signed itself")
    last = governance_service_pb2.VerifyLedgerResponse()
    with _bar(session.output, "verifying") as progress:
        task = progress.add_task("", total=None)
        call = session.connection.governance.VerifyLedger(governance_service_pb2.VerifyLedgerRequest(), timeout=patience(session))
        async for last in call:
            progress.update(task, completed=last.verified_count, total=last.total_count)
    session.output.answer(last, lambda: draw_verdict(last))
    return ExitCode.OK if fits(last) else ExitCode.NO


@app.command("export")
@with_session()
async def export(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it, one JSON object a line; - for standard output.")],
    subject: Subject = "",
    type_: _Type = "",
    trace_id: _Trace = "",
    principal: Principal = "",
    source: _Source = "",
    first: Annotated[int, typer.Option(metavar="SEQUENCE", min=0, help="From this position on.")] = 0,
    last: Annotated[int, typer.Option(metavar="SEQUENCE", min=0, help="Up to this position.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> int:
    """Writes entries and what proves them; without any condition the whole ledger. Check it with `ballast ledger verify FILE --key KEY`.

    Exit code 1 where no entry fits.
    """
    chosen = pb.EntryFilter(
        subject=subject, type=event_type("--type", type_), trace_id=trace_id, principal=principal, source=source_of(source)
    )
    request = pb.ExportEntriesRequest(filter=chosen, first_sequence=first, last_sequence=last)
    with _bar(session.output, "exporting") as progress:
        task = progress.add_task("", total=None)
        source_of_lines = Source(session.connection.ledger, request, patience(session))
        written = await _exported(source_of_lines, file, lambda count: progress.update(task, completed=count), replace=force)
    return _told(session.output, file, written)


def _filter(subject: str, type_: str, trace_id: str, principal: str, source: str) -> pb.EntryFilter:
    whole = event_type("--type", type_)
    return pb.EntryFilter(subject=subject, type=whole, trace_id=trace_id, principal=principal, source=source_of(source))


async def _exported(source: Source, file: Path, tell: Callable[[int], object], *, replace: bool) -> Written:
    if str(file) == STANDARD:
        return await write_lines(source, sys.stdout, tell)
    try:
        return await write_export(source, file, tell, replace=replace)
    except FileExistsError:
        raise file_exists(file, "name another, or give --force to write over it") from None
    except OSError as error:
        raise invalid_field("FILE", f"{file} cannot be written: {error.strerror}", reason="FILE_UNWRITABLE") from error


def _told(output: Output, file: Path, written: Written) -> int:
    """Says what was written: beside it, where that is standard output."""
    count, header = written.entry_count, written.header
    text = f"{file}: {count_text(count, 'entry', 'entries')}, proved against"
    if str(file) == STANDARD:
        output.note(f"{text} {' '.join(header.checkpoint.splitlines()[:3])}")
    else:
        told = {"file": str(file), "entries": count, "complete": header.complete, "checkpoint": header.checkpoint}
        output.answer(told, lambda: [cell(text), cell(header.checkpoint)])
    if header.sealed_through and not header.complete:
        output.note(f"entries up to {header.sealed_through} were sealed: those that fit are in their archives (`ballast ledger segments`)")
    if not count and not header.complete:
        output.note("no entry fits, so that it proves nothing")
        return ExitCode.NO
    return ExitCode.OK


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
    key: Keys = None,
) -> int:
    """Checks that the running ledger still begins with what was signed in a checkpoint. Exit code 1 when it does not."""
    note, keys = _read(file), verifiers(key)
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
async def reconcile(session: Session, limit: Limit = 100) -> int:
    """Compares the ledger with what every service says it recorded. Exit code 1 where they do not agree, or none has said anything yet."""
    request = reconciliation_pb2.GetReconciliationRequest()
    response = await every_page(session.connection.ledger.GetReconciliation, request, "discrepancies", limit)
    session.output.answer(response, lambda: draw_reconciliation(response))
    return ExitCode.OK if response.sources and not response.discrepancy_count else ExitCode.NO


def _verify_file(output: Output, file: Path, keys: list[Verifier]) -> int:
    try:
        with _opened(file) as lines, _bar(output, "verifying") as progress:
            task = progress.add_task("", total=None)
            verdict = verify_file(lines, keys, lambda count, total: progress.update(task, completed=count, total=total))
    except OSError as error:
        raise invalid_field("FILE", f"{file} cannot be read: {error.strerror}", reason="FILE_UNREADABLE") from error
    output.answer(verdict_data(verdict), lambda: draw_file_verdict(verdict))
    return ExitCode.OK if verdict.fault is None else ExitCode.NO


def _opened(file: Path) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdin.buffer) if str(file) == STANDARD else file.open("rb")


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise invalid_field("FILE", f"{file} cannot be read: {why}", reason="FILE_UNREADABLE") from error


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise invalid_field("--out", f"{file} cannot be written: {error.strerror}", reason="FILE_UNWRITABLE") from error


def _bar(output: Output, what: str) -> Progress:
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=output.aside, transient=True, disable=not output.aside.is_terminal)
