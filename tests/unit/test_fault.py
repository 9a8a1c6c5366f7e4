"""What no shape rule can say of a field is found wherever it stands, and named by its path."""

from typing import Any

import pytest
from ballast.intake.v1 import alert_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.simulation.v1 import simulation_service_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from shared.errors import Violation
from shared.rpc.fault import faults_of


def reports(**fields: Any) -> pb.ReportAlertsRequest:
    """Builds a request whose second report has these fields."""
    return pb.ReportAlertsRequest(source="test", reports=[alert_pb2.AlertReport(), alert_pb2.AlertReport(**fields)])


def test_a_sound_message_has_no_faults() -> None:
    assert faults_of(reports(labels={"a": "b"}, starts_at=Timestamp(seconds=1), generator_url="https://x")) == []


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (pb.ReportAlertsRequest(source="\0"), "source"),
        (reports(key="a\0"), "reports[1].key"),
        (reports(labels={"a": "\0"}), 'reports[1].labels["a"]'),
        (reports(labels={"\0": "a"}), "reports[1].labels"),
        (pb.ListIncidentsRequest(filter=pb.IncidentFilter(components=["a", "\0"])), "filter.components[1]"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_text_that_no_store_keeps_is_named(message: Message, field: str) -> None:
    assert faults_of(message) == [Violation(field, "holds a NUL character, which no store keeps; take it out")]


@pytest.mark.parametrize(
    "time", [Timestamp(seconds=2**60), Timestamp(seconds=-(2**60)), Timestamp(nanos=-1), Timestamp(nanos=10**9)], ids=str
)
def test_a_time_that_does_not_exist_is_named(time: Timestamp) -> None:
    (violation,) = faults_of(reports(ends_at=time))
    assert violation.field == "reports[1].ends_at"
    assert violation.description.startswith("does not exist: ")


def test_a_duration_that_does_not_exist_is_named() -> None:
    (violation,) = faults_of(simulation_service_pb2.SettleRequest(timeout=Duration(seconds=2**60)))
    assert violation.field == "timeout"


def test_every_fault_is_named() -> None:
    assert [each.field for each in faults_of(reports(key="\0", labels={"a": "\0", "b": "ok"}))] == [
        "reports[1].key",
        'reports[1].labels["a"]',
    ]


def test_what_is_no_message_has_no_faults() -> None:
    assert faults_of(None) == []
