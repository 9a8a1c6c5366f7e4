"""SLOs and their documents to protobuf."""

from ballast.triage.v1 import slo_document_pb2, slo_pb2

from services.triage.domain.openslo_tree import yaml_of
from services.triage.domain.slo import CalendarWindow, Indicator, MetricSource, Objective, RollingWindow, StoredSlo
from services.triage.domain.slo_bundle import Placed, ReadDocument
from services.triage.domain.slo_document import Key, StoredDocument, references
from services.triage.domain.slo_import import Imported
from shared.rpc.wellknown import duration_to_pb, time_to_pb
from shared.storage.etags import etag_of


def slo_to_pb(stored: StoredSlo) -> slo_pb2.Slo:
    slo, window = stored.slo, stored.slo.window
    return slo_pb2.Slo(
        name=slo.name,
        display_name=slo.display_name,
        description=slo.description,
        component=slo.component,
        budgeting_method=slo.method.value,  # type: ignore[arg-type]  # the numbers are the contract's
        rolling_window=duration_to_pb(window.length) if isinstance(window, RollingWindow) else None,
        calendar_window=_calendar_to_pb(window) if isinstance(window, CalendarWindow) else None,
        objectives=[_objective_to_pb(each) for each in slo.objectives],
        indicator=_indicator_to_pb(slo.indicator),
        revision=stored.revision,
        author=stored.author,
        create_time=time_to_pb(stored.create_time),
        update_time=time_to_pb(stored.update_time),
        etag=etag_of(stored.revision),
    )


def document_to_pb(stored: StoredDocument, *, with_text: bool = False) -> slo_document_pb2.SloDocument:
    return slo_document_pb2.SloDocument(
        name=stored.key.name,
        kind=stored.key.kind,
        display_name=stored.tree["metadata"].get("displayName") or "",
        yaml=yaml_of([stored.tree]) if with_text else "",
        references=sorted({each.key.name for each in references(stored.tree)}),
        revision=stored.revision,
        author=stored.author,
        create_time=time_to_pb(stored.create_time),
        update_time=time_to_pb(stored.update_time),
    )


def imported_to_pb(imported: Imported) -> slo_document_pb2.ImportedSloDocument:
    read = imported.read
    return slo_document_pb2.ImportedSloDocument(
        number=read.number,
        line=read.line,
        kind=read.kind,
        name=_name(read),
        outcome=imported.outcome.value,  # type: ignore[arg-type]  # the numbers are the contract's
        revision=imported.revision,
        problems=[_remark_to_pb(each) for each in read.problems],
        kept=[_remark_to_pb(each) for each in read.kept],
        missing_references=[_remark_to_pb(each) for each in imported.missing],
    )


def _name(read: ReadDocument) -> str:
    return Key(read.kind, read.id).name if read.kind and read.id else read.id


def _remark_to_pb(placed: Placed) -> slo_document_pb2.SloRemark:
    return slo_document_pb2.SloRemark(field=placed.field, line=placed.line, column=placed.column, description=placed.text)


def _calendar_to_pb(window: CalendarWindow) -> slo_pb2.CalendarWindow:
    return slo_pb2.CalendarWindow(
        unit=window.unit.value,  # type: ignore[arg-type]
        count=window.count,
        starts_at=window.starts_at.isoformat(sep=" "),
        time_zone=window.time_zone,
    )


def _objective_to_pb(objective: Objective) -> slo_pb2.SloObjective:
    return slo_pb2.SloObjective(
        target=objective.target,
        display_name=objective.display_name,
        slice_length=None if objective.slice_length is None else duration_to_pb(objective.slice_length),
        slice_target=objective.slice_target,
    )


def _indicator_to_pb(indicator: Indicator) -> slo_pb2.SloIndicator:
    return slo_pb2.SloIndicator(
        good=_source_to_pb(indicator.good),
        bad=_source_to_pb(indicator.bad),
        total=_source_to_pb(indicator.total),
        is_counter=indicator.is_counter,
    )


def _source_to_pb(source: MetricSource | None) -> slo_pb2.MetricSource | None:
    """Returns where numbers come from; not how one connects, which may hold access keys."""
    return None if source is None else slo_pb2.MetricSource(type=source.type, data_source=source.data_source, spec=source.spec)
