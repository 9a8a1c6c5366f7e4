"""The traces of published events: what an event causes continues the trace its `traceparent` names."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from opentelemetry.trace import Link, SpanKind, Tracer, get_current_span

from shared.telemetry import context_from_traceparent, trace_ids


def continuing(tracer: Tracer) -> Callable[[str], AbstractContextManager[None]]:
    """Returns what opens a span of the trace a `traceparent` names, linked to the call that brought it; nothing where it names none."""

    @contextmanager
    def within(traceparent: str) -> Iterator[None]:
        context = context_from_traceparent(traceparent)
        if trace_ids(context) == ("", ""):
            yield
            return
        link = Link(get_current_span().get_span_context())
        with tracer.start_as_current_span("ballast.intake.publish", context=context, kind=SpanKind.CONSUMER, links=[link]):
            yield

    return within
