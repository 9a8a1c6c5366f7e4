"""Traces, metrics and logs by OpenTelemetry: a resource per service, several per process, no global provider."""

from shared.telemetry.logs import configure_logs
from shared.telemetry.providers import DURATION_BUCKETS_SECONDS, Telemetry, setup
from shared.telemetry.traceparent import (
    context_from_traceparent,
    current_traceparent,
    current_tracestate,
    trace_id_of,
    trace_ids,
)

__all__ = [
    "DURATION_BUCKETS_SECONDS",
    "Telemetry",
    "configure_logs",
    "context_from_traceparent",
    "current_traceparent",
    "current_tracestate",
    "setup",
    "trace_id_of",
    "trace_ids",
]
