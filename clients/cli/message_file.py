"""Messages as YAML documents: the contract's own fields, read strictly; enums and spans are written as people do."""

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeVar

import yaml
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from clients.cli.times import read_span, typed_span
from shared.errors import InvalidInput, invalid_field

Read = TypeVar("Read", bound=Message)
_DURATION = "google.protobuf.Duration"
_NUMBERS = (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT)


def read_message(text: str, into: Read) -> Read:
    """Fills the message from a YAML (or JSON) mapping of its fields. Raises InvalidInput saying what is amiss, and where if known."""
    try:
        told = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise _refused(f"{where}is not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise _refused(f"is not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(told, Mapping):
        raise _refused("is no mapping of fields; write the document as it is shown with --yaml")
    try:
        return json_format.ParseDict(_read(told, into.DESCRIPTOR, ""), into)
    except json_format.ParseError as error:
        raise _refused(f"does not fit the contract: {str(error).rstrip('.')}") from None


def message_yaml(message: Message, *leave_out: str) -> str:
    """Returns the message as a document that `read_message` takes; what the server alone sets can be left out."""
    told = json_format.MessageToDict(message, preserving_proto_field_name=True)
    shown = {key: value for key, value in _written(told, message.DESCRIPTOR).items() if key not in leave_out}
    return yaml.safe_dump(shown, sort_keys=False, allow_unicode=True)


def _read(told: Any, of: Any, path: str) -> Any:
    """Returns what the parser takes for a message written by people."""
    if not isinstance(told, Mapping):
        raise _refused(f"{path}: is {told!r}; write a mapping of {_fields(of)}")
    known = {name: field for field in of.fields for name in (field.name, field.json_name)}
    found = {}
    for name, value in told.items():
        place = f"{path}.{name}" if path else str(name)
        if name not in known:
            raise _refused(f"{place}: is no field; there are {_fields(of)}")
        found[name] = _each(value, known[name], place)
    return found


def _each(value: Any, field: FieldDescriptor, place: str) -> Any:
    if field.is_repeated and isinstance(value, list):
        return [_value(each, field, f"{place}[{index}]") for index, each in enumerate(value)]
    return _value(value, field, place) if not field.is_repeated else value


def _value(value: Any, field: FieldDescriptor, place: str) -> Any:
    if field.enum_type is not None:
        return _enum(value, field, place)
    if field.message_type is not None and field.message_type.full_name == _DURATION:
        return _duration(value, place)
    if field.message_type is not None and not field.message_type.full_name.startswith("google."):
        return _read(value, field.message_type, place)
    if field.type in _NUMBERS and isinstance(value, float) and not math.isfinite(value):
        raise _refused(f"{place}: is {value}; write a number")
    return value


def _enum(value: Any, field: FieldDescriptor, place: str) -> Any:
    assert field.enum_type is not None
    words = {_word(each.name, field): each.name for each in field.enum_type.values if each.number}
    name = words.get(value.lower().replace("_", "-")) if isinstance(value, str) else None
    if name is None and value not in words.values():
        raise _refused(f"{place}: is {value!r}; write {', '.join(words)}")
    return name or value


def _word(name: str, field: FieldDescriptor) -> str:
    assert field.enum_type is not None
    prefix = field.enum_type.values[0].name.removesuffix("UNSPECIFIED")
    return name.removeprefix(prefix).lower().replace("_", "-")


def _duration(value: Any, place: str) -> Any:
    if not isinstance(value, str):
        raise _refused(f"{place}: is {value!r}; write a span, as 90s, 5m, 2h30m or 1d")
    return f"{read_span(place, value).total_seconds():.0f}s"


def _written(told: Mapping[str, Any], of: Any) -> dict[str, Any]:
    found = {}
    for name, value in told.items():
        field = of.fields_by_name[name]
        found[name] = [_shown(each, field) for each in value] if isinstance(value, list) else _shown(value, field)
    return found


def _shown(value: Any, field: FieldDescriptor) -> Any:
    if field.enum_type is not None and isinstance(value, str):
        return _word(value, field)
    if field.message_type is not None and field.message_type.full_name == _DURATION:
        return typed_span(timedelta(seconds=float(value.removesuffix("s"))))
    if isinstance(value, Mapping):
        return _written(value, field.message_type)
    return value


def _fields(of: Any) -> str:
    return ", ".join(field.name for field in of.fields)


def _refused(description: str) -> InvalidInput:
    return invalid_field("FILE", description, reason="FILE_INVALID")
