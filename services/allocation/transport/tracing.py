"""The trace of a decision: one span, linked to each incident it weighed, with one event for each displaced roadmap item."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from opentelemetry.trace import Span, SpanContext, TraceFlags, Tracer, format_trace_id

from services.allocation.domain.decision import Decision, DisplacedItem, WeighedIncident
from services.allocation.domain.quantity import share_to_float
from services.allocation.domain.sprint import sprint_name

_DAY_SECONDS = 86_400


class DecisionTrace:
    """The span `ballast.allocation.decide` of one decision."""

    def __init__(self, span: Span) -> None:
        self._span = span

    @property
    def trace_id(self) -> str:
        """W3C trace id, 32 hex digits."""
        return format_trace_id(self._span.get_span_context().trace_id)

    def decided(self, decision: Decision) -> None:
        self._span.set_attributes(
            {
                "ballast.decision.name": decision.name,
                "ballast.decision.trigger": decision.trigger.name,
                "ballast.decision.outcome": decision.outcome.name,
                "ballast.decision.state": decision.standing.state.name,
                "ballast.team.name": decision.team,
                "ballast.sprint.name": sprint_name(decision.team, decision.sprint_number),
                "ballast.split.remediation_share_before": share_to_float(decision.share_before),
                "ballast.split.remediation_share_after": share_to_float(decision.after.remediation_share),
                "ballast.policy.name": decision.policy,
                "ballast.policy.revision": decision.policy_revision,
            }
        )
        for weighed in decision.incidents:
            self._link(weighed)
        for item in decision.impact.displaced:
            self._displaced(item)

    def _link(self, weighed: WeighedIncident) -> None:
        if not (weighed.trace_id and weighed.span_id):
            return  # an assessment that came without a trace
        context = SpanContext(
            int(weighed.trace_id, 16), int(weighed.span_id, 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)
        )
        self._span.add_link(
            context,
            {
                "ballast.incident.name": weighed.incident,
                "ballast.assessment.name": weighed.assessment,
                "ballast.incident.severity": weighed.severity,
            },
        )

    def _displaced(self, item: DisplacedItem) -> None:
        self._span.add_event(
            "ballast.roadmap_item.displaced",
            {
                "ballast.roadmap_item.name": item.roadmap_item,
                "ballast.roadmap_item.delay_days": item.delay.total_seconds() / _DAY_SECONDS,
                "ballast.roadmap_item.value_at_risk": float(item.value_at_risk.amount),
                "ballast.roadmap_item.currency": item.value_at_risk.currency,
            },
        )


def tracing(tracer: Tracer) -> Callable[[], AbstractContextManager[DecisionTrace]]:
    """Returns what opens the span of a decision, within the trace of whatever caused it."""

    @contextmanager
    def trace() -> Iterator[DecisionTrace]:
        with tracer.start_as_current_span("ballast.allocation.decide") as span:
            yield DecisionTrace(span)

    return trace
