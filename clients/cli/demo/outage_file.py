"""The incident file: one outage of the status page a row, or a refusal that names file, line, field, rule and remedy."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from clients.cli.demo.errors import FileRefused
from shared.errors import Violation

COLUMNS = ("number", "begin", "end", "first_update", "severity", "status_impact", "updates", "locations", "products")

Value = TypeVar("Value")


class Impact(StrEnum):
    """How far users were hindered, by the status page; the values are those of the annotation `ballast.service_impact`."""

    OUTAGE = "outage"
    DISRUPTION = "disruption"
    INFORMATION = "information"


@dataclass(frozen=True, slots=True)
class Outage:
    """One incident as the status page told it; `number` is the page's own, and `line` where the file has it."""

    number: str
    begin: datetime
    end: datetime
    first_update: datetime
    severity: str
    impact: Impact
    updates: int
    locations: int
    products: tuple[str, ...]
    line: int = 0

    @property
    def duration(self) -> timedelta:
        return self.end - self.begin


class FieldBroken(ValueError):
    """One field of a row breaks a rule."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(rule)
        self.field = field


def read_outages(path: Path) -> tuple[Outage, ...]:
    """Returns the outages of the file, by begin. Raises FileRefused naming every row that breaks a rule; then none is taken."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileRefused([Violation(path.name, f"cannot be read ({error}); give the folder of the example with --example")]) from None
    found: list[Outage] = []
    violations: list[Violation] = []
    lines: dict[str, int] = {}
    for line, row in _rows(path, text):
        try:
            outage = _outage(row, line)
            _check_new(outage, lines)
            found.append(outage)
        except FieldBroken as broken:
            violations.append(Violation(f"{path.name}:{line}: {broken.field}", str(broken)))
    if violations:
        raise FileRefused(violations)
    if not found:
        raise FileRefused([Violation(f"{path.name}:1", "holds no row; give at least one incident")])
    return tuple(sorted(found, key=lambda outage: (outage.begin, outage.number)))


def _rows(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yields each row with the line it begins at. Raises FileRefused for a wrong header or a quote that does not end."""
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    line = 1
    try:
        for index, row in enumerate(reader):
            if index == 0 and tuple(row) != COLUMNS:
                raise FileRefused([Violation(f"{path.name}:1: header", f"must be {','.join(COLUMNS)}; it is {','.join(row) or 'empty'}")])
            if index > 0 and row:
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise FileRefused([Violation(f"{path.name}:{line}", f"is no CSV row ({error}); mend the quotes")]) from None


def _check_new(outage: Outage, lines: dict[str, int]) -> None:
    first = lines.setdefault(outage.number, outage.line)
    if first != outage.line:
        raise FieldBroken("number", f"{outage.number} stands in line {first} already; give each incident once")


def _outage(row: list[str], line: int) -> Outage:
    if len(row) != len(COLUMNS):
        raise FieldBroken("row", f"has {len(row)} fields, not {len(COLUMNS)}; write {','.join(COLUMNS)}")
    values = dict(zip(COLUMNS, row, strict=True))

    def read(field: str, reader: Callable[[str], Value]) -> Value:
        try:
            return reader(values[field].strip())
        except ValueError as error:
            raise FieldBroken(field, f"{values[field]!r} {error}") from None

    outage = Outage(
        number=read("number", _number),
        begin=read("begin", _time),
        end=read("end", _time),
        first_update=read("first_update", _time),
        severity=read("severity", _severity),
        impact=read("status_impact", _impact),
        updates=read("updates", _count),
        locations=read("locations", _count),
        products=read("products", _products),
        line=line,
    )
    if outage.end < outage.begin:
        raise FieldBroken("end", f"{values['end']} lies before begin, {values['begin']}; swap or correct them")
    return outage


def _number(text: str) -> str:
    if not (text.isascii() and text.isdecimal()):
        raise ValueError("is not a number; write the status page's digits, as 14920841997106925105")
    return text


def _time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("is not a time; write RFC 3339, as 2021-07-07T21:25:00+00:00") from None
    if moment.tzinfo is None:
        raise ValueError("has no offset from UTC; add one, as 2021-07-07T21:25:00+00:00")
    return moment.astimezone(UTC)


def _severity(text: str) -> str:
    if text not in {"low", "medium", "high"}:
        raise ValueError("is not a severity; write low, medium or high")
    return text


def _impact(text: str) -> Impact:
    try:
        return Impact(text.removeprefix("SERVICE_").lower())
    except ValueError:
        raise ValueError("is not an impact; write SERVICE_OUTAGE, SERVICE_DISRUPTION or SERVICE_INFORMATION") from None


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise ValueError("is not a count; write a whole number from 0 up")
    return int(text)


def _products(text: str) -> tuple[str, ...]:
    products = tuple(part.strip() for part in text.split(";"))
    if not all(products):
        raise ValueError("names no product, or an empty one; write names with a semicolon between them")
    if len(set(products)) != len(products):
        raise ValueError("names a product twice; name each once")
    return products
