"""Entries, checkpoints and verdicts of the ledger, as people read them."""

from collections.abc import Iterable, Sequence

from ballast.governance.v1 import governance_service_pb2, ledger_pb2, reconciliation_pb2, segment_service_pb2
from ballast.governance.v1 import ledger_service_pb2 as pb
from rich.console import RenderableType
from rich.text import Text

from clients.cli.addresses import PORTS
from clients.cli.formats import count_text, enum_text, time_text
from clients.cli.ledger_file import FileVerdict
from clients.cli.output import Column, cell, facts, table, total
from shared.transparency.checkpoint import Checkpoint

_ERASED = "(erased)"
_MOST_POSITIONS = 20
_LEFT: dict[int, tuple[str, str]] = {
    ledger_pb2.ENTRY_LEFT_REASON_ERASED_BEFORE: ("erased before", "dim"),
    ledger_pb2.ENTRY_LEFT_REASON_ERASURE_RECORD: ("the record of an erasure, which stays", "dim"),
    ledger_pb2.ENTRY_LEFT_REASON_SEALED: ("not erased: sealed in {segment}, whose archive has the content still", "yellow"),
    ledger_pb2.ENTRY_LEFT_REASON_CONTENT_MISSING: ("the content is missing, and nobody erased it: see `ballast ledger verify`", "red"),
    ledger_pb2.ENTRY_LEFT_REASON_CONTENT_ALTERED: (
        "not erased: the content is not the one that was recorded, which erasing it would hide; restore it from a backup first",
        "red",
    ),
}
_DOUBTFUL = {
    ledger_pb2.ENTRY_LEFT_REASON_SEALED,
    ledger_pb2.ENTRY_LEFT_REASON_CONTENT_MISSING,
    ledger_pb2.ENTRY_LEFT_REASON_CONTENT_ALTERED,
}


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
            yield cell(f"the content of {count_text(verdict.erased_count, 'entry', 'entries')} was erased, as entries of it record", "dim")
        if verdict.bare:
            where = f"{'entry' if len(verdict.bare) == 1 else 'entries'} {_positions(verdict.bare)}"
            yield cell(f"it has no content of {where}: erased or taken out, a selection cannot tell; a complete export can", "yellow")
    elif fault is not None:
        where = _where(fault.sequence, fault.last_sequence) if fault.sequence else "its head"
        yield cell(f"the export does not fit at {where}: {fault.detail}{f' [{fault.reason}]' if fault.reason else ''}", "red")
        yield cell(f"{count_text(verdict.entry_count, 'entry', 'entries')} before it fit")
    if verdict.unknown:
        yield cell(f"it has fields that this version does not know, and nothing proves: {', '.join(verdict.unknown)}", "yellow")


def verdict_data(verdict: FileVerdict) -> dict[str, object]:
    """Returns the verdict for programs."""
    fault = verdict.fault
    told = fault and {
        "sequence": fault.sequence,
        "last_sequence": fault.last_sequence,
        "detail": fault.detail,
        "reason": fault.reason,
    }
    return {
        "entries": verdict.entry_count,
        "erased": verdict.erased_count,
        "without_content": list(verdict.bare),
        "unknown_fields": list(verdict.unknown),
        "complete": verdict.is_complete,
        "size": verdict.checkpoint.size if verdict.checkpoint else 0,
        "root": verdict.checkpoint.root.hex() if verdict.checkpoint else "",
        "fault": told,
    }


def _positions(found: Sequence[int]) -> str:
    more = len(found) - _MOST_POSITIONS
    return ", ".join(str(each) for each in found[:_MOST_POSITIONS]) + (f" and {more} more" if more > 0 else "")


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
    if not response.sequences and not response.left:
        yield cell("no entry fits: there is nothing to erase", "yellow")
        return
    if response.sequences:
        count = count_text(len(response.sequences), "content", "contents")
        yield cell(f"{count} would be erased" if validate_only else f"{count} erased for good; every proof holds")
        yield cell(", ".join(str(each) for each in response.sequences), "dim")
    for (reason, segment), positions in _by_reason(response).items():
        text, style = _LEFT.get(reason, ("left as it is", ""))
        where = f"{'entry' if len(positions) == 1 else 'entries'} {_positions(positions)}"
        yield cell(f"{where}: {text.format(segment=segment)}", style)
    if response.more:
        yield cell("more entries fit: call again", "yellow")


def is_as_asked(response: pb.EraseContentsResponse) -> bool:
    """Whether there was something to erase, and nothing that was meant is left elsewhere or in doubt."""
    doubtful = any(each.reason in _DOUBTFUL for each in response.left)
    return bool(response.sequences or response.left) and not doubtful


def _by_reason(response: pb.EraseContentsResponse) -> dict[tuple[int, str], list[int]]:
    found: dict[tuple[int, str], list[int]] = {}
    for each in response.left:
        found.setdefault((each.reason, each.segment), []).append(each.sequence)
    return found


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
    silent = sorted({f"/ballast/{each}" for each in PORTS} - {each.source for each in response.sources})
    if sources and silent:
        yield cell(f"nothing said yet, as by a service that recorded nothing so far: {', '.join(silent)}", "dim")
    if response.discrepancy_count:
        count, shown = count_text(response.discrepancy_count, "discrepancy", "discrepancies"), len(response.discrepancies)
        rest = f"; {shown} of {response.discrepancy_count} shown: raise --limit" if shown < response.discrepancy_count else ""
        yield cell(f"{count}{rest}", "red")
    elif sources:
        yield cell("the ledger has what was recorded, and nothing else", "green")
    else:
        yield cell("so there is nothing yet to compare the ledger with", "yellow")


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
