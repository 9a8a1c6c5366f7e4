"""CloudEvents as they arrive: what each says, or why it is refused. Nothing an event holds can fail the others."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from ballast.events.v1.cloudevents_pb2 import CloudEvent
from ballast.intake.v1 import alert_pb2, change_pb2, heartbeat_pb2
from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message

from services.intake.domain.change import ChangeOutcome, ChangeReport
from services.intake.domain.item import Refusal
from services.intake.domain.publication import EventKey
from services.intake.transport import cdevents
from services.intake.transport.cdevents import Unusable, cd_event
from services.intake.transport.convert import report_from_pb
from services.intake.transport.signal_convert import SHAPE, beat_from_pb, change_report_from_pb
from services.intake.usecases.heartbeats import Beat
from services.intake.usecases.publish_events import Published
from services.intake.usecases.reports import RawReport
from shared.rpc.fault import faults_of
from shared.rpc.shape import item_breaches_of

LONGEST = 512  # of id and source
_JSON = "application/json"
_PROTOBUF = "application/protobuf"

Content = RawReport | ChangeReport | Beat


class _Refused(Exception):
    """Why the event under way is refused."""

    def __init__(self, reason: str, field: str, description: str) -> None:
        super().__init__(description)
        self.refusal = Refusal(reason, field, description)


@dataclass(frozen=True, slots=True)
class _Arrived:
    """An event and where it stands."""

    wire: CloudEvent
    place: str
    time: datetime | None

    def malformed(self, field: str, description: str) -> _Refused:
        return _Refused("EVENT_MALFORMED", f"{self.place}.{field}", description)

    def unusable(self, description: str, field: str = "") -> _Refused:
        return _Refused("EVENT_DATA_INVALID", f"{self.place}.{field or self.data_field}", description)

    @property
    def data_field(self) -> str:
        return self.wire.WhichOneof("data") or "data"


def published_from_pb(wire: CloudEvent, place: str, component_label: str) -> Published | Refusal:
    """Reads the event that stands at `place`, or says why it is refused."""
    try:
        arrived = _arrived(wire, place)
        content = _content(arrived, component_label)
    except _Refused as refused:
        return refused.refusal
    if isinstance(content, Refusal):
        return content
    return Published(EventKey(wire.source, wire.id), f"{place}.{arrived.data_field}", _text(wire, "traceparent"), content)


def _arrived(wire: CloudEvent, place: str) -> _Arrived:
    arrived = _Arrived(wire, place, None)
    for fault in faults_of(wire):
        raise arrived.malformed(fault.field, fault.description)
    for field in ("id", "source"):
        value = getattr(wire, field)
        if not value:
            raise arrived.malformed(field, "must not be empty: id and source together identify the event")
        if len(value) > LONGEST:
            raise arrived.malformed(field, f"has {len(value)} characters; the limit is {LONGEST}")
    if wire.spec_version != "1.0":
        raise arrived.malformed("spec_version", f"is {wire.spec_version[:40]!r}; send 1.0")
    if not wire.type:
        raise arrived.malformed("type", f"must not be empty; {_known()}")
    return replace(arrived, time=_time(arrived))


def _content(arrived: _Arrived, component_label: str) -> Content | Refusal | None:
    kind = arrived.wire.type
    if kind in _OWN:
        message, read = _OWN[kind]
        return read(_message(arrived, message()), arrived)
    if kind in cdevents.READERS:
        try:
            event = cd_event(arrived.wire.id, _text(arrived.wire, "subject"), arrived.time, _document(arrived), component_label)
            return _within_limits(cdevents.READERS[kind](event), arrived)
        except UnicodeEncodeError:
            raise arrived.unusable("holds half of a surrogate pair, which is no character; send whole ones") from None
        except Unusable as error:
            field, description = error.args
            raise arrived.unusable(description, f"{arrived.data_field}.{field}" if field else "") from None
    raise _Refused("EVENT_TYPE_UNKNOWN", f"{arrived.place}.type", f"{kind[:80]!r} is not understood; {_known()}")


def _message(arrived: _Arrived, message: Message) -> Message:
    """Fills the message with the event's data: as protobuf, or as JSON."""
    wire, name = arrived.wire, message.DESCRIPTOR.full_name
    if wire.WhichOneof("data") == "proto_data":
        if wire.proto_data.TypeName() != name:
            raise arrived.unusable(f"is a {wire.proto_data.TypeName()[:80] or 'message without a type'}; the event's type promises {name}")
        return _decoded(arrived, message, wire.proto_data.value)
    if wire.WhichOneof("data") == "binary_data" and _content_type(wire) == _PROTOBUF:
        return _decoded(arrived, message, wire.binary_data)
    document = _document(arrived)
    if not isinstance(document, dict):
        raise arrived.unusable(f"is no JSON object; send a {name} in JSON")
    try:
        json_format.ParseDict(document, message)
    except (json_format.ParseError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise arrived.unusable(f"is no {name} in JSON: {str(error)[:200]}") from None
    return message


def _decoded(arrived: _Arrived, message: Message, data: bytes) -> Message:
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise arrived.unusable(f"cannot be read as {message.DESCRIPTOR.full_name}; generate the sender from the contract") from None
    return message


def _document(arrived: _Arrived) -> Any:
    """Returns the event's data as JSON has it."""
    wire = arrived.wire
    which, kind = wire.WhichOneof("data"), _content_type(wire)
    if which not in {"text_data", "binary_data"}:
        raise arrived.unusable("is missing; send the data as JSON" if which is None else "is a message; send the data of this type as JSON")
    if kind != _JSON and not kind.endswith("+json") and (kind or which == "binary_data"):
        described = repr(kind[:80]) if kind else "not said"
        raise arrived.unusable(f"is {described}; send {_JSON}", 'attributes["datacontenttype"]')
    try:
        return json.loads(wire.text_data if which == "text_data" else wire.binary_data)
    except (ValueError, RecursionError) as error:
        raise arrived.unusable(f"is no JSON: {str(error)[:200]}") from None


def _alert(message: Any, arrived: _Arrived) -> RawReport | Refusal:
    if broken := item_breaches_of(message, f"{arrived.place}.{arrived.data_field}"):
        return Refusal(SHAPE, broken[0].field, broken[0].description)
    report = report_from_pb(message)
    # The event's own time makes the same event mean the same whenever it arrives.
    return replace(report, starts_at=arrived.time) if report.starts_at is None and report.ends_at is None else report


def _change(message: Any, arrived: _Arrived) -> ChangeReport | Refusal:
    report = change_report_from_pb(message, f"{arrived.place}.{arrived.data_field}")
    if isinstance(report, Refusal) or arrived.time is None or report.started_at is not None or report.finished_at is not None:
        return report
    is_begin = report.outcome is ChangeOutcome.UNDER_WAY
    return replace(report, started_at=arrived.time) if is_begin else replace(report, finished_at=arrived.time)


def _beat(message: Any, arrived: _Arrived) -> Beat | Refusal:
    beat = beat_from_pb(message, f"{arrived.place}.{arrived.data_field}")
    return beat if isinstance(beat, Refusal) else replace(beat, at=beat.at or arrived.time)


def _within_limits(content: Content | Refusal | None, arrived: _Arrived) -> Content | Refusal | None:
    """Applies the shape rules of our own messages to what a foreign event became."""
    message: Message
    if isinstance(content, RawReport):
        message = alert_pb2.AlertReport(
            key=content.key, labels=content.labels, annotations=content.annotations, generator_url=content.generator_url
        )
    elif isinstance(content, ChangeReport):
        message = change_pb2.ChangeReport(
            key=content.key,
            kind=content.kind.value,  # type: ignore[arg-type]  # the numbers are the contract's
            components=content.components,
            environment=content.environment,
            version=content.artifact,
            summary=content.summary,
        )
    else:
        return content
    if broken := item_breaches_of(message, f"{arrived.place}.{arrived.data_field}"):
        return Refusal(SHAPE, broken[0].field, broken[0].description)
    return content


_OWN: dict[str, tuple[type[Message], Callable[[Any, _Arrived], Content | Refusal]]] = {
    kind.DESCRIPTOR.full_name: (kind, read)
    for kind, read in ((alert_pb2.AlertReport, _alert), (change_pb2.ChangeReport, _change), (heartbeat_pb2.Beat, _beat))
}


def _known() -> str:
    return f"known are {', '.join([*_OWN, *cdevents.READERS])}"


def _time(arrived: _Arrived) -> datetime | None:
    if "time" not in arrived.wire.attributes:
        return None
    value = arrived.wire.attributes["time"]
    if value.WhichOneof("attr") == "ce_timestamp":
        return value.ce_timestamp.ToDatetime(tzinfo=UTC)
    try:
        found = datetime.fromisoformat(value.ce_string)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise arrived.malformed('attributes["time"]', "is no time; send ce_timestamp, or an RFC 3339 string with a zone")
    return found


def _content_type(wire: CloudEvent) -> str:
    return _text(wire, "datacontenttype").partition(";")[0].strip().lower()


def _text(wire: CloudEvent, name: str) -> str:
    return str(wire.attributes[name].ce_string) if name in wire.attributes else ""
