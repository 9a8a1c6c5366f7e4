"""An event as it is recorded and as it is received, apart from any service's own events."""

import builtins
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import NamedTuple, TypeVar

from ballast.events.v1.cloudevents_pb2 import CloudEvent, CloudEventAttributeValue
from google.protobuf import descriptor_pool
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp

from shared.errors import InvalidInput, Violation
from shared.rpc.fault import faults_of

Data = TypeVar("Data", bound=Message)
_LONGEST_VERSION = 18  # digits that any 64-bit integer holds
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799  # of the years 1 to 9999, from the epoch


class Outcome(IntEnum):
    """What a receiver did with an event; the numbers are those of ballast.events.v1.DeliveryOutcome."""

    ACCEPTED = 1
    STALE = 2
    IGNORED = 3


@dataclass(frozen=True, slots=True)
class EncodedEvent:
    """An event ready to be recorded: the resource it is about, that resource's version, and its data."""

    subject: str
    version: int
    data: Message
    time: datetime


class ReceivedEvent(NamedTuple):  # a frozen dataclass takes four times as long to make, and these are made by the hundred
    """An event as it arrived."""

    id: str
    source: str
    type: str
    subject: str
    version: int
    time: datetime
    principal: str
    traceparent: str
    data: AnyMessage
    method: str = ""  # the RPC that caused it
    reason: str = ""  # given by whoever called

    def unpack(self, kind: "builtins.type[Data]") -> Data:
        """Returns the data. Raises InvalidInput when it is not of this kind."""
        message = kind()
        if not self.data.Unpack(message):
            raise InvalidInput(
                f"event {self.id}: data is {self.data.TypeName()}, its type promises {kind.DESCRIPTOR.full_name}",
                reason="EVENT_MALFORMED",
            )
        return message

    def impossible(self) -> InvalidInput | None:
        """Returns what no service can do anything with in the data, such as a time that does not exist; None where there is no such thing.

        It walks the whole message, so it is for events that failed: else they would be tried again for what no retry mends.
        """
        try:
            message = GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(self.data.TypeName()))()
        except KeyError:
            return None
        found = faults_of(message) if self.data.Unpack(message) else []
        text = "; ".join(f"{each.field}: {each.description}" for each in found)
        return InvalidInput(f"event {self.id}: {text}", found, reason="EVENT_MALFORMED") if found else None


def cloud_event(event_id: str, source: str, event: EncodedEvent, headers: dict[str, str]) -> CloudEvent:
    """Returns the event in CloudEvents' protobuf form."""
    wire = CloudEvent(id=event_id, source=source, spec_version="1.0", type=event.data.DESCRIPTOR.full_name)
    wire.proto_data.Pack(event.data)
    wire.attributes["subject"].ce_string = event.subject
    wire.attributes["partitionkey"].ce_string = event.subject
    # A CloudEvents integer has 32 bits, which a version may outgrow: it travels as a string.
    wire.attributes["aggregateversion"].ce_string = str(event.version)
    wire.attributes["time"].ce_timestamp.FromDatetime(event.time)
    for key, value in headers.items():
        if value:
            wire.attributes[key].ce_string = value
    return wire


def received_event(wire: CloudEvent, place: str = "event") -> ReceivedEvent:
    """Reads an event that stands at `place` of a request. Raises InvalidInput with reason EVENT_MALFORMED and every field at fault."""
    attributes = wire.attributes  # asked for once: each look-up makes it anew
    event_id, source, type_ = wire.id, wire.source, wire.type
    version = _text(attributes, "aggregateversion") or "0"
    if not (event_id and source and type_ and wire.spec_version == "1.0" and wire.HasField("proto_data") and _is_version(version)):
        raise _malformed(wire, version, place)
    return ReceivedEvent(
        event_id,
        source,
        type_,
        _text(attributes, "subject"),
        int(version),
        _time(attributes["time"].ce_timestamp) if "time" in attributes else datetime.now(UTC),
        _text(attributes, "principal"),
        _text(attributes, "traceparent"),
        wire.proto_data,
        _text(attributes, "method"),
        _text(attributes, "reason"),
    )


def _malformed(wire: CloudEvent, version: str, place: str) -> InvalidInput:
    """Says of every field that is wrong what is wrong with it."""
    violations = [
        Violation(f"{place}.{field}", description)
        for field, broken, description in (
            ("id", not wire.id, "must not be empty: with source it identifies the event"),
            ("source", not wire.source, "must not be empty: with id it identifies the event"),
            ("type", not wire.type, "must not be empty: send the full name of the data's message"),
            ("spec_version", wire.spec_version != "1.0", f"is {wire.spec_version!r}; send 1.0"),
            ("proto_data", not wire.HasField("proto_data"), "is missing; send the data as a protobuf message"),
            ('attributes["aggregateversion"]', not _is_version(version), f"is {version!r}; send a whole number as a string"),
        )
        if broken
    ]
    return InvalidInput(f"event {wire.id or '?'}: {violations[0].field} {violations[0].description}", violations, reason="EVENT_MALFORMED")


def _is_version(text: str) -> bool:
    return len(text) <= _LONGEST_VERSION and text.isascii() and text.isdigit()


def _text(attributes: Mapping[str, CloudEventAttributeValue], name: str) -> str:
    # Looked for first: to ask for one that is not there would make it.
    return attributes[name].ce_string if name in attributes else ""


def _time(stamp: Timestamp) -> datetime:
    """Returns the time as `ToDatetime` does, in a third of the time. Raises ValueError for one that does not exist."""
    seconds, nanos = stamp.seconds, stamp.nanos
    if not (_FIRST_SECOND <= seconds <= _LAST_SECOND and 0 <= nanos < 1_000_000_000):
        return stamp.ToDatetime(tzinfo=UTC)  # which says what is wrong with it
    return _EPOCH + timedelta(0, seconds, nanos // 1000)
