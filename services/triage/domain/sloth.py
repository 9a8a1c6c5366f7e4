"""Sloth's own form of SLOs, `prometheus/v1` (sloth.dev), told as OpenSLO v1: what it promises is the same, its alerting is set aside."""

import json

from services.triage.domain.openslo_kind import SLO
from services.triage.domain.openslo_parts import NAME_TEXT
from services.triage.domain.openslo_rule import NAME, Findings, anything, exactly_one, items, kept, number, pairs, record, text
from services.triage.domain.openslo_tree import Path, Tree

VERSION = "prometheus/v1"
_MOST_SLOS = 1000
_ANNOTATION = "sloth.dev/alerting"
_PERIOD = "30d"  # over which Sloth counts unless its command is told otherwise

_LABELS = pairs(text(), text(empty=True))
_QUERY = text(64 * 1024)


def _plugin(value: Tree, path: Path, findings: Findings) -> None:
    del value
    findings.refuse(path, "is a plugin, which is code of Sloth's; write its queries out under events")


_SLI = record(
    {},
    {
        "events": record({"error_query": _QUERY, "total_query": _QUERY}, {}),
        "raw": kept(
            "Ballast counts events and does not ask for this; send its good and total by RecordSli",
            record({"error_ratio_query": _QUERY}, {}),
        ),
        "plugin": _plugin,
    },
    exactly_one("events", "raw", "plugin"),
)
_PROMISE = record(
    {"name": NAME_TEXT, "objective": number("above 0 and below 100", lambda percent: 0 < percent < 100), "sli": _SLI},
    {
        "description": text(1050, empty=True),
        "labels": kept("labels of SLO documents are not read", _LABELS),
        "alerting": kept(f"Ballast does not alert by this; it stands in the annotation {_ANNOTATION}", anything),
    },
)


def _once(value: Tree, path: Path, findings: Findings) -> None:
    """Names are made of service and name; both together must be one, and each once."""
    service, told = value.get("service"), value.get("slos")
    seen: dict[str, int] = {}
    for index, each in enumerate(told if isinstance(told, list) else []):
        name = f"{service}-{each.get('name')}" if isinstance(each, dict) else ""
        at = (*path, "slos", index, "name")
        if isinstance(service, str) and name and not NAME.fullmatch(name):
            findings.refuse(at, f"makes {name!r} with its service, which is longer than 63 characters or no name; shorten it")
        if name and seen.setdefault(name, index) != index:
            findings.refuse(at, f"is that of slos[{seen[name]}] already; keep one of the two")


SLOTH = record(
    {"version": anything, "service": NAME_TEXT, "slos": items(_PROMISE, 1, _MOST_SLOS, f"1 to {_MOST_SLOS} are allowed")},
    {"labels": kept("labels of SLO documents are not read", _LABELS)},
    _once,
)


def openslo_trees(sloth: Tree) -> list[Tree]:
    """Returns the SLOs of a document without problems, each as an OpenSLO document of its own named `{service}-{name}`."""
    return [_tree(sloth["service"], sloth.get("labels") or {}, each) for each in sloth["slos"]]


def _tree(service: str, common: dict[str, str], promise: Tree) -> Tree:
    name = f"{service}-{promise['name']}"
    labels = {**common, **(promise.get("labels") or {})}
    alerting = promise.get("alerting")
    metadata = {"name": name, "labels": labels, "annotations": alerting and {_ANNOTATION: json.dumps(alerting, sort_keys=True)}}
    spec = {
        "description": promise.get("description"),
        "service": service,
        "indicator": {"metadata": {"name": name}, "spec": {"ratioMetric": _ratio(promise["sli"])}},
        "timeWindow": [{"duration": _PERIOD, "isRolling": True}],
        "budgetingMethod": "Occurrences",
        "objectives": [{"targetPercent": promise["objective"]}],
    }
    return {"apiVersion": "openslo/v1", "kind": SLO, "metadata": _said(metadata), "spec": _said(spec)}


def _ratio(sli: Tree) -> Tree:
    events = sli.get("events")
    if events is None:
        return {"rawType": "failure", "raw": _metric(sli["raw"]["error_ratio_query"])}
    # Sloth's queries are rates over {{.window}}, which whoever asks fills in; they do not only rise.
    return {"counter": False, "bad": _metric(events["error_query"]), "total": _metric(events["total_query"])}


def _metric(query: str) -> Tree:
    return {"metricSource": {"type": "Prometheus", "spec": {"query": query}}}


def _said(fields: dict[str, Tree]) -> dict[str, Tree]:
    return {name: value for name, value in fields.items() if value}
