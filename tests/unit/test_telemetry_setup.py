"""Telemetry without an endpoint: ids and instruments work, and nothing is sent or kept running."""

import threading
import time

from opentelemetry import metrics, trace

from shared.telemetry import context_from_traceparent, current_traceparent, current_tracestate, setup, trace_ids


def test_spans_have_ids_without_an_endpoint() -> None:
    telemetry = setup("quiet")
    with telemetry.tracer.start_as_current_span("outer"):
        outer = trace_ids()
        with telemetry.tracer.start_as_current_span("inner"):
            inner = trace_ids()
    telemetry.shutdown()
    assert outer[0] == inner[0] != ""
    assert outer[1] != inner[1]


def test_spans_still_have_ids_after_shutdown() -> None:
    telemetry = setup("quiet")
    telemetry.shutdown()
    telemetry.shutdown()
    with telemetry.tracer.start_as_current_span("late"):
        assert trace_ids()[0] != ""


def test_no_thread_runs_without_an_endpoint() -> None:
    before = threading.active_count()
    telemetry = setup("quiet")
    telemetry.meter.create_counter("ballast_test_things").add(1)
    assert threading.active_count() == before
    telemetry.shutdown()


def test_the_global_providers_are_left_alone() -> None:
    setup("quiet").shutdown()
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    assert type(metrics.get_meter_provider()).__name__ == "_ProxyMeterProvider"


def test_a_span_without_an_endpoint_costs_less_than_a_tenth_of_a_millisecond() -> None:
    telemetry = setup("quiet")
    began = time.perf_counter()
    for _ in range(1000):
        with telemetry.tracer.start_as_current_span("work"):
            pass
    assert time.perf_counter() - began < 0.1  # measured 5 µs each
    telemetry.shutdown()


def test_a_span_without_an_endpoint_goes_on_with_the_trace_of_its_caller() -> None:
    telemetry = setup("quiet")
    caller = context_from_traceparent(f"00-{'a' * 32}-{'b' * 16}-01", "vendor=1")
    with telemetry.tracer.start_as_current_span("work", context=caller):
        assert trace_ids()[0] == "a" * 32
        assert trace_ids()[1] not in ("", "b" * 16)
        assert current_traceparent().endswith("-01")
        assert current_tracestate() == "vendor=1"
    assert trace_ids() == ("", "")
    telemetry.shutdown()


def test_what_the_caller_does_not_sample_stays_unsampled() -> None:
    telemetry = setup("quiet")
    with telemetry.tracer.start_as_current_span("work", context=context_from_traceparent(f"00-{'a' * 32}-{'b' * 16}-00")):
        assert current_traceparent().endswith("-00")
    telemetry.shutdown()


def test_a_span_keeps_its_place_however_often_it_is_asked() -> None:
    telemetry = setup("quiet")
    with telemetry.tracer.start_as_current_span("work"):
        assert current_traceparent() == current_traceparent()
    telemetry.shutdown()
