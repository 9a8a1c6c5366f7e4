"""Records of calls: what changed something and told it by no event of its own is told by a general one, in the same transaction."""

import hashlib
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from ballast.events.v1.call_recorded_pb2 import CallRecorded
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from shared.clock import Clock
from shared.events.event import EncodedEvent
from shared.events.outbox import Outbox
from shared.principal import current_cause, current_principal_name
from shared.rpc.native import usual_message
from shared.storage.database import Database

_RESOURCE = re.compile(r"[a-z][A-Za-z]*(?:/[^\s/]+)+")
_MOST_RESOURCES = 20
_LONGEST_NAME = 512
_DEEPEST = 3
_PROSE = frozenset({"reason", "note", "text", "title", "description", "request_id", "etag", "page_token"})


class CallRecords:
    """Tells of calls that end within a transaction of their own (`@once`)."""

    def __init__(self, database: Database, outbox: Outbox, clock: Clock) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock

    async def __call__(self, request: Any, response: Message) -> None:
        """Records the call under way, in the transaction it is called in, unless an event tells of it already."""
        cause = current_cause()
        if cause.is_told or not cause.method:
            return
        usual = usual_message(request)
        resources = _resources(usual, response)
        record = CallRecorded(
            method=cause.method,
            principal=current_principal_name(),
            resources=resources,
            request_digest=hashlib.sha256(usual.SerializeToString(deterministic=True)).digest(),
            reason=cause.reason,
            outcome="OK",
        )
        event = EncodedEvent(resources[0] if resources else f"calls/{cause.method}", 0, record, self._clock.now())
        async with self._database.transaction() as connection:
            await self._outbox.record(connection, [event])


def _resources(*messages: Message) -> list[str]:
    """Returns the names of resources in these messages, each once, in their order."""
    found = dict.fromkeys(name for message in messages for name in _names(message, _DEEPEST))
    return list(islice(found, _MOST_RESOURCES))


def _names(message: Message, depth: int) -> Iterator[str]:
    for field, value in message.ListFields():
        for each in islice(value, _MOST_RESOURCES) if field.is_repeated and not _is_map(field) else (value,):
            if field.type == FieldDescriptor.TYPE_STRING and field.name not in _PROSE and isinstance(each, str):
                if len(each) <= _LONGEST_NAME and _RESOURCE.fullmatch(each):
                    yield each
            elif depth and isinstance(each, Message):
                yield from _names(each, depth - 1)


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry
