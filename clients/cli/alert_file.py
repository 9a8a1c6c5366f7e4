"""Alert files: a JSON array or JSON lines become alert reports, or a refusal that names every line at fault."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import protovalidate
from ballast.intake.v1.alert_pb2 import AlertReport
from google.protobuf.timestamp_pb2 import Timestamp

from shared.errors import InvalidInput, Violation

MOST_VIOLATIONS = 20
_EXAMPLE = '{"labels": {"component": "checkout"}, "starts_at": "2026-03-02T09:00:00Z"}'
# Alertmanager's spellings, and the zero time by which it says that an alert has not ended.
_SPELLINGS = {"startsAt": "starts_at", "endsAt": "ends_at", "generatorURL": "generator_url"}
_UNSET = datetime(1, 1, 1, tzinfo=UTC)
# What Alertmanager's API answers beside what it takes; it says nothing about the signal itself.
_IGNORED = {"fingerprint", "status", "receivers", "updatedAt"}
_REMEDIES = {
    "map.min_pairs": 'name at least what is affected: "labels": {"component": "checkout"}',
    "map.max_pairs": "leave out what neither identifies nor describes the signal",
    "string.max_len": "shorten it",
    "string.max_bytes": "shorten it, and link to the whole with generator_url",
    "string.min_len": "leave it out",
}
_NAME_SHOWN = 40
_FIELDS = ("labels", "annotations", "starts_at", "ends_at", "key", "generator_url")


@dataclass(frozen=True, slots=True)
class LocatedReport:
    """A report and the line of the file where it begins."""

    line: int
    report: AlertReport


class _Fault(Exception):
    """One field that breaks one rule, before its line is known; the field is empty for the whole line."""

    def __init__(self, field: str, description: str) -> None:
        super().__init__(description)
        self.field = field
        self.description = description


def read_reports(data: bytes, now: datetime) -> list[LocatedReport]:
    """Returns the reports in the order of the file. Raises InvalidInput naming line, field, rule and remedy of all that is malformed."""
    violations: list[Violation] = []
    reports = []
    for line, value in _objects(data, violations):
        try:
            found = LocatedReport(line, _report(value, now))
        except _Fault as fault:
            violations.append(_violation(line, fault.field, fault.description))
            continue
        broken = protovalidate.collect_violations(found.report)
        violations += [_violation(line, _path(each), _broken(each)) for each in broken]
        reports.append(found)
    if violations:
        raise refused(violations)
    if not reports:
        raise refused([Violation("file", f"holds no alert; write a JSON array, or one object in a line: {_EXAMPLE}")])
    return reports


def refused(violations: list[Violation]) -> InvalidInput:
    shown = violations[:MOST_VIOLATIONS]
    more = f"; the first {MOST_VIOLATIONS} are" if len(violations) > MOST_VIOLATIONS else ""
    count = f"{len(violations)} faults" if len(violations) > 1 else "1 fault"
    return InvalidInput(f"the file is refused and nothing of it was sent: {count}{more}", shown, reason="ALERT_FILE_INVALID")


def _violation(line: int, field: str, description: str) -> Violation:
    return Violation(f"line {line}, {field}" if field else f"line {line}", description)


def _objects(data: bytes, violations: list[Violation]) -> Iterator[tuple[int, Any]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        violations.append(_violation(line, "", f"byte {error.start} is not UTF-8; save the file as UTF-8"))
        return
    if text.lstrip().startswith("["):
        yield from _elements(text, violations)
        return
    for number, line_text in enumerate(text.split("\n"), start=1):
        if line_text.strip():
            try:
                yield number, _DECODER.decode(line_text)
            except json.JSONDecodeError as error:
                violations.append(
                    _violation(number, "", f"is not JSON at column {error.colno}: {error.msg}; write one object in a line: {_EXAMPLE}")
                )
            except _Fault as fault:
                violations.append(_violation(number, fault.field, fault.description))
            except RecursionError:
                violations.append(_violation(number, "", f"is nested too deeply; write one flat object in a line: {_EXAMPLE}"))


def _elements(text: str, violations: list[Violation]) -> Iterator[tuple[int, Any]]:
    """Yields the elements of a JSON array with their lines; stops at the first place that is not JSON, as all after it is guesswork."""
    position, line, counted = text.index("[") + 1, 1, 0
    separator = ""
    try:
        while True:
            position = _after_space(text, position)
            if text[position : position + 1] == "]" and separator != ",":
                break
            line, counted = line + text.count("\n", counted, position), position
            value, position = _DECODER.raw_decode(text, position)
            yield line, value
            position = _after_space(text, position)
            separator = text[position : position + 1]
            if separator == "]":
                break
            if separator != ",":
                raise json.JSONDecodeError("Expecting ',' or ']'", text, position)  # noqa: TRY301 - the same refusal as the decoder's own
            position += 1
        position = _after_space(text, position + 1)
        if position < len(text):
            raise json.JSONDecodeError("Extra data after the array", text, position)  # noqa: TRY301
    except json.JSONDecodeError as error:
        violations.append(
            _violation(error.lineno, "", f"is not JSON at column {error.colno}: {error.msg}; write an array of objects: [{_EXAMPLE}]")
        )
    except _Fault as fault:
        violations.append(_violation(line, fault.field, fault.description))
    except RecursionError:
        violations.append(_violation(line, "", f"is nested too deeply; write an array of flat objects: [{_EXAMPLE}]"))


def _after_space(text: str, position: int) -> int:
    while text[position : position + 1] in {" ", "\t", "\n", "\r"}:
        position += 1
    return position


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen = dict(pairs)
    if len(seen) < len(pairs):
        twice = next(name for index, (name, _) in enumerate(pairs) if name in dict(pairs[:index]))
        raise _Fault(twice, "stands twice in one object; keep one")
    return seen


_DECODER = json.JSONDecoder(object_pairs_hook=_unique)


def _report(value: Any, now: datetime) -> AlertReport:
    if not isinstance(value, dict):
        raise _Fault("", f"is not an object; write {_EXAMPLE}")
    fields = _spelled(value)
    report = AlertReport(
        key=_text(fields, "key"),
        labels=_strings(fields, "labels"),
        annotations=_strings(fields, "annotations"),
        generator_url=_text(fields, "generator_url"),
    )
    starts_at, ends_at = _time(fields, "starts_at"), _time(fields, "ends_at")
    if "endsAt" in value and ends_at is not None and ends_at.ToDatetime(tzinfo=UTC) > now:
        ends_at = None  # Alertmanager's clients say until when to believe the alert, not when it ended: it still fires
    if starts_at and ends_at and (ends_at.seconds, ends_at.nanos) < (starts_at.seconds, starts_at.nanos):
        raise _Fault("ends_at", "lies before starts_at; leave it out while the alert fires")
    if starts_at:
        report.starts_at.CopyFrom(starts_at)
    if ends_at:
        report.ends_at.CopyFrom(ends_at)
    return report


def _spelled(value: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields under our own names; JSON null counts as absent."""
    fields: dict[str, Any] = {}
    for name, content in value.items():
        field = _SPELLINGS.get(name, name)
        if field in _IGNORED:
            continue
        if field not in _FIELDS:
            raise _Fault(name, f"is no field of an alert; use {', '.join(_FIELDS)}")
        if field in fields:
            raise _Fault(name, f"says {field} a second time; keep one spelling")
        fields[field] = content
    return {field: content for field, content in fields.items() if content is not None}


