"""Trace context that travels in events and rows, and comes back as the parent of a span."""

import re

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from shared.telemetry import context_from_traceparent, current_traceparent, current_tracestate, trace_id_of, trace_ids

TRACER = TracerProvider(shutdown_on_exit=False).get_tracer("test")
HEX = "0123456789abcdef"


def test_outside_a_span_there_is_no_trace() -> None:
    assert current_traceparent() == ""
    assert current_tracestate() == ""
    assert trace_ids() == ("", "")


def test_inside_a_span_ids_and_traceparent_agree() -> None:
    with TRACER.start_as_current_span("work"):
        trace_id, span_id = trace_ids()
        assert re.fullmatch(r"[0-9a-f]{32}", trace_id)
        assert re.fullmatch(r"[0-9a-f]{16}", span_id)
        assert re.fullmatch(f"00-{trace_id}-{span_id}-[0-9a-f]{{2}}", current_traceparent())


def test_a_span_begun_from_a_traceparent_goes_on_with_its_trace() -> None:
    with TRACER.start_as_current_span("sender"):
        sent = current_traceparent()
        trace_id, span_id = trace_ids()
    with TRACER.start_as_current_span("receiver", context=context_from_traceparent(sent)) as span:
        assert trace_ids()[0] == trace_id
        assert trace_ids()[1] != span_id
        assert trace_ids(context_from_traceparent(sent)) == (trace_id, span_id)
        assert span.get_span_context().trace_flags.sampled


def test_a_traceparent_is_not_mixed_with_the_current_span() -> None:
    with TRACER.start_as_current_span("unrelated"):
        assert trace_ids(context_from_traceparent("")) == ("", "")


def test_tracestate_travels_along() -> None:
    traceparent = f"00-{'a' * 32}-{'b' * 16}-01"
    found = trace.get_current_span(context_from_traceparent(traceparent, "vendor=1")).get_span_context()
    assert found.trace_state.get("vendor") == "1"
    with TRACER.start_as_current_span("child", context=context_from_traceparent(traceparent, "vendor=1")):
        assert current_tracestate() == "vendor=1"


@given(
    st.text(HEX, min_size=32, max_size=32).filter(lambda text: text.strip("0")),
    st.text(HEX, min_size=16, max_size=16).filter(lambda text: text.strip("0")),
)
def test_every_valid_traceparent_comes_out_as_it_went_in(trace_id: str, span_id: str) -> None:
    assert trace_ids(context_from_traceparent(f"00-{trace_id}-{span_id}-01")) == (trace_id, span_id)


@given(st.text(max_size=80))
def test_whatever_is_no_traceparent_begins_no_trace(text: str) -> None:
    found, _ = trace_ids(context_from_traceparent(text))
    assert found == "" or text.strip().split("-")[1] == found


@given(
    st.one_of(
        st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-x)?", fullmatch=True),
        st.sampled_from([f"00-{'0' * 32}-{'b' * 16}-01", f"00-{'a' * 32}-{'0' * 16}-01", f"ff-{'a' * 32}-{'b' * 16}-01", "", "00-a-b-c"]),
        st.text(max_size=60),
    )
)
def test_the_trace_id_read_alone_is_that_of_the_context(traceparent: str) -> None:
    if not traceparent.startswith("00-") or traceparent.count("-") == 3:  # of version 00 the library takes no more than four parts
        assert trace_id_of(traceparent) == trace_ids(context_from_traceparent(traceparent))[0]
