"""SLO documents for tests: made with defaults, made by hypothesis, and the examples."""

from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from services.triage.domain.openslo_tree import Tree, yaml_of
from services.triage.domain.slo_bundle import ReadDocument, read_bundle

EXAMPLES = Path(__file__).parents[2] / "examples" / "openslo"
EXAMPLE_FILES = sorted(path.name for path in EXAMPLES.iterdir() if path.suffix in {".yaml", ".json"})
QUERY = {"metricSource": {"type": "Prometheus", "spec": {"query": "up"}}}


def example(name: str) -> str:
    return (EXAMPLES / name).read_text()


def document(kind: str, name: str, spec: Tree) -> Tree:
    return {"apiVersion": "openslo/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def slo(name: str = "answers", **spec: Any) -> Tree:
    """An SLO without an indicator to ask, unless `spec` says otherwise; None leaves a field out."""
    given = {
        "service": "web",
        "indicatorRef": "answers",
        "timeWindow": [{"duration": "4w", "isRolling": True}],
        "budgetingMethod": "Occurrences",
        "objectives": [{"target": 0.99}],
    } | spec
    return document("SLO", name, {field: value for field, value in given.items() if value is not None})


def sli(name: str = "answers", source: str = "prometheus", query: str = "good_total") -> Tree:
    def asking(text: str) -> Tree:
        return {"metricSource": {"metricSourceRef": source, "spec": {"query": text}}}

    return document("SLI", name, {"ratioMetric": {"counter": True, "good": asking(query), "total": asking("all_total")}})


def data_source(name: str = "prometheus", url: str = "http://127.0.0.1:9090") -> Tree:
    return document("DataSource", name, {"type": "Prometheus", "connectionDetails": {"url": url}})


def read(tree: Tree) -> ReadDocument:
    """Reads a document back that was written as YAML."""
    (only,) = read_bundle(yaml_of([tree]))
    return only


# Documents are large: on a busy machine making one takes longer than hypothesis thinks right, and that is no fault.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

# Every document these make keeps every rule.

names = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
said = texts.filter(str.strip)
_scalars = st.none() | st.booleans() | st.integers(-(10**25), 10**25) | st.floats(allow_nan=False, allow_infinity=False) | texts
anything = st.recursive(_scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8)
durations = st.builds("{}{}".format, st.integers(1, 10), st.sampled_from("mhdwMQY"))  # ten years are the most
_labels = st.dictionaries(
    st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9._-]{0,9}[a-zA-Z0-9])?", fullmatch=True), texts | st.lists(texts, max_size=2)
)
_annotations = st.dictionaries(st.from_regex(r"([a-z]{1,5}\.[a-z]{1,5}/)?[a-zA-Z0-9]{1,9}", fullmatch=True), texts, max_size=2)
_shares = st.floats(0, 1, exclude_min=True, exclude_max=True)
_operators = st.sampled_from(["lte", "gte", "lt", "gt"])
_numbers = st.integers(-(10**6), 10**6) | st.floats(allow_nan=False, allow_infinity=False)


def _some(required: dict[str, st.SearchStrategy[Any]], **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Tree]:
    return st.fixed_dictionaries(required, optional={name: each | st.none() for name, each in optional.items()})


_metadata = _some({"name": names}, displayName=texts, labels=_labels, annotations=_annotations)
_spec = st.dictionaries(texts, anything, min_size=1, max_size=3)
_metrics = _some(
    {"metricSource": _some({"spec": _spec, "type": said}, metricSourceRef=names) | _some({"spec": _spec, "metricSourceRef": names})}
)
_ratios = (
    _some({"good": _metrics, "total": _metrics}, counter=st.booleans())
    | _some({"bad": _metrics, "total": _metrics}, counter=st.booleans())
    | _some({"raw": _metrics, "rawType": st.sampled_from(["success", "failure"])}, counter=st.booleans())
)
_sli_specs = _some({"ratioMetric": _ratios}, description=texts)
_thresholds = _some({"thresholdMetric": _metrics}, description=texts)
_conditions = _some(
    {
        "severity": said,
        "condition": _some(
            {"op": _operators, "threshold": _numbers, "lookbackWindow": durations},
            kind=st.just("burnrate"),
            alertAfter=durations | st.just("0m"),
        ),
    },
    description=texts,
)
_targets = _some({"target": said}, description=texts)


