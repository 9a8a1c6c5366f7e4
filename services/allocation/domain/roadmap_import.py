"""Reading roadmap items from other tools' files: CSV, and GitHub's issues and milestones as JSON. Each row is read by itself."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import IntEnum
from typing import Any

from services.allocation.domain.effort import ThreePointEffort
from services.allocation.domain.errors import ImportUnreadable
from services.allocation.domain.quantity import hours
from services.allocation.domain.roadmap import ItemDetails, RoadmapItem, RoadmapStage
from shared.money import Money

MOST_ROWS = 10_000
MOST_HOURS = 100_000
_UNSET = datetime.min.replace(tzinfo=UTC)
_COLUMNS = ("id", "title", "effort_hours", "cost_of_delay_per_week")
# Of an issue: labels such as `effort: 40h` and `cost-of-delay: 2000 USD`, and lines such as `Depends on #12, #13`.
_EFFORT = re.compile(r"^effort\s*[:=]\s*([0-9.]+)\s*h?$", re.IGNORECASE)
_COST = re.compile(r"^cost[- _]of[- _]delay\s*[:=]\s*([0-9.]+)\s*([A-Z]{3})?$", re.IGNORECASE)
_WAITS = re.compile(r"(?:depends on|blocked by)[ \t:]+((?:#\d+[ \t]*(?:,|and)?[ \t]*)+)", re.IGNORECASE)


class RoadmapFormat(IntEnum):
    """The forms of files; the numbers are the contract's."""

    CSV = 1
    GITHUB_ISSUES = 2
    GITHUB_MILESTONES = 3


@dataclass(frozen=True, slots=True)
class Defaults:
    """What items have of which the file says nothing; None refuses them."""

    team: str
    effort: Decimal | None
    cost: Money | None


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """One row: its place in the file, and the item it makes, or the error that keeps it from being one."""

    line: int
    name: str
    item: RoadmapItem | None
    error: str = ""


class _Refused(ValueError):
    """The row breaks a rule."""


Row = tuple[int, Mapping[str, Any]]


