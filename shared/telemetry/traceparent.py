"""W3C trace context in and out, for what travels by other ways than RPC metadata: events, rows, ledger entries."""

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR = TraceContextTextMapPropagator()
_NO_TRACE = Context()


def current_traceparent() -> str:
    """Returns `00-<trace>-<span>-<flags>` of the current span; empty outside a span."""
    place = trace.get_current_span().get_span_context()
    if not place.is_valid:
        return ""
    return f"00-{place.trace_id:032x}-{place.span_id:016x}-{place.trace_flags:02x}"


def current_tracestate() -> str:
    """Returns what other vendors added to the trace; mostly empty."""
    return trace.get_current_span().get_span_context().trace_state.to_header()


def context_from_traceparent(traceparent: str, tracestate: str = "") -> Context:
    """Returns a context whose current span is the remote one; an empty one when `traceparent` is not valid."""
    if not traceparent:
        return _NO_TRACE
    carrier = {"traceparent": traceparent} | ({"tracestate": tracestate} if tracestate else {})
    return _PROPAGATOR.extract(carrier, context=_NO_TRACE)


def trace_ids(context: Context | None = None) -> tuple[str, str]:
    """Returns trace id (32 hex digits) and span id (16) of the current span, or that of `context`; empty outside one."""
    found = trace.get_current_span(context).get_span_context()
    if not found.is_valid:
        return "", ""
    return trace.format_trace_id(found.trace_id), trace.format_span_id(found.span_id)
