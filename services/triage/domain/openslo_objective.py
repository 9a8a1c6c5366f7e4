"""The rules of an SLO's time window and objectives in OpenSLO."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from services.triage.domain.openslo_indicator import SLI_SPEC
from services.triage.domain.openslo_parts import NAME_TEXT, OPERATOR, inline, positive_duration
from services.triage.domain.openslo_rule import Findings, exactly_one, flag, given_of, items, kept, number, record, text
from services.triage.domain.openslo_tree import Path, Tree
from services.triage.domain.slo_duration import LONGEST, read_duration

_START = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}")
_MOST_OBJECTIVES = 100
_ONE_INDICATOR = "objectives with indicators of their own share one count here; send it by RecordSli"

SLICED = ("timeSliceTarget", "timeSliceWindow")


def _start(value: Tree, path: Path, findings: Findings) -> None:
    if not isinstance(value, str) or not _START.fullmatch(value) or not _is_time(value):
        findings.refuse(path, f"is {value!r}; must be a local time without offset, as 2026-01-01 00:00:00")


def _is_time(value: str) -> bool:
    try:
        return bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def _zone(value: Tree, path: Path, findings: Findings) -> None:
    try:
        ZoneInfo(value if isinstance(value, str) else "")
    except (ValueError, OSError, KeyError):  # what no zone has, what is no file name, and what is a folder
        findings.refuse(path, f"is {value!r}; must be a name of the IANA time zone database, as Europe/Berlin")


def _window_whole(value: Tree, path: Path, findings: Findings) -> None:
    is_rolling, calendar = value.get("isRolling"), value.get("calendar")
    if is_rolling is True and calendar is not None:
        findings.refuse((*path, "calendar"), "stands beside isRolling: true; a window rolls or follows the calendar, so remove one")
    if is_rolling is not True and calendar is None:
        findings.refuse(path, "neither rolls nor follows the calendar; write isRolling: true, or give calendar with startTime and timeZone")
    read = read_duration(str(value.get("duration")))
    if read and calendar is None and read.rounding:
        findings.keep((*path, "duration"), f"has no fixed length in a rolling window; {read.rounding}")
    if read and calendar is not None and read.unit == "m":
        findings.keep((*path, "duration"), "is counted in minutes, as m means; for months write M")


TIME_WINDOW = items(
    record(
        {"duration": positive_duration},
        {"isRolling": flag, "calendar": record({"startTime": _start, "timeZone": _zone}, {})},
        _window_whole,
    ),
    1,
    1,
    "exactly one time window is allowed",
)


def _slice_window(value: Tree, path: Path, findings: Findings) -> None:
    """A duration, or a number of minutes."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        most = LONGEST.total_seconds() / 60
        number("of minutes above 0, or a duration such as 5m", lambda minutes: 0 < minutes <= most)(value, path, findings)
    else:
        positive_duration(value, path, findings)


OBJECTIVE = record(
    {},
    {
        "displayName": text(empty=True),
        "op": kept("only thresholds are compared, and those are not asked for here", OPERATOR),
        "value": kept("only thresholds are compared, and those are not asked for here", number("")),
        "target": number("above 0 and below 1", lambda share: 0 < share < 1),
        "targetPercent": number("above 0 and below 100", lambda percent: 0 < percent < 100),
        "timeSliceTarget": number("above 0 and up to 1", lambda share: 0 < share <= 1),
        "timeSliceWindow": _slice_window,
        "indicator": kept(_ONE_INDICATOR, inline(SLI_SPEC, "SLI", is_kind_required=False)),
        "indicatorRef": kept(_ONE_INDICATOR, NAME_TEXT),
        "compositeWeight": kept("every objective has an error budget of its own here", number("above 0", lambda weight: weight > 0)),
    },
    exactly_one("target", "targetPercent"),
)
OBJECTIVES = items(OBJECTIVE, 1, _MOST_OBJECTIVES, f"1 to {_MOST_OBJECTIVES} are allowed")


def is_composite(objectives: Tree) -> bool:
    """Whether objectives have indicators of their own."""
    return isinstance(objectives, list) and any(given_of(each, ("indicator", "indicatorRef")) for each in objectives)
