"""Salvage: a batch in which some items cannot be decoded is read without them, so that they alone are refused.

The runtime refuses a whole message for one byte of text that is no UTF-8. Here the bytes are looked at once it did, and never before:
the items of the batch are decoded one by one, and each that cannot be is replaced by an empty one that says so.
"""

from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5
_LENGTHS = {_FIXED64: 8, _FIXED32: 4}
# The highest number a field can have: none of a contract's own. It marks what stands for an item, and holds where it is damaged.
_MARK = 2**29 - 1
_DEEPEST = 100  # as the runtime has it


def salvaging(deserialize: Callable[[bytes], Any], request: Descriptor, batch: str) -> Callable[[bytes], Any]:
    """Returns a deserializer that reads a request without the items of its repeated field `batch` that cannot be decoded.

    Ask `damage_of` each item. Raises DecodeError as `deserialize` does, when something else of the request cannot be read.
    """
    field = request.fields_by_name[batch]
    item = field.message_type
    assert item is not None, f"{request.full_name}.{batch} holds no messages"

    def salvage(raw: bytes) -> Any:
        try:
            return deserialize(raw)
        except (DecodeError, ValueError):  # the latter from protobuf-py
            return deserialize(_without_damaged(raw, field.number, item))

    return salvage


def damage_of(item: Message) -> str | None:
    """Returns None for an item that was decoded; otherwise the field whose text is no UTF-8, empty where the item is no message at all."""
    if item.ListFields():
        return None
    for field in UnknownFieldSet(item):  # type: ignore[attr-defined]  # the published types lack how it is read
        if field.field_number == _MARK and isinstance(field.data, bytes):
            return field.data.decode(errors="replace")
    return None


def _without_damaged(raw: bytes, number: int, item: Descriptor) -> bytes:
    decode = message_factory.GetMessageClass(item).FromString
    parts = []
    for found, wire, begin, value, end in _fields(raw):
        parts.append(raw[begin:end])
        if (found, wire) == (number, _DELIMITED):
            try:
                decode(raw[value:end])
            except DecodeError:
                mark = _delimited(_MARK, _damaged_text(raw[value:end], item).encode())
                parts[-1] = _delimited(number, mark)
    return b"".join(parts)


def _damaged_text(raw: bytes, item: Descriptor, depth: int = _DEEPEST) -> str:
    """Returns the path of the first field that holds text that is no UTF-8; empty where that is not what is wrong."""
    if not depth:
        return ""
    try:
        for number, wire, _, value, end in _fields(raw):
            field = item.fields_by_number.get(number)
            if field is None or wire != _DELIMITED:
                continue
            if field.type == FieldDescriptor.TYPE_STRING and not _is_text(raw[value:end]):
                return field.name
            if field.message_type is not None and (inner := _damaged_text(raw[value:end], field.message_type, depth - 1)):
                return field.name if field.message_type.GetOptions().map_entry else f"{field.name}.{inner}"
    except DecodeError:
        pass
    return ""


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _fields(raw: bytes) -> Iterator[tuple[int, int, int, int, int]]:
    """Yields number, wire type, and where field, value and what follows begin, of each field of a message. Raises DecodeError."""
    at = 0
    while at < len(raw):
        begin = at
        tag, at = _varint(raw, at)
        value, wire = at, tag & 7
        if wire == _VARINT:
            _, at = _varint(raw, at)
        elif wire == _DELIMITED:
            length, value = _varint(raw, at)
            at = value + length
        elif wire in _LENGTHS:
            at += _LENGTHS[wire]
        else:  # groups: no contract here has any
            raise DecodeError("Error parsing message")
        if at > len(raw):
            raise DecodeError("Error parsing message")
        yield tag >> 3, wire, begin, value, at


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    """Returns a number and where it ends."""
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(raw):
            break
        byte = raw[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
    raise DecodeError("Error parsing message")


def _delimited(number: int, value: bytes) -> bytes:
    return _number(number << 3 | _DELIMITED) + _number(len(value)) + value


def _number(value: int) -> bytes:
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
