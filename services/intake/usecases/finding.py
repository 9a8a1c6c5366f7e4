"""Finding: the incident an alert belongs to although its group has another: a failing dependency's, or one told in the same words."""

from collections.abc import Sequence

from services.intake.domain.grouping_rule import Placement
from services.intake.domain.incident import Incident
from services.intake.domain.similarity import MOST_CANDIDATES, similar
from services.intake.storage.alert_batch import AlertBatch
from services.intake.usecases.joining import Joining
from services.intake.usecases.work import Work


class Finding:
    """Looks among the open incidents of the alert's rule; for rules that ask for it only."""

    def __init__(self, component_label: str) -> None:
        self._component_label = component_label

    async def elsewhere(self, batch: AlertBatch, work: Work, placement: Placement, at: int) -> Incident | None:
        """Returns the open incident of another group that the alert belongs to; None where it opens one of its own."""
        rule = placement.rule
        if rule.dependencies:
            needed = work.routing.graph.dependencies_of(work.reports.labels[at].get(self._component_label, ""))
            found = await self._of_components(batch, work, rule.name, needed)
            if found:
                return found[0]
        if rule.similarity is not None:
            text = work.reports.annotations[at].get(rule.similarity.of, "")
            told = await batch.texts_of_open(rule.name, rule.similarity.of, MOST_CANDIDATES) if text else []
            alike = similar(text, [each for _, each in told], rule.similarity.at_least)
            if alike is not None:
                incident_id = told[alike.index][0]
                held = work.joinings.get(incident_id)
                return held.before if held else (await batch.incidents([incident_id])).get(incident_id)
        return None

    async def gather_dependents(self, batch: AlertBatch, work: Work, placement: Placement, joining: Joining, at: int) -> None:
        """Takes the incidents of those that depend on the failing component into its own: their cause is known now."""
        if not placement.rule.dependencies:
            return
        component = work.reports.labels[at].get(self._component_label, "")
        dependents = work.routing.graph.dependents_of(component)
        for incident in await self._of_components(batch, work, placement.rule.name, dependents):
            if incident.id == joining.before.id or incident.shaped or incident.version == 0:
                continue
            joining.absorb(incident, f"its component depends on {component}, which fails", work.now)
            brought = work.joinings.pop(incident.id, None)
            if brought is not None:
                joining.add(brought)
            work.absorbed[incident.id] = (incident, joining)

    async def _of_components(self, batch: AlertBatch, work: Work, rule: str, components: Sequence[str]) -> list[Incident]:
        """Returns the open incidents of the rule that name one of these components: nearest component first, then by opening."""
        if not components:
            return []
        order = {component: place for place, component in enumerate(components)}
        stored = await batch.open_incidents(rule, components)
        fresh = [
            each
            for each in work.new.values()
            if each.rule == rule and any(name in order for name in _named(work, each, self._component_label))
        ]

        def nearness(incident: Incident) -> tuple[int, object, object]:
            names = incident.components or _named(work, incident, self._component_label)
            return (min(order.get(each, len(order)) for each in names), incident.opened_at, incident.id)

        return sorted([*stored, *fresh], key=nearness)


def _named(work: Work, incident: Incident, label: str) -> tuple[str, ...]:
    """Returns the component of an incident this batch opens, which it has in its group's labels or will learn of at the end."""
    held = work.joinings.get(incident.id)
    return tuple(held.components) if held and held.components else tuple(value for name, value in incident.group_labels if name == label)
