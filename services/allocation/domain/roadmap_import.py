"""Reading roadmap items from other tools' files: CSV, and GitHub's issues and milestones as JSON. Each row is read by itself."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum
from typing import Any

from services.allocation.domain.errors import ImportUnreadable
from services.allocation.domain.quantity import hours
from services.allocation.domain.roadmap import ItemDetails, RoadmapItem, RoadmapStage
from services.allocation.domain.roadmap_cell import (
    RowRefused,
    amount_of,
    cost_changes_of,
    decimal_of,
    estimate_of,
    flag_of,
    list_of,
    names_of,
    pairs_of,
    stage_of,
    text_of,
    time_of,
)
from shared.money import Money

MOST_ROWS = 10_000
MOST_HOURS = 100_000
_UNSET = datetime.min.replace(tzinfo=UTC)
_COLUMNS = ("id", "title", "effort_hours", "cost_of_delay_per_week")
# Of an issue: labels such as `effort: 40h`, `cost-of-delay: 2000 USD` and `stage: idea`, and lines such as `Depends on #12, #13`.
_EFFORT = re.compile(r"^effort\s*[:=]\s*([0-9.]+)\s*h?$", re.IGNORECASE)
_COST = re.compile(r"^cost[- _]of[- _]delay\s*[:=]\s*([0-9.]+)\s*([A-Z]{3})?$", re.IGNORECASE)
_STAGE = re.compile(r"^stage\s*[:=]\s*(.+)$", re.IGNORECASE)
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
    except RowRefused as error:
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
        text = text_of(values, "id").removeprefix("roadmapItems/")
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", text):
            raise RowRefused(f"id: {text!r} must be of lower-case letters, digits and dashes, at most 63")
        return text
    number = values.get("number")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise RowRefused("number: is missing; send whole issues or milestones, with their numbers")
    return f"gh-{number}" if form is RoadmapFormat.GITHUB_ISSUES else f"gh-milestone-{number}"


def _from_csv(name: str, values: Mapping[str, Any], defaults: Defaults) -> RoadmapItem:
    if None in values:
        raise RowRefused("has more values than the first line has columns; quote values with commas")
    estimate = estimate_of(values)
    effort = amount_of(values, "effort_hours") or (estimate.mean if estimate else defaults.effort)
    cost, currency = amount_of(values, "cost_of_delay_per_week"), text_of(values, "currency").upper()
    return _item(
        name,
        text_of(values, "title"),
        defaults,
        effort=effort,
        cost=Money(cost, currency or (defaults.cost.currency if defaults.cost else "USD")) if cost is not None else None,
        dependencies=names_of(values, "dependencies"),
        due_at=time_of("due", text_of(values, "due")),
        protected=flag_of(values, "protected"),
        stage=stage_of(text_of(values, "stage")),
        details=ItemDetails(
            effort=estimate,
            cost_changes=cost_changes_of(text_of(values, "cost_changes")),
            skills=tuple((skill, hours(decimal_of("skills", needed))) for skill, needed in pairs_of(values, "skills", "android=40")),
            cross_team_dependencies=names_of(values, "cross_team_dependencies"),
        ),
    )


def _from_issue(name: str, values: Mapping[str, Any], defaults: Defaults) -> RoadmapItem:
    if values.get("pull_request"):
        raise RowRefused("is a pull request, which GitHub lists among issues; nothing to plan")
    labels = [str(each.get("name", "")) if isinstance(each, dict) else str(each) for each in list_of(values, "labels")]
    effort, cost, stage = (_labelled(pattern, labels) for pattern in (_EFFORT, _COST, _STAGE))
    milestone = values.get("milestone")
    due = (milestone.get("due_on") or milestone.get("dueOn")) if isinstance(milestone, dict) else None
    waits = dict.fromkeys(
        f"roadmapItems/gh-{number}" for found in _WAITS.findall(text_of(values, "body")) for number in re.findall(r"#(\d+)", found)
    )
    dropped = text_of(values, "state_reason") or text_of(values, "stateReason")
    closed = RoadmapStage.DROPPED if dropped.lower() in {"not_planned", "duplicate"} else RoadmapStage.DONE
    currency = (cost[1] or "").upper() if cost else ""
    return _item(
        name,
        text_of(values, "title"),
        defaults,
        effort=decimal_of("labels", effort[0]) if effort else None,
        cost=Money(decimal_of("labels", cost[0]), currency or (defaults.cost.currency if defaults.cost else "USD")) if cost else None,
        dependencies=tuple(waits),
        due_at=time_of("milestone.due_on", due or ""),
        protected="protected" in labels,
        stage=closed if text_of(values, "state").lower() == "closed" else stage_of(stage[0] if stage else ""),
    )


def _from_milestone(name: str, values: Mapping[str, Any], defaults: Defaults) -> RoadmapItem:
    due = text_of(values, "due_on") or text_of(values, "dueOn")
    stage = RoadmapStage.DONE if text_of(values, "state").lower() == "closed" else RoadmapStage.PLANNED
    return _item(name, text_of(values, "title"), defaults, due_at=time_of("due_on", due), stage=stage)


def _item(name: str, title: str, defaults: Defaults, **known: Any) -> RoadmapItem:
    title = " ".join(title.split())
    if not title:
        raise RowRefused("title: is empty; name the item")
    effort, cost = known.pop("effort", None) or defaults.effort, known.pop("cost", None) or defaults.cost
    if effort is None:
        raise RowRefused("effort_hours: the file says none; add it, or send default_effort_hours")
    if not 0 < effort <= MOST_HOURS:
        raise RowRefused(f"effort_hours: {effort} must be more than 0 and at most {MOST_HOURS:,}")
    if cost is None:
        raise RowRefused("cost_of_delay_per_week: the file says none; add it, or send default_cost_of_delay_per_week")
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


def _labelled(pattern: re.Pattern[str], labels: Sequence[str]) -> tuple[str, str] | None:
    found = next((match for label in labels if (match := pattern.match(label.strip()))), None)
    return (found[1], found[2] if found.re.groups > 1 else "") if found else None


_READERS: dict[RoadmapFormat, Callable[[str, Mapping[str, Any], Defaults], RoadmapItem]] = {
    RoadmapFormat.CSV: _from_csv,
    RoadmapFormat.GITHUB_ISSUES: _from_issue,
    RoadmapFormat.GITHUB_MILESTONES: _from_milestone,
}
