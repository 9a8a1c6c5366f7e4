"""Rows of SLOs and their documents to domain values and back."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from services.triage.domain.slo import (
    BudgetingMethod,
    CalendarUnit,
    CalendarWindow,
    Indicator,
    MetricSource,
    Objective,
    RollingWindow,
    Slo,
    StoredSlo,
    Window,
)
from services.triage.domain.slo_document import Key, StoredDocument, references
from services.triage.domain.slo_import import KeptSlo

_PARTS = ("good", "bad", "total")


def kept_from_row(row: Any) -> KeptSlo:
    return KeptSlo(slo_from_row(row), row.document)


def slo_from_row(row: Any) -> StoredSlo:
    return StoredSlo(slo_from_json(row.slo), row.revision, row.author, row.created_at, row.updated_at)


def kept_to_row(kept: KeptSlo) -> dict[str, Any]:
    document = document_to_row(kept.document)
    del document["kind"]
    return {**document, "component": kept.stored.slo.component, "slo": slo_to_json(kept.stored.slo)}


def document_from_row(row: Any) -> StoredDocument:
    return StoredDocument(Key.of_name(row.name), row.document, row.revision, row.author, row.created_at, row.updated_at)


def document_to_row(stored: StoredDocument) -> dict[str, Any]:
    return {
        "name": stored.key.name,
        "kind": stored.key.kind,
        "revision": stored.revision,
        "document": stored.tree,
        "refs": sorted({each.key.name for each in references(stored.tree)}),
        "author": stored.author,
        "created_at": stored.create_time,
        "updated_at": stored.update_time,
    }


def slo_to_json(slo: Slo) -> dict[str, Any]:
    indicator = slo.indicator
    return {
        "name": slo.name,
        "component": slo.component,
        "method": slo.method.name,
        "window": _window_to_json(slo.window),
        "objectives": [_objective_to_json(each) for each in slo.objectives],
        "indicator": {"is_counter": indicator.is_counter, **{part: _source_to_json(getattr(indicator, part)) for part in _PARTS}},
        "display_name": slo.display_name,
        "description": slo.description,
    }


def slo_from_json(stored: Mapping[str, Any]) -> Slo:
    indicator = stored["indicator"]
    sources = {part: _source_from_json(indicator[part]) for part in _PARTS}
    return Slo(
        name=stored["name"],
        component=stored["component"],
        method=BudgetingMethod[stored["method"]],
        window=_window_from_json(stored["window"]),
        objectives=tuple(_objective_from_json(each) for each in stored["objectives"]),
        indicator=Indicator(**sources, is_counter=indicator["is_counter"]),
        display_name=stored["display_name"],
        description=stored["description"],
    )


def _window_to_json(window: Window) -> dict[str, Any]:
    if isinstance(window, RollingWindow):
        return {"seconds": window.length.total_seconds()}
    return {"unit": window.unit.name, "count": window.count, "starts_at": window.starts_at.isoformat(), "time_zone": window.time_zone}


def _window_from_json(stored: Mapping[str, Any]) -> Window:
    if "seconds" in stored:
        return RollingWindow(timedelta(seconds=stored["seconds"]))
    starts_at = datetime.fromisoformat(stored["starts_at"])
    return CalendarWindow(CalendarUnit[stored["unit"]], stored["count"], starts_at, stored["time_zone"])


def _objective_to_json(objective: Objective) -> dict[str, Any]:
    length = objective.slice_length
    return {
        "target": objective.target,
        "display_name": objective.display_name,
        "slice_seconds": None if length is None else length.total_seconds(),
        "slice_target": objective.slice_target,
    }


def _objective_from_json(stored: Mapping[str, Any]) -> Objective:
    seconds, slice_target = stored["slice_seconds"], stored["slice_target"]
    return Objective(
        target=float(stored["target"]),
        display_name=stored["display_name"],
        slice_length=None if seconds is None else timedelta(seconds=seconds),
        slice_target=None if slice_target is None else float(slice_target),
    )


def _source_to_json(source: MetricSource | None) -> dict[str, Any] | None:
    if source is None:
        return None
    return {"type": source.type, "data_source": source.data_source, "connection": dict(source.connection), "spec": dict(source.spec)}


def _source_from_json(stored: Mapping[str, Any] | None) -> MetricSource | None:
    return None if stored is None else MetricSource(**stored)
