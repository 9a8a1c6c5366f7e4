"""Events of other systems over the wire: what each becomes, that each counts once, and refusals that leave the others alone."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest
from ballast.events.v1.cloudevents_pb2 import CloudEvent, CloudEventBatch
from ballast.intake.v1 import alert_pb2, change_pb2, heartbeat_pb2, incident_pb2
from ballast.intake.v1 import intake_service_pb2 as intake_pb
from ballast.intake.v1 import signal_messages_pb2 as pb
from google.protobuf.duration_pb2 import Duration
from sqlalchemy import text

from services.intake.storage.published_store import PublishedStore
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput
from tests.support.intake import Intake, intake_serving
from tests.support.intake import report as alert
from tests.support.signals import at, beat, change, event, publish, signals_of

if TYPE_CHECKING:
    from ballast.intake.v1.signal_service_pb2_grpc import SignalServiceAsyncStub

ALERT, CHANGE, BEAT, IGNORED = (
    pb.EVENT_DISPOSITION_ALERT,
    pb.EVENT_DISPOSITION_CHANGE,
    pb.EVENT_DISPOSITION_BEAT,
    pb.EVENT_DISPOSITION_IGNORED,
)
ALERT_REPORT, CHANGE_REPORT, BEAT_TYPE = (
    each.DESCRIPTOR.full_name for each in (alert_pb2.AlertReport, change_pb2.ChangeReport, heartbeat_pb2.Beat)
)
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(scope="module")
async def intake(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Intake]:
    async with intake_serving(urls, engines, clock) as running:
        yield running


@pytest.fixture(scope="module")
async def rpc(intake: Intake) -> "SignalServiceAsyncStub":
    return signals_of(intake)


async def alert_named(intake: Intake, name: str) -> alert_pb2.Alert:
    found = (await intake.rpc.ListAlerts(intake_pb.ListAlertsRequest(page_size=1000))).alerts
    return next(each for each in found if each.name == name)


async def change_named(rpc: "SignalServiceAsyncStub", name: str) -> change_pb2.Change:
    return (await rpc.GetChange(pb.GetChangeRequest(name=name))).change


def cdevent(kind: str, subject: str, content: dict[str, Any], timestamp: str = "2026-03-02T08:30:00Z") -> CloudEvent:
    """Builds a CDEvent as its binding to CloudEvents has it."""
    full = f"dev.cdevents.{kind}.0.3.0"
    context = {"version": "0.4.1", "id": "x", "source": "/ci", "type": full, "timestamp": timestamp}
    data = {"context": context, "subject": {"id": subject, "source": "/ci", "type": kind.partition(".")[0], "content": content}}
    return event(full, data, source="/ci", datacontenttype="application/json")


# What events become.


@pytest.mark.parametrize("form", ["message", "text", "bytes", "protobuf"])
async def test_an_alert_report_becomes_an_alert_in_every_form(intake: Intake, rpc: "SignalServiceAsyncStub", form: str) -> None:
    component = uuid.uuid4().hex
    sent = alert_pb2.AlertReport(labels={"component": component}, annotations={"summary": "slow"})
    as_json = {"labels": {"component": component}, "annotations": {"summary": "slow"}}
    built = {
        "message": lambda: event(ALERT_REPORT, sent, time=at(-30)),
        "text": lambda: event(ALERT_REPORT, as_json, time=at(-30)),
        "bytes": lambda: event(
            ALERT_REPORT, json.dumps(as_json).encode(), time=at(-30), datacontenttype="application/cloudevents+json; charset=utf-8"
        ),
        "protobuf": lambda: event(
            ALERT_REPORT, sent.SerializeToString(), time="2026-03-02T08:59:30Z", datacontenttype="application/protobuf"
        ),
    }[form]()
    (result,) = await publish(rpc, built)
    assert (result.disposition, result.duplicate) == (ALERT, False)
    kept = await alert_named(intake, result.resource)
    assert (kept.source, kept.labels["component"], kept.annotations["summary"], kept.starts_at) == ("/test", component, "slow", at(-30))


async def test_a_change_report_becomes_a_change_at_the_time_of_the_event(rpc: "SignalServiceAsyncStub") -> None:
    begun = event(CHANGE_REPORT, change("checkout", "run 9", outcome=change_pb2.CHANGE_OUTCOME_UNDER_WAY), time=at(-90))
    over = event(CHANGE_REPORT, change("checkout", "run 9"), time=at(-30))
    first, second = await publish(rpc, begun, over)
    assert (first.disposition, first.resource) == (CHANGE, second.resource)
    kept = await change_named(rpc, first.resource)
    assert (kept.source, kept.started_at, kept.finished_at) == ("/test", at(-90), at(-30))


async def test_a_beat_becomes_a_beat_at_the_time_of_the_event(rpc: "SignalServiceAsyncStub") -> None:
    name = f"heartbeats/h{uuid.uuid4().hex}"
    await rpc.SetHeartbeat(pb.SetHeartbeatRequest(heartbeat=heartbeat_pb2.Heartbeat(name=name, interval=Duration(seconds=60))))
    (result,) = await publish(rpc, event(BEAT_TYPE, beat(name), time=at(-5)))
    assert (result.disposition, result.resource) == (BEAT, name)
    assert (await rpc.GetHeartbeat(pb.GetHeartbeatRequest(name=name))).heartbeat.last_beat_at == at(-5)


async def test_an_incident_of_a_pipeline_is_one_alert_from_detection_to_resolution(intake: Intake, rpc: "SignalServiceAsyncStub") -> None:
    component = uuid.uuid4().hex
    content = {"description": "5xx after deploy", "service": {"id": component}, "environment": {"id": "prod"}, "artifactId": "pkg:oci/x@1"}
    results = await publish(
        rpc,
        cdevent("incident.detected", component, content, "2026-03-02T08:30:00Z"),
        cdevent("incident.reported", component, content | {"ticketURI": "https://t/1"}, "2026-03-02T08:31:00Z"),
        cdevent("incident.resolved", component, content, "2026-03-02T08:50:00+00:00"),
    )
    assert [each.disposition for each in results] == [ALERT] * 3
    assert len({each.resource for each in results}) == 1
    kept = await alert_named(intake, results[0].resource)
    assert dict(kept.labels) == {
        "alertname": "incident", "incident": component, "component": component, "environment": "prod", "artifact": "pkg:oci/x@1",
    }  # fmt: skip
    assert (kept.state, kept.starts_at, kept.ends_at) == (alert_pb2.ALERT_STATE_RESOLVED, at(-1800), at(-600))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("service.deployed", change_pb2.CHANGE_KIND_DEPLOY),
        ("service.upgraded", change_pb2.CHANGE_KIND_DEPLOY),
        ("service.published", change_pb2.CHANGE_KIND_DEPLOY),
        ("service.rolledback", change_pb2.CHANGE_KIND_ROLLBACK),
        ("service.removed", change_pb2.CHANGE_KIND_REMOVAL),
    ],
)
async def test_what_a_pipeline_does_to_a_service_is_a_change_of_that_component(
    rpc: "SignalServiceAsyncStub", kind: str, expected: int
) -> None:
    sent = cdevent(kind, "checkout", {"environment": {"id": "prod"}, "artifactId": "pkg:oci/checkout@sha256:1"})
    (result,) = await publish(rpc, sent)
    kept = await change_named(rpc, result.resource)
    assert (result.disposition, kept.kind, list(kept.components), kept.environment) == (CHANGE, expected, ["checkout"], "prod")
    assert (kept.key, kept.version, kept.started_at, kept.finished_at) == (sent.id, "pkg:oci/checkout@sha256:1", at(-1800), at(-1800))


async def test_an_environment_is_changed_as_infrastructure_and_an_artifact_is_nothing_yet(rpc: "SignalServiceAsyncStub") -> None:
    environment, artifact = await publish(
        rpc, cdevent("environment.modified", "prod", {}), cdevent("artifact.published", "pkg:oci/checkout@1", {})
    )
    kept = await change_named(rpc, environment.resource)
    assert (kept.kind, kept.environment, list(kept.components)) == (change_pb2.CHANGE_KIND_INFRASTRUCTURE, "prod", [])
    assert (artifact.disposition, artifact.resource, artifact.HasField("error")) == (IGNORED, "", False)


async def test_an_event_continues_the_trace_it_names(intake: Intake, rpc: "SignalServiceAsyncStub") -> None:
    traced = event(ALERT_REPORT, alert(uuid.uuid4().hex), traceparent=f"00-{TRACE}-b7ad6b7169203331-01")
    plain = event(ALERT_REPORT, alert(uuid.uuid4().hex), traceparent="nonsense")
    results = await publish(rpc, traced, plain)
    incidents = [(await alert_named(intake, each.resource)).incident for each in results]
    async with intake.app.database.transaction() as connection:
        rows = await connection.execute(
            text("select aggregateid, headers from outbox where aggregateid = any(:names)"), {"names": incidents}
        )
        traces = {row.aggregateid: row.headers["traceparent"].split("-")[1] for row in rows}
    assert traces[incidents[0]] == TRACE
    assert traces[incidents[1]] not in {TRACE, "0" * 32}


# Once.


async def test_an_event_taken_before_is_answered_with_what_it_became(intake: Intake, rpc: "SignalServiceAsyncStub") -> None:
    sent = event(ALERT_REPORT, alert(uuid.uuid4().hex))
    (first,) = await publish(rpc, sent)
    twice = await publish(rpc, sent, sent)
    assert [(each.duplicate, each.disposition, each.resource) for each in twice] == [(True, ALERT, first.resource)] * 2
    assert (await alert_named(intake, first.resource)).report_count == 1


async def test_an_event_twice_in_a_batch_is_taken_once(intake: Intake, rpc: "SignalServiceAsyncStub") -> None:
    sent = event(ALERT_REPORT, alert(uuid.uuid4().hex))
    first, second = await publish(rpc, sent, sent)
    assert (first.duplicate, second.duplicate, second.resource) == (False, True, first.resource)
    assert (await alert_named(intake, first.resource)).report_count == 1


async def test_of_many_calls_at_once_with_one_event_one_takes_it(rpc: "SignalServiceAsyncStub") -> None:
    sent = [event(ALERT_REPORT, alert(uuid.uuid4().hex)), event(CHANGE_REPORT, change("checkout"))]
    answers = await asyncio.gather(*(publish(rpc, *sent) for _ in range(8)))
    for results in zip(*answers, strict=True):
        assert sorted(each.duplicate for each in results) == [False] + [True] * 7
        assert len({each.resource for each in results}) == 1


async def test_the_same_id_of_another_source_is_another_event(rpc: "SignalServiceAsyncStub") -> None:
    first, second = event(ALERT_REPORT, alert("checkout")), event(ALERT_REPORT, alert("search"), source="/other")
    second.id = first.id
    assert [each.duplicate for each in await publish(rpc, first, second)] == [False, False]


async def test_an_event_is_told_again_rather_than_lost_by_a_crash_before_it_was_remembered(
    intake: Intake, rpc: "SignalServiceAsyncStub", monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = [event(ALERT_REPORT, alert(uuid.uuid4().hex)), event(CHANGE_REPORT, change("checkout"))]

    async def dies(*_: object) -> set[object]:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(PublishedStore, "remember", dies)
        with pytest.raises(Exception, match="internal error"):
            await publish(rpc, *sent)
    results = await publish(rpc, *sent)
    assert [each.duplicate for each in results] == [False, False]
    assert (await alert_named(intake, results[0].resource)).state == alert_pb2.ALERT_STATE_FIRING
    assert [each.resource for each in await publish(rpc, *sent)] == [each.resource for each in results]


async def test_a_refused_event_may_be_mended_and_sent_again(rpc: "SignalServiceAsyncStub") -> None:
    sent = event(ALERT_REPORT, {"labels": {}})
    assert (await publish(rpc, sent))[0].HasField("error")
    sent.text_data = json.dumps({"labels": {"component": "checkout"}})
    assert (await publish(rpc, sent))[0].disposition == ALERT


async def test_a_repeated_request_id_returns_the_first_answer_and_another_body_is_refused(rpc: "SignalServiceAsyncStub") -> None:
    request_id, sent = str(uuid.uuid4()), event(ALERT_REPORT, alert(uuid.uuid4().hex))
    first = await publish(rpc, sent, request_id=request_id)
    assert await publish(rpc, sent, request_id=request_id) == first
    with pytest.raises(InvalidInput) as error:
        await publish(rpc, event(ALERT_REPORT, alert("x")), request_id=request_id)
    assert error.value.reason == "REQUEST_ID_REUSED"


async def test_events_about_one_signal_keep_their_order(intake: Intake, rpc: "SignalServiceAsyncStub") -> None:
    component = uuid.uuid4().hex
    sent = [
        event(ALERT_REPORT, alert(component, begin, end), traceparent=f"00-{TRACE}-{number:016x}-01")
        for number, (begin, end) in enumerate([(-100, None), (-100, -90), (-80, None), (-80, -70), (-60, None)], 1)
    ]
    results = await publish(rpc, *sent)
    states = [(await alert_named(intake, each.resource)).state for each in results]
    assert states[-1] == alert_pb2.ALERT_STATE_FIRING


async def test_a_large_batch_of_many_traces_is_taken_whole(rpc: "SignalServiceAsyncStub") -> None:
    components = [uuid.uuid4().hex for _ in range(500)]
    sent = [
        event(ALERT_REPORT, alert(component), traceparent=f"00-{TRACE}-{number:016x}-01") for number, component in enumerate(components, 1)
    ]
    assert len({each.resource for each in await publish(rpc, *sent)}) == 500


async def test_what_events_became_is_forgotten_in_time(intake: Intake, rpc: "SignalServiceAsyncStub") -> None:
    sent = event(ALERT_REPORT, alert(uuid.uuid4().hex))
    await publish(rpc, sent)
    async with intake.app.database.transaction() as connection:
        await connection.execute(
            text("update published_event set received_at = received_at - interval '15 days' where id = :id"), {"id": sent.id}
        )
    await intake.app.tick()
    assert [each.duplicate for each in await publish(rpc, sent)] == [False]


# Refusals.


def spoilt(**fields: Any) -> CloudEvent:
    built = event(ALERT_REPORT, alert("checkout"))
    for field, value in fields.items():
        setattr(built, field, value)
    return built


@pytest.mark.parametrize(
    ("broken", "reason", "field", "words"),
    [
        (spoilt(id=""), "EVENT_MALFORMED", "id", "must not be empty"),
        (spoilt(source=""), "EVENT_MALFORMED", "source", "must not be empty"),
        (spoilt(id="x" * 513), "EVENT_MALFORMED", "id", "the limit is 512"),
        (spoilt(source="a\0b"), "EVENT_MALFORMED", "source", "NUL"),
        (spoilt(spec_version="0.3"), "EVENT_MALFORMED", "spec_version", "send 1.0"),
        (spoilt(type=""), "EVENT_MALFORMED", "type", ALERT_REPORT),
        (spoilt(type="com.example.Unknown"), "EVENT_TYPE_UNKNOWN", "type", "dev.cdevents.service.deployed.0.3.0"),
        (spoilt(type="dev.cdevents.incident.detected.0.9.0"), "EVENT_TYPE_UNKNOWN", "type", "not understood"),
        (event(ALERT_REPORT), "EVENT_DATA_INVALID", "data", "is missing"),
        (event(ALERT_REPORT, change("a")), "EVENT_DATA_INVALID", "proto_data", "promises ballast.intake.v1.AlertReport"),
        (event(ALERT_REPORT, "{"), "EVENT_DATA_INVALID", "text_data", "is no JSON"),
        (event(ALERT_REPORT, "[" * 100_000), "EVENT_DATA_INVALID", "text_data", "is no JSON"),
        (event(ALERT_REPORT, "[]"), "EVENT_DATA_INVALID", "text_data", "is no JSON object"),
        (event(ALERT_REPORT, "null"), "EVENT_DATA_INVALID", "text_data", "is no JSON object"),
        (event(ALERT_REPORT, {"label": {}}), "EVENT_DATA_INVALID", "text_data", "is no ballast.intake.v1.AlertReport"),
        (event(ALERT_REPORT, {"startsAt": "yesterday"}), "EVENT_DATA_INVALID", "text_data", "is no ballast.intake.v1.AlertReport"),
        (event(ALERT_REPORT, b"\xff", datacontenttype="application/json"), "EVENT_DATA_INVALID", "binary_data", "is no JSON"),
        (event(ALERT_REPORT, b"\xff", datacontenttype="application/protobuf"), "EVENT_DATA_INVALID", "binary_data", "cannot be read"),
        (event(ALERT_REPORT, b"{}"), "EVENT_DATA_INVALID", 'attributes["datacontenttype"]', "not said"),
        (event(ALERT_REPORT, "a: 1", datacontenttype="text/yaml"), "EVENT_DATA_INVALID", 'attributes["datacontenttype"]', "text/yaml"),
        (event(ALERT_REPORT, {"labels": {}}), "FIELD_INVALID", "text_data.labels", "add at least one entry"),
        (event(ALERT_REPORT, {"labels": {"a": "b\0"}}), "FIELD_INVALID", 'text_data.labels["a"]', "NUL"),
        (event(ALERT_REPORT, alert("a", 700)), "REPORT_REFUSED", "starts_at", "mend the sender's clock"),
        (event(CHANGE_REPORT, change("a", begin=700)), "CHANGE_TIME_INVALID", "started_at", "mend the sender's clock"),
        (event(CHANGE_REPORT, change_pb2.ChangeReport(key="k")), "FIELD_INVALID", "proto_data.kind", "choose one"),
        (event(BEAT_TYPE, beat("heartbeats/nobody")), "HEARTBEAT_NOT_FOUND", "heartbeat", "set it first"),
        (event(ALERT_REPORT, alert("a"), time="noon"), "EVENT_MALFORMED", 'attributes["time"]', "RFC 3339"),
        (cdevent("service.deployed", "", {}), "EVENT_DATA_INVALID", "text_data.subject.id", "is missing"),
        (cdevent("service.deployed", "x", {}, "noon"), "EVENT_DATA_INVALID", "text_data.context.timestamp", "RFC 3339"),
        (cdevent("incident.resolved", "x", {}, ""), "EVENT_DATA_INVALID", "text_data.context.timestamp", "when the incident ended"),
        (cdevent("service.deployed", "x" * 2000, {}), "FIELD_INVALID", "text_data", "shorten it"),
        (cdevent("incident.detected", "x", {"description": "\ud800"}), "EVENT_DATA_INVALID", "text_data", "surrogate"),
        (event(ALERT_REPORT, '{"labels": {"a": "\\ud800"}}'), "EVENT_DATA_INVALID", "text_data", "is no ballast.intake.v1.AlertReport"),
        (event("dev.cdevents.incident.detected.0.3.0", "7"), "EVENT_DATA_INVALID", "text_data", "no JSON object"),
        (
            event("dev.cdevents.incident.detected.0.3.0", alert("a")),
            "EVENT_DATA_INVALID",
            "proto_data",
            "send the data of this type as JSON",
        ),
    ],
)
async def test_an_event_that_breaks_a_rule_is_refused_alone(
    rpc: "SignalServiceAsyncStub", broken: CloudEvent, reason: str, field: str, words: str
) -> None:
    good = event(ALERT_REPORT, alert("checkout"))
    first, second = await publish(rpc, good, broken)
    assert first.disposition == ALERT
    assert (second.disposition, second.error.reason) == (pb.EVENT_DISPOSITION_UNSPECIFIED, reason)
    assert second.error.field.startswith("batch.events[1].")
    assert field in second.error.field
    assert words in second.error.description


async def test_a_time_that_does_not_exist_is_refused_alone(rpc: "SignalServiceAsyncStub") -> None:
    broken = event(ALERT_REPORT, alert("checkout"), time=at(0))
    broken.attributes["time"].ce_timestamp.seconds = 2**60
    inner = alert("checkout")
    inner.starts_at.seconds = 2**60
    good, first, second = await publish(rpc, event(ALERT_REPORT, alert("checkout")), broken, event(ALERT_REPORT, inner))
    assert not good.HasField("error")
    assert first.error.field == 'batch.events[1].attributes["time"].ce_timestamp'
    assert second.error.field == "batch.events[2].proto_data.starts_at"


@pytest.mark.parametrize("count", [0, 1001])
async def test_a_batch_holds_one_to_a_thousand_events(rpc: "SignalServiceAsyncStub", count: int) -> None:
    with pytest.raises(InvalidInput) as error:
        await rpc.PublishEvents(pb.PublishEventsRequest(batch=CloudEventBatch(events=[event(ALERT_REPORT)] * count)))
    assert (error.value.reason, [each.field for each in error.value.violations]) == ("FIELD_INVALID", ["batch.events"])


async def test_a_change_that_came_as_an_event_is_evidence_like_any_other(intake: Intake, rpc: "SignalServiceAsyncStub") -> None:
    component = uuid.uuid4().hex
    name = await intake.open(component)
    await publish(rpc, cdevent("service.deployed", component, {}))
    entries = (await intake.rpc.ListTimeline(intake_pb.ListTimelineRequest(incident=name))).entries
    assert [each.kind for each in entries].count(incident_pb2.TIMELINE_KIND_CHANGE) == 1
