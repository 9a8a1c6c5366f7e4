"""Rendering: what is known of an incident becomes a bundle; bundles are read."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from time import monotonic
from typing import Protocol
from uuid import UUID

from services.playbook.domain.arrival import Trigger
from services.playbook.domain.bundle import Bundle, Rendering, bundle_of
from services.playbook.domain.errors import IncidentUnknown
from services.playbook.domain.fact import DecisionFact
from services.playbook.domain.playbook import Order, render
from services.playbook.domain.rendering import CompiledTemplate
from services.playbook.storage.bundle_store import BundleQuery, BundleStore
from services.playbook.storage.case_store import Case, CaseStore
from services.playbook.usecases.catalogue import Catalogue
from shared.clock import Clock
from shared.ids import new_id
from shared.paging import Page, PageQuery
from shared.telemetry import trace_ids

# A render takes milliseconds; its own count of steps ends at about a tenth of a second. What takes this long is not the template's doing.
LONGEST_RENDER_SECONDS = 5.0


class RenderSpan(Protocol):
    """The span of one render."""

    def rendered(self, bundle: Bundle) -> None: ...


class RenderTracer(Protocol):
    """Opens a span around a render; transport gives it, as only transport knows OpenTelemetry."""

    def rendering(self, incident: str, template: str) -> AbstractContextManager[RenderSpan]: ...


class Renders:
    """Renders bundles and reads them."""

    def __init__(self, cases: CaseStore, bundles: BundleStore, catalogue: Catalogue, clock: Clock, tracer: RenderTracer) -> None:
        self._cases = cases
        self._bundles = bundles
        self._catalogue = catalogue
        self._clock = clock
        self._tracer = tracer

    async def get(self, bundle_id: UUID) -> Bundle:
        return await self._bundles.get(bundle_id)

    async def page(self, query: BundleQuery, paging: PageQuery) -> Page[Bundle]:
        return await self._bundles.page(query, paging)

    async def on_request(self, template: str, incident: str, inputs: Mapping[str, str], *, validate_only: bool) -> Bundle:
        """Renders on what is known now. Raises TemplateNotFound, IncidentUnknown, InputRefused, InputUndefined, RenderRefused."""
        compiled = self._catalogue.get(template)
        async with self._cases.case(incident) as case:
            if case.facts.is_empty:
                raise IncidentUnknown(incident)
            decision = case.facts.newest_decision
            if validate_only:
                return self._bundle("", render(compiled, case.facts, inputs, decision, _in_time()), Trigger.REQUEST)
            return await self._save(case, compiled, inputs, Trigger.REQUEST, decision)

    async def on_fact(self, case: Case, trigger: Trigger, decision: DecisionFact | None) -> Bundle:
        """Renders the template for incidents on the facts of an open case, on `decision` if one is given. Raises RenderRefused."""
        return await self._save(case, self._catalogue.for_incidents, {}, trigger, decision)

    async def _save(
        self, case: Case, compiled: CompiledTemplate, inputs: Mapping[str, str], trigger: Trigger, decision: DecisionFact | None
    ) -> Bundle:
        with self._tracer.rendering(case.facts.name, compiled.template.name) as span:
            rendering = render(compiled, case.facts, inputs, decision, _in_time())
            bundle = await case.save(self._bundle(f"bundles/{new_id(self._clock.now())}", rendering, trigger))
            span.rendered(bundle)
            return bundle

    def _bundle(self, name: str, rendering: Rendering, trigger: Trigger) -> Bundle:
        return bundle_of(name, rendering, trigger, trace_ids()[0], self._clock.now())


def _in_time() -> Order:
    """Returns the order to render within the deadline, which the machine's own time ends, whatever a simulated clock says."""
    latest = monotonic() + LONGEST_RENDER_SECONDS
    return Order(is_over=lambda: monotonic() > latest)
