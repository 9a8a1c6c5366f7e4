"""What an SLO document means: the SLO itself, with the indicator and the data source it names put in their places."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from services.triage.domain.openslo_kind import DATA_SOURCE, SLI
from services.triage.domain.openslo_objective import is_composite
from services.triage.domain.openslo_tree import Tree
from services.triage.domain.slo import (
    BudgetingMethod,
    CalendarUnit,
    CalendarWindow,
    Indicator,
    MetricSource,
    Objective,
    RollingWindow,
    Slo,
    Window,
)
from services.triage.domain.slo_document import Key, Shelf
from services.triage.domain.slo_duration import ShortDuration, read_duration

# Four weeks, so that every window has the same weekdays (SRE Workbook, chapter 2).
DEFAULT_WINDOW = RollingWindow(timedelta(days=28))
_METHODS = {
    "Occurrences": BudgetingMethod.OCCURRENCES,
    "Timeslices": BudgetingMethod.TIMESLICES,
    "RatioTimeslices": BudgetingMethod.RATIO_TIMESLICES,
}
_UNITS = {
    "m": CalendarUnit.MINUTE,
    "h": CalendarUnit.HOUR,
    "d": CalendarUnit.DAY,
    "w": CalendarUnit.WEEK,
    "M": CalendarUnit.MONTH,
    "Q": CalendarUnit.QUARTER,
    "Y": CalendarUnit.YEAR,
}


def slo_of(tree: Tree, shelf: Shelf) -> Slo:
    """Returns the SLO that a document without problems means; what it names and the shelf lacks is as if nothing were asked."""
    metadata, spec = tree["metadata"], tree["spec"]
    method = _METHODS[spec["budgetingMethod"]]
    return Slo(
        name=f"slos/{metadata['name']}",
        component=f"components/{spec['service']}",
        method=method,
        window=_window(spec.get("timeWindow")),
        objectives=tuple(_objective(each, method) for each in spec["objectives"]),
        indicator=_indicator(indicator_tree(spec, shelf), shelf),
        display_name=metadata.get("displayName") or "",
        description=spec.get("description") or "",
    )


def indicator_tree(spec: Tree, shelf: Shelf) -> Tree:
    """Returns the SLI of an SLO, in place or by name; None where it has none of its own or the shelf lacks it."""
    if is_composite(spec["objectives"]):
        return None
    ref = spec.get("indicatorRef")
    return spec.get("indicator") if ref is None else shelf.get(Key(SLI, ref))


def _window(given: Tree) -> Window:
    if not given:
        return DEFAULT_WINDOW
    window = given[0]
    read = _duration(window["duration"])
    calendar = window.get("calendar")
    if calendar is None:
        return RollingWindow(read.length)
    return CalendarWindow(_UNITS[read.unit], read.count, datetime.fromisoformat(calendar["startTime"]), calendar["timeZone"])


def _objective(tree: Tree, method: BudgetingMethod) -> Objective:
    target = tree.get("target")
    # In decimals: 99.99 / 100 is not quite 0.9999 in binary floating point.
    share = float(target) if target is not None else float(Decimal(str(tree["targetPercent"])) / 100)
    is_sliced = method is not BudgetingMethod.OCCURRENCES
    slice_target = tree.get("timeSliceTarget") if method is BudgetingMethod.TIMESLICES else None
    return Objective(
        target=share,
        display_name=tree.get("displayName") or "",
        slice_length=_slice_length(tree["timeSliceWindow"]) if is_sliced else None,
        slice_target=None if slice_target is None else float(slice_target),
    )


def _slice_length(given: Tree) -> timedelta:
    return _duration(given).length if isinstance(given, str) else timedelta(minutes=given)


def _indicator(sli: Tree, shelf: Shelf) -> Indicator:
    ratio = (sli or {}).get("spec", {}).get("ratioMetric")
    if ratio is None or ratio.get("raw") is not None:
        return Indicator()
    good, bad, total = (_source(ratio.get(part), shelf) for part in ("good", "bad", "total"))
    return Indicator(good, bad, total, is_counter=ratio.get("counter") is True)


def _source(metric: Tree, shelf: Shelf) -> MetricSource | None:
    if metric is None:
        return None
    source = metric["metricSource"]
    name = source.get("metricSourceRef") or ""
    held = (shelf.get(Key(DATA_SOURCE, name)) or {}).get("spec", {}) if name else {}
    return MetricSource(
        type=source.get("type") or held.get("type") or "",
        data_source=name,
        connection=_texts(held.get("connectionDetails")),
        spec=_texts(source["spec"]),
    )


def _texts(tree: Tree) -> Mapping[str, str]:
    """Texts as they are, everything else as JSON; what is no mapping has no names and is left out."""
    if not isinstance(tree, dict):
        return {}
    return {name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for name, value in tree.items()}


def _duration(text: str) -> ShortDuration:
    read = read_duration(text)
    assert read is not None  # the document has no problems
    return read
