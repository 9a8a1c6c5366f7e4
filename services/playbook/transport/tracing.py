"""The span around a render, with what it rendered as `ballast.*` attributes."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.trace import Span, Tracer

from services.playbook.domain.bundle import Bundle


class _RenderSpan:
    def __init__(self, span: Span) -> None:
        self._span = span

    def rendered(self, bundle: Bundle) -> None:
        provenance = bundle.provenance
        attributes = {
            "ballast.bundle.name": bundle.name,
            "ballast.bundle.trigger": bundle.trigger.value,
            "ballast.template.version": provenance.template_version,
            "ballast.assessment.name": provenance.assessment,
            "ballast.decision.name": provenance.decision,
        }
        self._span.set_attributes({key: value for key, value in attributes.items() if value})


class RenderTrace:
    """Opens the span `render bundle`."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    @contextmanager
    def rendering(self, incident: str, template: str) -> Iterator[_RenderSpan]:
        attributes = {"ballast.incident.name": incident, "ballast.template.name": template}
        with self._tracer.start_as_current_span("render bundle", attributes=attributes) as span:
            yield _RenderSpan(span)
