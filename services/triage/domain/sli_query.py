"""Asking for an indicator: which SLOs a puller asks for, and samples from the series a monitoring system answers with."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from services.triage.domain.sli_series import Sample
from services.triage.domain.slo import Indicator, MetricSource, Slo

KIND = "prometheus"
Labels = tuple[tuple[str, str], ...]
Values = Mapping[Labels, Mapping[float, float]]  # by labels, then by time in seconds since 1970
_LONGEST_SOURCE = 256


@dataclass(frozen=True, slots=True)
class SliQuery:
    """What is asked for one SLO: `part` is good, or bad, of `total`."""

    slo: str
    url: str  # of the server; empty where the SLO names none
    total: str
    part: str
    is_bad: bool


def query_of(slo: Slo) -> SliQuery | None:
    """Returns what is to be asked of a Prometheus server for an SLO; None where its samples come otherwise."""
    indicator = slo.indicator
    part = indicator.good or indicator.bad
    if part is None or indicator.total is None or not (_is_ours(part) and _is_ours(indicator.total)):
        return None
    total = indicator.total
    return SliQuery(slo.name, _url(indicator), total.spec["query"], part.spec["query"], is_bad=indicator.good is None)


def samples_of(query: SliQuery, part: Values, total: Values) -> list[Sample]:
    """Returns a sample for each time of each series of `total`, oldest first; each series is a source of its own.

    A series of good or bad that is absent beside one of the total counts nothing yet: Prometheus has no series before its first event.
    A time at which the total is absent has no sample.
    """
    found = []
    for labels, values in total.items():
        beside = part.get(labels, {})
        for at, value in values.items():
            counted = beside.get(at, 0.0)
            good = value - counted if query.is_bad else counted
            # The two are read one after the other: the later may be ahead by what came between.
            good = min(max(good, 0.0), value)
            found.append(Sample(query.slo, source_of(labels), datetime.fromtimestamp(at, UTC), good, value))
    return sorted(found, key=lambda each: (each.at, each.source))


def source_of(labels: Labels) -> str:
    """Names the source of a series by its labels."""
    inner = ",".join(f"{name}={value}" for name, value in labels)
    return f"{KIND}{{{inner}}}"[:_LONGEST_SOURCE]


def labels_of(metric: Mapping[str, str]) -> Labels:
    """Returns the labels by which series of two queries are told to belong together; the metric's name is none of them."""
    return tuple(sorted((name, value) for name, value in metric.items() if name != "__name__"))


def by_server(queries: Iterable[SliQuery], default_url: str) -> Mapping[str, Sequence[SliQuery]]:
    """Returns the queries by the server they go to; those without one are left out."""
    found: dict[str, list[SliQuery]] = {}
    for query in queries:
        if url := (query.url or default_url).rstrip("/"):
            found.setdefault(url, []).append(query)
    return found


def _is_ours(source: MetricSource) -> bool:
    return source.type.casefold() == KIND and bool(source.spec.get("query", "").strip())


def _url(indicator: Indicator) -> str:
    total = indicator.total
    return total.connection.get("url", "") if total else ""