def _in_place_or_ref(field: str, kind: str, spec: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    return _some({field: names}) | _some({"kind": st.just(kind), "metadata": _metadata, "spec": spec})


_policies = _some(
    {
        "conditions": st.lists(_in_place_or_ref("conditionRef", "AlertCondition", _conditions), min_size=1, max_size=1),
        "notificationTargets": st.lists(_in_place_or_ref("targetRef", "AlertNotificationTarget", _targets), min_size=1, max_size=2),
    },
    description=texts,
    alertWhenNoData=st.booleans(),
    alertWhenResolved=st.booleans(),
    alertWhenBreaching=st.booleans(),
)
_zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"])
_starts = st.datetimes().map(lambda time: time.replace(microsecond=0).isoformat(sep=" "))
_windows = _some({"duration": durations, "isRolling": st.just(True)}) | _some(
    {"duration": durations, "calendar": _some({"startTime": _starts, "timeZone": _zones})}, isRolling=st.just(False)
)
_slices = {
    "Occurrences": _some({}),
    "Timeslices": _some({"timeSliceTarget": _shares, "timeSliceWindow": durations | st.integers(1, 60)}),
    "RatioTimeslices": _some({"timeSliceWindow": durations | st.integers(1, 60)}),
}
_percents = st.floats(0.001, 99.999)


def _objectives(method: str, more: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    targets = _some({"target": _shares}, displayName=texts) | _some({"targetPercent": _percents}, displayName=texts)
    return st.builds(lambda *parts: {name: value for part in parts for name, value in part.items()}, targets, _slices[method], more)


def _indicators(spec: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    return _some({"indicator": _some({"metadata": _metadata, "spec": spec})})


@st.composite
def _slo_specs(draw: st.DrawFn) -> Tree:
    method = draw(st.sampled_from(sorted(_slices)))
    form = draw(st.sampled_from(["ratio", "threshold", "composite"]))
    own = _some({"indicatorRef": names}) | _indicators(_sli_specs)
    weighted = st.builds(lambda one, weight: one | weight, own, _some({}, compositeWeight=st.floats(0.01, 100)))
    more = {"ratio": _some({}), "threshold": _some({"op": _operators, "value": _numbers}), "composite": weighted}[form]
    common: dict[str, st.SearchStrategy[Any]] = {"service": names, "budgetingMethod": st.just(method)}
    common["objectives"] = st.lists(_objectives(method, more), min_size=1, max_size=1 if form == "threshold" else 3)
    spec = draw(
        _some(
            common,
            description=texts,
            timeWindow=st.lists(_windows, min_size=1, max_size=1),
            alertPolicies=st.lists(_in_place_or_ref("alertPolicyRef", "AlertPolicy", _policies), max_size=2),
        )
    )
    return spec if form == "composite" else spec | draw(own if form == "ratio" else _indicators(_thresholds))


def _documents(kind: str, spec: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    return _some({"apiVersion": st.just("openslo/v1"), "kind": st.just(kind), "metadata": _metadata, "spec": spec})


slos = _documents("SLO", _slo_specs())
documents = (
    slos
    | _documents("SLI", _sli_specs | _thresholds)
    | _documents("Service", _some({}, description=texts))
    | _documents(
        "DataSource", _some({"type": said, "connectionDetails": anything.filter(lambda tree: tree is not None)}, description=texts)
    )
    | _documents("AlertPolicy", _policies)
    | _documents("AlertCondition", _conditions)
    | _documents("AlertNotificationTarget", _targets)
)
