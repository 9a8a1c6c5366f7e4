"""Entries, checkpoints and verdicts of the ledger, as people read them."""

from collections.abc import Iterable

from ballast.governance.v1 import governance_service_pb2, ledger_pb2, reconciliation_pb2, segment_service_pb2
from ballast.governance.v1 import ledger_service_pb2 as pb
from rich.console import RenderableType
from rich.text import Text

from clients.cli.formats import count_text, enum_text, time_text
from clients.cli.ledger_file import FileVerdict
from clients.cli.output import Column, cell, facts, table, total
from shared.transparency.checkpoint import Checkpoint

_ERASED = "(erased)"


def fits(last: governance_service_pb2.VerifyLedgerResponse) -> bool:
    """A stream that ended early proves nothing, so only a last answer without fault counts."""
    return last.done and not last.HasField("fault")


def draw_verdict(last: governance_service_pb2.VerifyLedgerResponse) -> Iterable[RenderableType]:
    if fits(last):
        yield cell(f"the ledger fits: {count_text(last.verified_count, 'entry', 'entries')}, root {last.head_hash}", "green")
    elif last.HasField("fault"):
        fault = last.fault
        where = _where(fault.sequence, fault.last_sequence)
        yield cell(f"the ledger does not fit at {where}: {fault.detail} [{fault.reason}]", "red")
        yield cell(f"{last.verified_count} of {last.total_count} entries before it fit")
    else:
        yield cell(f"verification ended after {last.verified_count} of {last.total_count} entries, without a verdict", "red")


def draw_file_verdict(verdict: FileVerdict) -> Iterable[RenderableType]:
    signed, fault = verdict.checkpoint, verdict.fault
    if fault is None and signed is not None:
        what = "every entry" if verdict.is_complete else count_text(verdict.entry_count, "entry", "entries")
        yield cell(f"the export fits: {what} of {signed.origin}, signed at {signed.size} entries, root {signed.root.hex()}", "green")
        if not verdict.is_complete:
            yield cell("it is a selection: each entry in it is proved, not that no other belongs to it", "dim")
        if verdict.sealed_count:
            yield cell(f"{count_text(verdict.sealed_count, 'entry', 'entries')} of it were sealed: of these it has the hashes alone", "dim")
        if verdict.erased_count:
            yield cell(f"the content of {count_text(verdict.erased_count, 'entry', 'entries')} was erased or left out", "dim")
    elif fault is not None:
        where = _where(fault.sequence, fault.last_sequence) if fault.sequence else "its head"
        yield cell(f"the export does not fit at {where}: {fault.detail}", "red")
        yield cell(f"{count_text(verdict.entry_count, 'entry', 'entries')} before it fit")


def _where(first: int, last: int) -> str:
    return f"entry {first}" if last <= first else f"an entry from {first} to {last}"


def draw_checkpoint(response: pb.GetCheckpointResponse) -> Iterable[RenderableType]:
    yield from (cell(line) for line in response.checkpoint.splitlines())
    yield Text()
    yield facts([("public key", response.verifier_key)])


def draw_consistency(kept: Checkpoint, now: Checkpoint, *, holds: bool) -> Iterable[RenderableType]:
    if holds:
        yield cell(f"the ledger's {now.size} entries begin with the {kept.size} that were signed then", "green")
    else:
        yield cell(f"the ledger is no longer what was signed: of its {now.size} entries the first {kept.size} are others", "red")


def draw_erasure(response: pb.EraseContentsResponse, *, validate_only: bool) -> Iterable[RenderableType]:
    count = count_text(len(response.sequences), "content", "contents")
    yield cell(f"{count} would be erased" if validate_only else f"{count} erased for good; every proof holds")
    if response.sequences:
        yield cell(", ".join(str(each) for each in response.sequences), "dim")
    if response.more:
        yield cell("more entries fit: call again", "yellow")


def draw_reconciliation(response: reconciliation_pb2.GetReconciliationResponse) -> Iterable[RenderableType]:
    columns = ("source", Column("manifest", right=True), Column("recorded", right=True), Column("in the ledger", right=True), "told")
    sources = [
        (each.source, each.manifest_number, each.claimed_count, each.matched_count, time_text(each, "manifest_time"))
        for each in response.sources
    ]
    if sources:
        yield table("", columns, sources)
    else:
        yield cell("no service has said yet what it recorded; each does within five minutes", "dim")
    if response.discrepancies:
        rows = [(enum_text(each, "kind"), each.source, each.event_id, each.sequence or "") for each in response.discrepancies]
        yield table("where they do not agree", ("how", "source", Column("event", whole=True), Column("entry", right=True)), rows)
    count = count_text(response.discrepancy_count, "discrepancy", "discrepancies")
    yield cell(count, "red") if response.discrepancy_count else cell("the ledger has what was recorded, and nothing else", "green")


def draw_segments(response: segment_service_pb2.ListSegmentsResponse) -> Iterable[RenderableType]:
    columns = (Column("from", right=True), Column("to", right=True), Column("sealed", whole=True), "by", "reason", "root")
    rows = [
        (each.first_sequence, each.last_sequence, time_text(each, "seal_time"), each.author, each.reason, each.root_hash.hex()[:12])
        for each in response.segments
    ]
    yield table("", columns, rows)
    yield total(len(rows), "segment", response.next_page_token)


def entry_line(entry: ledger_pb2.LedgerEntry) -> Text:
    kind = entry.type.rpartition(".")[2]
    who = _ERASED if entry.erased else entry.principal
    return cell(f"{entry.sequence}  {time_text(entry, 'event_time')}  {kind}  {entry.subject}  {who}")


def draw_entries(response: pb.ListEntriesResponse) -> Iterable[RenderableType]:
    rows = [
        (
            each.sequence,
            time_text(each, "event_time"),
            each.type.rpartition(".")[2],
            each.subject,
            _ERASED if each.erased else each.principal,
            each.trace_id,
            each.hash[:12],
        )
        for each in response.entries
    ]
    columns = (Column("no.", right=True), Column("happened", whole=True), "event", Column("subject", whole=True), "who", "trace", "hash")
    yield table("", columns, rows)
    yield total(len(rows), "entry", response.next_page_token, "entries")