def rows_of(content: bytes, form: RoadmapFormat) -> list[Row]:
    """Cuts a file into rows with their places. Raises ImportUnreadable."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportUnreadable.at("content", f"is not UTF-8 at byte {error.start}; save the file as UTF-8") from None
    found = list(_csv_rows(text)) if form is RoadmapFormat.CSV else _json_rows(text)
    if len(found) > MOST_ROWS:
        raise ImportUnreadable.at("content", f"has {len(found):,} rows, and one import takes {MOST_ROWS:,}; cut the file")
    return found


def read_row(row: Row, form: RoadmapFormat, defaults: Defaults) -> ImportedRow:
    """Reads one row; what is wrong with it is told in it."""
    line, values = row
    reader = _READERS[form]
    name = ""
    try:
        name = f"roadmapItems/{_id_of(values, form)}"
        return ImportedRow(line, name, reader(name, values, defaults))
    except _Refused as error:
        return ImportedRow(line, name, None, str(error))


def _csv_rows(text: str) -> Iterator[Row]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [column.strip().lower() for column in reader.fieldnames or ()]
        reader.fieldnames = header
        missing = [column for column in _COLUMNS[:2] if column not in header]
        if missing:
            raise ImportUnreadable.at("content", f"lacks the column {missing[0]} in its first line; begin with {','.join(_COLUMNS)}")
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise ImportUnreadable.at("content", f"is no CSV at line {reader.line_num}: {error}; mend the quotes") from None


def _json_rows(text: str) -> list[Row]:
    try:
        found = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ImportUnreadable.at("content", f"is no JSON: {error}; send what the API answers") from None
    if not isinstance(found, list):
        raise ImportUnreadable.at("content", "is no JSON array; send the array that the API answers")
    return [(place, each if isinstance(each, dict) else {}) for place, each in enumerate(found, start=1)]


def _id_of(values: Mapping[str, Any], form: RoadmapFormat) -> str:
    if form is RoadmapFormat.CSV:
        text = _text(values, "id").removeprefix("roadmapItems/")
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", text):
            raise _Refused(f"id: {text!r} must be of lower-case letters, digits and dashes, at most 63")
        return text
    number = values.get("number")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise _Refused("number: is missing; send whole issues or milestones, with their numbers")
    return f"gh-{number}" if form is RoadmapFormat.GITHUB_ISSUES else f"gh-milestone-{number}"


def _from_csv(name: str, values: Mapping[str, Any], defaults: Defaults) -> RoadmapItem:
    if None in values:
        raise _Refused("has more values than the first line has columns; quote values with commas")
    points = [_amount(values, column) for column in ("low_hours", "likely_hours", "high_hours")]
    low, likely, high = points
    estimate = ThreePointEffort(hours(low), hours(likely), hours(high)) if low and likely and high else None
    if any(points) and not estimate:
        raise _Refused("low_hours, likely_hours, high_hours: give all three or none")
    effort = _amount(values, "effort_hours") or (estimate.mean if estimate else defaults.effort)
    cost, currency = _amount(values, "cost_of_delay_per_week"), _text(values, "currency").upper()
    waits = tuple(
        f"roadmapItems/{each.removeprefix('roadmapItems/')}" for each in re.split(r"[\s;]+", _text(values, "dependencies")) if each
    )
    return _item(
        name,
        _text(values, "title"),
        defaults,
        effort=effort,
        cost=Money(cost, currency or (defaults.cost.currency if defaults.cost else "USD")) if cost is not None else None,
        dependencies=waits,
        due_at=_time("due", _text(values, "due")),
        protected=_flag(values, "protected"),
        stage=_stage(_text(values, "stage")),
        details=ItemDetails(effort=estimate),
    )


def _from_issue(name: str, values: Mapping[str, Any], defaults: Defaults) -> RoadmapItem:
    if values.get("pull_request"):
        raise _Refused("is a pull request, which GitHub lists among issues; nothing to plan")
    labels = [str(each.get("name", "")) if isinstance(each, dict) else str(each) for each in _list(values, "labels")]
    effort, cost = _labelled(_EFFORT, labels), _labelled(_COST, labels)
    milestone = values.get("milestone")
    due = (milestone.get("due_on") or milestone.get("dueOn")) if isinstance(milestone, dict) else None
    waits = dict.fromkeys(
        f"roadmapItems/gh-{number}" for found in _WAITS.findall(_text(values, "body")) for number in re.findall(r"#(\d+)", found)
    )
    dropped = _text(values, "state_reason") or _text(values, "stateReason")
    closed = RoadmapStage.DROPPED if dropped.lower() in {"not_planned", "duplicate"} else RoadmapStage.DONE
    currency = (cost[1] or "").upper() if cost else ""
    return _item(
        name,
        _text(values, "title"),
        defaults,
        effort=_decimal("labels", effort[0]) if effort else None,
        cost=Money(_decimal("labels", cost[0]), currency or (defaults.cost.currency if defaults.cost else "USD")) if cost else None,
        dependencies=tuple(waits),
        due_at=_time("milestone.due_on", due or ""),
        protected="protected" in labels,
        stage=closed if _text(values, "state").lower() == "closed" else RoadmapStage.PLANNED,
    )


def _from_milestone(name: str, values: Mapping[str, Any], defaults: Defaults) -> RoadmapItem:
    due = _text(values, "due_on") or _text(values, "dueOn")
    stage = RoadmapStage.DONE if _text(values, "state").lower() == "closed" else RoadmapStage.PLANNED
    return _item(name, _text(values, "title"), defaults, due_at=_time("due_on", due), stage=stage)


def _item(name: str, title: str, defaults: Defaults, **known: Any) -> RoadmapItem:
    title = " ".join(title.split())
    if not title:
        raise _Refused("title: is empty; name the item")
    effort, cost = known.pop("effort", None) or defaults.effort, known.pop("cost", None) or defaults.cost
    if effort is None:
        raise _Refused("effort_hours: the file says none; add it, or send default_effort_hours")
    if not 0 < effort <= MOST_HOURS:
        raise _Refused(f"effort_hours: {effort} must be more than 0 and at most {MOST_HOURS:,}")
    if cost is None:
        raise _Refused("cost_of_delay_per_week: the file says none; add it, or send default_cost_of_delay_per_week")
    plain: dict[str, Any] = {"dependencies": (), "due_at": None, "protected": False, "stage": RoadmapStage.PLANNED}
    return RoadmapItem(
        name=name,
        title=title[:200],
        team=defaults.team,
        effort_hours=hours(effort),
        recorded_hours=Decimal(0),
        cost_of_delay_per_week=cost,
        version=0,
        created_at=_UNSET,
        updated_at=_UNSET,
        **plain | known,
    )


def _text(values: Mapping[str, Any], column: str) -> str:
    found = values.get(column)
    return found.strip() if isinstance(found, str) else ""


def _list(values: Mapping[str, Any], column: str) -> Sequence[Any]:
    found = values.get(column)
    return found if isinstance(found, list) else ()


def _labelled(pattern: re.Pattern[str], labels: Sequence[str]) -> tuple[str, str] | None:
    found = next((match for label in labels if (match := pattern.match(label.strip()))), None)
    return (found[1], found[2] if found.re.groups > 1 else "") if found else None


def _amount(values: Mapping[str, Any], column: str) -> Decimal | None:
    text = _text(values, column)
    return _decimal(column, text) if text else None


def _decimal(column: str, text: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal(-1)
    if not found.is_finite() or found < 0 or found > 10**12:
        raise _Refused(f"{column}: {text!r} is no number from 0 on; write it like 1250.5")
    return found


def _time(column: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise _Refused(f"{column}: {text!r} is no date; write it like 2026-09-30 or 2026-09-30T12:00:00Z") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _flag(values: Mapping[str, Any], column: str) -> bool:
    text = _text(values, column).lower()
    if text not in {"", "true", "false", "yes", "no", "1", "0"}:
        raise _Refused(f"{column}: {text!r} is neither yes nor no")
    return text in {"true", "yes", "1"}


def _stage(text: str) -> RoadmapStage:
    if not text:
        return RoadmapStage.PLANNED
    try:
        return RoadmapStage[text.upper()]
    except KeyError:
        raise _Refused(f"stage: {text!r} is none of planned, done, dropped") from None


_READERS: dict[RoadmapFormat, Callable[[str, Mapping[str, Any], Defaults], RoadmapItem]] = {
    RoadmapFormat.CSV: _from_csv,
    RoadmapFormat.GITHUB_ISSUES: _from_issue,
    RoadmapFormat.GITHUB_MILESTONES: _from_milestone,
}
