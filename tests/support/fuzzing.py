"""Requests as a broken or hostile client might send them, and the statuses such a client may get."""

import asyncio
import os
import random
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

EXAMPLES = int(os.environ.get("BALLAST_TEST_EXAMPLES", "25"))
DEADLINE_SECONDS = 10
_MOST_TRIES = 5
# Whatever a caller sends is his fault or nothing; none of it is the server's.
ANSWERS = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}


def field(number: int, wire: int, value: bytes) -> bytes:
    return _varint(number << 3 | wire) + (_varint(len(value)) if wire == 2 else b"") + value


def _varint(value: int) -> bytes:
    return bytes([value]) if value < 0x80 else bytes([value & 0x7F | 0x80]) + _varint(value >> 7)


def filled(message: Message, chance: random.Random, depth: int = 0) -> Message:
    """Sets most fields of a message to something of their type, mostly nothing the contract wants."""
    for each in message.DESCRIPTOR.fields:
        if chance.random() < 0.2 or depth > 3:
            continue
        if each.message_type is not None and each.message_type.GetOptions().map_entry:
            _fill_map(message, each, chance)
        elif each.is_repeated:
            _fill_list(message, each, chance, depth)
        elif each.message_type is not None:
            part = getattr(message, each.name)
            part.SetInParent()
            filled(part, chance, depth + 1)
        else:
            setattr(message, each.name, _scalar(each, chance))
    return message


def _fill_map(message: Message, each: Any, chance: random.Random) -> None:
    value = each.message_type.fields_by_name["value"]
    if value.message_type is None:
        getattr(message, each.name)["k"] = _scalar(value, chance)


def _fill_list(message: Message, each: Any, chance: random.Random, depth: int) -> None:
    items = getattr(message, each.name)
    for _ in range(chance.randint(1, 3)):
        if each.message_type is None:
            items.append(_scalar(each, chance))
        else:
            filled(items.add(), chance, depth + 1)


def _scalar(each: Any, chance: random.Random) -> object:
    if each.enum_type is not None:
        return chance.choice([*(value.number for value in each.enum_type.values), 9999])
    kinds: dict[int, list[object]] = {
        FieldDescriptor.CPPTYPE_STRING: [
            "",
            "x",
            "\0",
            "é" * 40,
            str(uuid.UUID(int=5)),
            f"incidents/{uuid.UUID(int=5)}",
            "rules: [",
            "a=~((((",
        ],
        FieldDescriptor.CPPTYPE_BOOL: [True, False],
        FieldDescriptor.CPPTYPE_INT32: [0, 1, -1, 2**31 - 1, -(2**31)],
        FieldDescriptor.CPPTYPE_INT64: [0, 1, -1, 2**63 - 1, -(2**63), 253_402_300_800],
        FieldDescriptor.CPPTYPE_UINT32: [0, 1, 2**32 - 1],
        FieldDescriptor.CPPTYPE_UINT64: [0, 1, 2**64 - 1],
        FieldDescriptor.CPPTYPE_FLOAT: [0.0, -1.0, float("nan"), float("inf")],
        FieldDescriptor.CPPTYPE_DOUBLE: [0.0, -1.0, float("nan"), float("inf"), 1e308],
    }
    if each.type == FieldDescriptor.TYPE_BYTES:
        return chance.randbytes(20)
    return chance.choice(kinds[each.cpp_type])


def bodies(method: MethodDescriptor, chance: random.Random) -> Iterator[bytes]:
    """Yields requests as a broken or hostile client might send them."""
    make = message_factory.GetMessageClass(method.input_type)
    valid = filled(make(), chance).SerializeToString()
    numbers = [each.number for each in method.input_type.fields]
    texts = [each.number for each in method.input_type.fields if each.type == FieldDescriptor.TYPE_STRING]
    parts = [each.number for each in method.input_type.fields if each.message_type is not None]
    yield b""
    yield chance.randbytes(chance.randint(1, 200))
    yield valid
    yield valid[: chance.randint(0, len(valid))]
    yield b"".join(field(number, chance.choice([0, 1, 2, 5]), chance.randbytes(8)) for number in numbers)
    yield valid + b"".join(field(number, 2, b"\xff\xfe\xc3\x28") for number in texts)
    yield valid + b"".join(field(number, 2, field(1, 2, b"\xff\xff")) for number in parts)
    yield valid + field(chance.choice(texts or numbers or [1]), 2, b"x" * (4 * 1024 * 1024 - len(valid) - 20))
    yield valid + b"\x7b" * 5_000 + b"\x7c" * 5_000  # groups nobody knows, one in the other
    deep = b"\x08\x01"
    for _ in range(300):
        deep = field(chance.choice(parts or [1]), 2, deep)
    yield valid + deep
    for _ in range(EXAMPLES // 5):
        spoiled = bytearray(filled(make(), chance).SerializeToString() or b"\0")
        for _ in range(chance.randint(1, 4)):
            spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
        yield bytes(spoiled)


async def answer(channel: grpc.aio.Channel, method: MethodDescriptor, body: bytes) -> grpc.StatusCode:
    """Calls the RPC with these bytes, twice where it takes a stream, and returns its status; OK for a stream that goes on."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    if not method.client_streaming and not method.server_streaming:
        return await channel.unary_unary(path, None, None)(body, timeout=DEADLINE_SECONDS).code()
    for _ in range(_MOST_TRIES):
        if method.client_streaming:
            call: Any = channel.stream_stream(path, None, None)(_twice(body), timeout=DEADLINE_SECONDS)
        else:
            call = channel.unary_stream(path, None, None)(body, timeout=DEADLINE_SECONDS)
        try:
            async with asyncio.timeout(0.5):  # a feed that was subscribed to has nothing to say, and goes on
                async for _ in call:
                    pass
        except TimeoutError:
            call.cancel()
            return grpc.StatusCode.OK
        except grpc.aio.AioRpcError as error:
            # The client's own word where the server ended the call while it wrote: then it knows no status.
            if not str(error.details()).startswith("Internal error from Core"):
                return error.code()
            continue
        return grpc.StatusCode.OK
    raise AssertionError(f"{path} was ended {_MOST_TRIES} times while the client wrote")


async def _twice(body: bytes) -> AsyncIterator[bytes]:
    yield body
    await asyncio.sleep(0.02)  # mostly it is refused by now, and the client writes no more
    yield body