def _text(fields: Mapping[str, Any], field: str) -> str:
    value = fields.get(field, "")
    if not isinstance(value, str):
        raise _Fault(field, "is not a string; put it in double quotes")
    return _encodable(field, value)


def _strings(fields: Mapping[str, Any], field: str) -> dict[str, str]:
    value = fields.get(field, {})
    if not isinstance(value, dict):
        raise _Fault(field, f'is not an object of strings; write "{field}": {{"name": "value"}}')
    for name, content in value.items():
        if not isinstance(content, str):
            raise _Fault(f'{field}["{name}"]', "is not a string; put it in double quotes")
        _encodable(f"{field} name", name)
        _encodable(f'{field}["{name}"]', content)
    return value


def _encodable(field: str, text: str) -> str:
    """JSON can spell half a surrogate pair, which no UTF-8 text holds."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _Fault(field, "holds half a surrogate pair; write whole characters") from None
    return text


def _time(fields: Mapping[str, Any], field: str) -> Timestamp | None:
    value = fields.get(field)
    if value is None:
        return None
    stamp = Timestamp()
    try:
        stamp.FromJsonString(value)
        zero = stamp.ToDatetime(tzinfo=UTC) == _UNSET
    except (ValueError, TypeError, OverflowError, AttributeError):
        raise _Fault(field, f"{value!r} is not an RFC 3339 time; write it as 2026-03-02T09:00:00Z") from None
    return None if zero else stamp


def _path(violation: Any) -> str:
    """Returns the path of the field at fault, as `labels["name"]`."""
    parts = []
    for element in violation.proto.field.elements:
        index = ""
        if element.subscript is not None:
            value = element.subscript.value
            index = f'["{value[:_NAME_SHOWN]}"]' if isinstance(value, str) else f"[{value}]"
        parts.append(element.field_name + index)
    return ".".join(parts)


def _broken(violation: Any) -> str:
    rule = violation.proto.rule_id
    return f"{violation.proto.message} (rule {rule}); {_REMEDIES.get(rule, 'mend the line')}"
