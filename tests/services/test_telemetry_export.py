"""Spans, metrics and logs that went over OTLP to a collector and are found there."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog
from opentelemetry.trace import Link

from shared.telemetry import Telemetry, context_from_traceparent, current_traceparent, setup, trace_ids
from shared.testing.otlp import OtlpReceiver


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
async def receiver() -> AsyncIterator[OtlpReceiver]:
    async with OtlpReceiver() as started:
        yield started


async def flush(*telemetries: Telemetry) -> None:
    for telemetry in telemetries:
        await asyncio.to_thread(telemetry.shutdown)


async def test_a_span_arrives_with_its_attributes_events_and_links(receiver: OtlpReceiver) -> None:
    telemetry = setup("first", endpoint=receiver.endpoint)
    with telemetry.tracer.start_as_current_span("cause") as cause:
        pass
    with telemetry.tracer.start_as_current_span("effect", links=[Link(cause.get_span_context())]) as span:
        span.set_attribute("ballast.thing.count", 3)
        span.add_event("ballast.thing.moved", {"ballast.thing.delay_days": 2.5, "ballast.thing.tags": ["a", "b"]})
        expected = trace_ids()
    await flush(telemetry)
    (found,) = receiver.spans("effect")
    assert (found.trace_id, found.span_id, found.parent_span_id) == (*expected, "")
    assert found.attributes == {"ballast.thing.count": 3}
    assert found.events == (("ballast.thing.moved", {"ballast.thing.delay_days": 2.5, "ballast.thing.tags": ["a", "b"]}),)
    assert found.links == ((receiver.spans("cause")[0].trace_id, receiver.spans("cause")[0].span_id),)


async def test_services_of_one_process_have_resources_of_their_own(receiver: OtlpReceiver) -> None:
    first, second = setup("first", endpoint=receiver.endpoint, version="1.2.3"), setup("second", endpoint=receiver.endpoint)
    for telemetry in (first, second):
        with telemetry.tracer.start_as_current_span("work"):
            structlog.get_logger("m").info("working")
        telemetry.meter.create_counter("ballast_test_things", unit="{thing}").add(2)
    await flush(first, second)
    assert [span.service for span in receiver.spans("work")] == ["first", "second"]
    assert sorted(log.service for log in receiver.logs("working")) == ["first", "second"]
    assert sorted(metric.service for metric in receiver.metrics("ballast_test_things")) == ["first", "second"]
    assert receiver.resources["first"]["service.namespace"] == "ballast"
    assert receiver.resources["first"]["service.version"] == "1.2.3"
    assert receiver.resources["first"]["service.instance.id"] != receiver.resources["second"]["service.instance.id"]


async def test_one_trace_runs_through_two_services(receiver: OtlpReceiver) -> None:
    first, second = setup("first", endpoint=receiver.endpoint), setup("second", endpoint=receiver.endpoint)
    with first.tracer.start_as_current_span("send"):
        carried = current_traceparent()
    with second.tracer.start_as_current_span("receive", context=context_from_traceparent(carried)):
        pass
    await flush(first, second)
    (sent,), (received,) = receiver.spans("send"), receiver.spans("receive")
    assert received.trace_id == sent.trace_id
    assert received.parent_span_id == sent.span_id


async def test_metrics_arrive_with_unit_value_and_attributes(receiver: OtlpReceiver) -> None:
    telemetry = setup("first", endpoint=receiver.endpoint)
    telemetry.meter.create_counter("ballast_test_things", unit="{thing}").add(4, {"kind": "big"})
    duration = telemetry.meter.create_histogram("ballast_test_duration", unit="s")
    duration.record(0.25)
    duration.record(0.75)
    await flush(telemetry)
    (things,), (seconds,) = receiver.metrics("ballast_test_things"), receiver.metrics("ballast_test_duration")
    assert (things.value, things.unit, things.attributes) == (4, "{thing}", {"kind": "big"})
    assert (seconds.value, seconds.count, seconds.unit) == (1.0, 2, "s")


async def test_log_records_arrive_with_span_severity_and_fields(receiver: OtlpReceiver) -> None:
    telemetry = setup("first", endpoint=receiver.endpoint)
    with telemetry.tracer.start_as_current_span("work"):
        structlog.get_logger("m").warning("disk fills", percent=93)
        expected = trace_ids()
    logging.getLogger("library").error("broken: %s", "pipe")
    await flush(telemetry)
    (said,), (broken,) = receiver.logs("disk fills"), receiver.logs("broken: pipe")
    assert (said.trace_id, said.span_id, said.severity, said.attributes) == (*expected, "WARNING", {"percent": 93})
    assert (broken.trace_id, broken.severity) == ("", "ERROR")


async def test_an_exception_in_a_log_record_arrives_as_such(receiver: OtlpReceiver) -> None:
    telemetry = setup("first", endpoint=receiver.endpoint)
    try:
        int("seven")
    except ValueError:
        structlog.get_logger("m").exception("failed")
    await flush(telemetry)
    (failed,) = receiver.logs("failed")
    assert (failed.attributes["exception.type"], failed.attributes["exception.message"]) == (
        "ValueError",
        "invalid literal for int() with base 10: 'seven'",
    )


async def test_waiting_ends_when_the_span_comes_and_says_what_came_when_it_does_not(receiver: OtlpReceiver) -> None:
    telemetry = setup("first", endpoint=receiver.endpoint)
    with telemetry.tracer.start_as_current_span("work"):
        pass
    flushing = asyncio.create_task(flush(telemetry))
    await receiver.wait_for(lambda seen: seen.spans("work"))
    await flushing
    with pytest.raises(TimeoutError, match=r"arrived: \['work'\]"):
        await receiver.wait_for(lambda seen: seen.spans("play"), timeout=0.05)


async def test_shutdown_keeps_its_deadline_when_the_collector_is_away() -> None:
    telemetry = setup("first", endpoint="http://127.0.0.1:1")
    with telemetry.tracer.start_as_current_span("lost"):
        structlog.get_logger("m").info("lost")
    began = time.perf_counter()
    await asyncio.to_thread(telemetry.shutdown, 0.5)
    assert time.perf_counter() - began < 1.5
