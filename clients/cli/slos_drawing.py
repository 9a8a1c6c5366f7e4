"""SLOs drawn: what became of imported documents, what is promised, and where its numbers come from."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from ballast.triage.v1 import slo_document_pb2, slo_pb2
from ballast.triage.v1 import slo_service_pb2 as pb
from rich.console import RenderableType

from clients.cli.formats import count_text, duration_text, enum_text, number_text, time_text
from clients.cli.output import Column, cell, facts, table, total

_OUTCOMES = {
    slo_document_pb2.SLO_IMPORT_OUTCOME_NEW: "new",
    slo_document_pb2.SLO_IMPORT_OUTCOME_CHANGED: "changed",
    slo_document_pb2.SLO_IMPORT_OUTCOME_SAME: "the same",
    slo_document_pb2.SLO_IMPORT_OUTCOME_REFUSED: "refused",
}
_DIGITS = 6  # of a target in percent: 99.999 and 99.9995 differ tenfold in what they allow
_PLACE = (Column("line", right=True), Column("column", right=True), "document", "field")

Answers = Sequence[tuple[str, pb.ImportSlosResponse]]


def draw_imports(answers: Answers, *, dry_run: bool, with_kept: bool) -> Iterable[RenderableType]:
    for file, answer in answers:
        if not answer.documents:
            yield cell(f"{file} holds no document", "yellow")
            continue
        rows = [(each.number, each.name, each.revision or "", _OUTCOMES.get(each.outcome, "?")) for each in answer.documents]
        columns = (Column("document", right=True), Column("name", whole=True), Column("revision", right=True), "outcome")
        yield table(file, columns, rows)
        yield from _remarks(answer, "refused", "problems", "rule")
        yield from _remarks(answer, "references that lead nowhere yet", "missing_references", "what")
        if with_kept:
            yield from _remarks(answer, "kept without meaning", "kept", "why")
        if answer.resolved_slos:
            yield cell(f"resolved anew: {', '.join(answer.resolved_slos)}")
    yield cell(_sum(answers, dry_run=dry_run, with_kept=with_kept), "bold")


def _remarks(answer: pb.ImportSlosResponse, title: str, field: str, header: str) -> Iterable[RenderableType]:
    rows = [
        (remark.line, remark.column, each.name or f"document {each.number}", remark.field, remark.description)
        for each in answer.documents
        for remark in getattr(each, field)
    ]
    if rows:
        yield table(title, (*_PLACE, header), rows)


def _sum(answers: Answers, *, dry_run: bool, with_kept: bool) -> str:
    documents = [each for _, answer in answers for each in answer.documents]
    counts = {word: sum(each.outcome == outcome for each in documents) for outcome, word in _OUTCOMES.items()}
    parts = [f"{count} {word}" for word, count in counts.items() if count]
    kept = sum(len(each.kept) for each in documents)
    aside = f"; {count_text(kept, 'field')} kept without meaning (--kept shows them)" if kept and not with_kept else ""
    told = f"{count_text(len(documents), 'document')}: {', '.join(parts)}" if parts else "no documents"
    return f"{told}{aside}{'; nothing was stored' if dry_run else ''}"


def draw_slos(response: pb.ListSlosResponse) -> Iterable[RenderableType]:
    columns = (Column("slo", whole=True), "component", "targets", "over", "counts", Column("revision", right=True))
    rows = [(each.name, each.component, _targets(each), window_text(each), _method(each), each.revision) for each in response.slos]
    yield table("", columns, rows)
    yield total(len(rows), "SLO", response.next_page_token)


def draw_slo(slo: slo_pb2.Slo) -> Iterable[RenderableType]:
    yield cell(slo.display_name or slo.name, "bold")
    yield facts(
        [
            ("name", slo.name),
            ("component", slo.component),
            ("what for", slo.description),
            ("over", window_text(slo)),
            ("counts", _method(slo)),
            ("revision", f"{slo.revision}, {time_text(slo, 'update_time')} by {slo.author}"),
            ("first stored", time_text(slo, "create_time")),
            ("etag", slo.etag),
        ]
    )
    columns = ("objective", Column("target", right=True), "slices", "a slice is good from")
    yield table("objectives", columns, [_objective_row(each) for each in slo.objectives])
    yield from _draw_indicator(slo.indicator)


def draw_revisions(response: pb.ListSloRevisionsResponse) -> Iterable[RenderableType]:
    columns = (Column("revision", right=True), Column("made", whole=True), "by", "targets", "over", "")
    rows = [
        (each.slo.revision, time_text(each.slo, "update_time"), each.slo.author, _targets(each.slo), window_text(each.slo), _deletion(each))
        for each in response.revisions
    ]
    yield table("", columns, rows)
    yield total(len(rows), "revision", response.next_page_token)


def draw_deleted(slo: slo_pb2.Slo) -> Iterable[RenderableType]:
    yield cell(f"{slo.name} is deleted; its revisions up to {slo.revision} stay readable")


def draw_documents(response: pb.ListSloDocumentsResponse) -> Iterable[RenderableType]:
    columns = (Column("document", whole=True), "for people", "refers to", Column("revision", right=True), Column("made", whole=True), "by")
    rows = [
        (each.name, each.display_name, ", ".join(each.references), each.revision, time_text(each, "update_time"), each.author)
        for each in response.documents
    ]
    yield table("", columns, rows)
    yield total(len(rows), "document", response.next_page_token)


def window_text(slo: slo_pb2.Slo) -> str:
    if slo.WhichOneof("window") == "rolling_window":
        return f"the last {duration_text(slo.rolling_window)}"
    window = slo.calendar_window
    return f"{count_text(window.count, enum_text(window, 'unit'))} from {window.starts_at} {window.time_zone}"


def _deletion(revision: pb.SloRevision) -> str:
    return "deleted" if revision.deleted else ""


def _method(slo: slo_pb2.Slo) -> str:
    return enum_text(slo, "budgeting_method")


def _targets(slo: slo_pb2.Slo) -> str:
    return ", ".join(_percent(each.target) for each in slo.objectives)


def _percent(share: float) -> str:
    shown = number_text(round(100 * share, _DIGITS))
    if shown in {"0", "100"}:  # of which no target is, however near
        shown = f"{Decimal(repr(share)) * 100:f}".rstrip("0")
    return f"{shown} %"


def _objective_row(objective: slo_pb2.SloObjective) -> tuple[str, str, str, str]:
    slices = duration_text(objective.slice_length) if objective.HasField("slice_length") else ""
    good = _percent(objective.slice_target) if objective.HasField("slice_target") else ""
    return (objective.display_name, _percent(objective.target), slices, good)


def _draw_indicator(indicator: slo_pb2.SloIndicator) -> Iterable[RenderableType]:
    asked = [(part, getattr(indicator, part)) for part in ("good", "bad", "total") if indicator.HasField(part)]
    if not asked:
        yield cell("nothing is asked for: samples come by RecordSli", "dim")
        return
    rows = [
        (part, source.type, source.data_source, "\n".join(f"{key}: {value}" for key, value in sorted(source.spec.items())))
        for part, source in asked
    ]
    title = "totals that only rise" if indicator.is_counter else "counts since the sample before"
    yield table(title, ("part", "asked of", "data source", "for"), rows)
