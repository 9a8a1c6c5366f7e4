"""What no shape rule can say of a field: text that no store keeps, and times and durations that do not exist."""

import json
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from shared.errors import Violation
from shared.rpc.native import usual_message

_NUL = "holds a NUL character, which no store keeps; take it out"


def faults_of(message: Any) -> list[Violation]:
    """Returns every field of the message, however deep, that no service can do anything with; none for what is no message."""
    usual = usual_message(message)
    return list(_faults(usual, "")) if isinstance(usual, Message) else []


def _faults(message: Message, path: str) -> Iterator[Violation]:
    if isinstance(message, Timestamp | Duration):
        yield from _impossible(message, path)
        return
    for field, value in message.ListFields():
        for place, each in _parts(field, value, f"{path}.{field.name}" if path else field.name):
            if isinstance(each, str) and "\0" in each:
                yield Violation(place, _NUL)
            elif isinstance(each, Message):
                yield from _faults(each, place)


def _parts(field: FieldDescriptor, value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        for key, each in value.items():
            yield path, key
            yield f"{path}[{json.dumps(key)}]", each
    elif field.is_repeated:
        yield from ((f"{path}[{index}]", each) for index, each in enumerate(value))
    else:
        yield path, value


def _impossible(value: Timestamp | Duration, path: str) -> Iterator[Violation]:
    try:
        value.ToJsonString()
    except ValueError as error:
        yield Violation(path, f"does not exist: {error}")
