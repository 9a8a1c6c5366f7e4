"""Builders of what comes in by the other ways: events, changes, beats; and stubs that send it to a running intake."""

import json
import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ballast.events.v1.cloudevents_pb2 import CloudEvent, CloudEventBatch
from ballast.intake.v1 import change_pb2, heartbeat_pb2, incident_pb2
from ballast.intake.v1 import intake_service_pb2 as intake_pb
from ballast.intake.v1 import signal_messages_pb2 as pb
from ballast.intake.v1.signal_service_pb2_grpc import SignalServiceStub
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from tests.conftest import START
from tests.support.intake import Intake

if TYPE_CHECKING:
    from ballast.intake.v1.signal_service_pb2_grpc import SignalServiceAsyncStub  # exists for the type checker only

NOBODY = uuid.UUID(int=0)


def signals_of(intake: Intake) -> "SignalServiceAsyncStub":
    return SignalServiceStub(intake.channel.grpc)


def at(seconds: float) -> Timestamp:
    """Returns a time in seconds after START."""
    return stamp(START + timedelta(seconds=seconds))


def stamp(moment: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(moment)
    return made


def change(
    component: str = "", key: str = "", begin: float | None = None, end: float | None = None, **fields: Any
) -> change_pb2.ChangeReport:
    """Builds a deploy; times in seconds after START."""
    built = change_pb2.ChangeReport(key=key or uuid.uuid4().hex, kind=change_pb2.CHANGE_KIND_DEPLOY)
    if component:
        built.components.append(component)
    if begin is not None:
        built.started_at.CopyFrom(at(begin))
    if end is not None:
        built.finished_at.CopyFrom(at(end))
    for field, value in fields.items():
        setattr(built, field, value)
    return built


def beat(name: str, seconds: float | None = None) -> heartbeat_pb2.Beat:
    return heartbeat_pb2.Beat(heartbeat=name, occurred_at=None if seconds is None else at(seconds))


def event(kind: str, data: Message | dict[str, Any] | str | bytes | None = None, source: str = "/test", **attributes: Any) -> CloudEvent:
    """Builds an event: a message travels as protobuf, a dictionary as JSON."""
    built = CloudEvent(id=uuid.uuid4().hex, source=source, spec_version="1.0", type=kind)
    if isinstance(data, Message):
        built.proto_data.Pack(data)
    elif isinstance(data, bytes):
        built.binary_data = data
    elif data is not None:
        built.text_data = data if isinstance(data, str) else json.dumps(data)
    for name, value in attributes.items():
        if isinstance(value, Timestamp):
            built.attributes[name].ce_timestamp.CopyFrom(value)
        else:
            built.attributes[name].ce_string = value
    return built


async def publish(rpc: "SignalServiceAsyncStub", *events: CloudEvent, request_id: str = "") -> list[pb.EventResult]:
    return list((await rpc.PublishEvents(pb.PublishEventsRequest(request_id=request_id, batch=CloudEventBatch(events=events)))).results)


async def report(rpc: "SignalServiceAsyncStub", *changes: change_pb2.ChangeReport, source: str = "ci") -> list[pb.ChangeResult]:
    return list((await rpc.ReportChanges(pb.ReportChangesRequest(source=source, changes=changes))).results)


async def incident_of(intake: Intake, name: str) -> incident_pb2.Incident:
    return (await intake.rpc.GetIncident(intake_pb.GetIncidentRequest(name=name))).incident


async def timeline_of(intake: Intake, name: str) -> list[incident_pb2.TimelineEntry]:
    return list((await intake.rpc.ListTimeline(intake_pb.ListTimelineRequest(incident=name))).entries)
