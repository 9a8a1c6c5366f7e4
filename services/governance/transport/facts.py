"""The events lineage is drawn from, read as governance's own facts."""

from collections.abc import Callable, Mapping
from typing import Any

from ballast.allocation.v1 import allocation_events_pb2, decision_pb2, roadmap_item_pb2
from ballast.intake.v1 import intake_events_pb2
from ballast.playbook.v1 import playbook_events_pb2
from ballast.triage.v1 import triage_events_pb2
from google.protobuf.message import DecodeError, Message

from services.governance.domain.fact import (
    AssessmentFact,
    BundleFact,
    ComponentFact,
    DecisionFact,
    Displacement,
    Fact,
    IncidentFact,
    PolicyFact,
    RoadmapItemFact,
    WeighedAssessment,
)
from shared.errors import InvalidInput
from shared.events.event import ReceivedEvent
from shared.money import Money


class FactUnreadable(ValueError):
    """An event's data is not what its type promises."""


def fact_from_event(event: ReceivedEvent) -> Fact | None:
    """Returns what the event tells, or None for a type that shows nothing of lineage. Raises FactUnreadable."""
    reader = _READERS.get(event.type)
    if reader is None:
        return None
    kind, read = reader
    try:
        return read(event.unpack(kind))
    except (InvalidInput, DecodeError, ValueError, OverflowError) as error:
        raise FactUnreadable(f"{event.type} {event.id} of {event.source}: {error}") from error


def _incident(data: intake_events_pb2.IncidentOpened | intake_events_pb2.IncidentChanged) -> IncidentFact:
    return IncidentFact(
        data.incident.name, data.incident.title, tuple(data.incident.components), tuple(data.alerts), data.incident.merged_into
    )


def _assessment(data: triage_events_pb2.AssessmentMade) -> AssessmentFact:
    assessment = data.assessment
    return AssessmentFact(assessment.name, assessment.incident, assessment.title, assessment.severity)


def _component(data: triage_events_pb2.ComponentChanged) -> ComponentFact:
    return ComponentFact(data.component.name, data.component.display_name)


def _decision(data: allocation_events_pb2.DecisionMade) -> DecisionFact:
    decision = data.decision
    return DecisionFact(
        name=decision.name,
        sprint=decision.sprint,
        before_share=decision.before.remediation_share if decision.HasField("before") else None,
        after_share=decision.after.remediation_share,
        policy=decision.policy,
        policy_revision=decision.policy_revision,
        weighed=_weighed(decision),
        displaced=tuple(_displacement(item) for item in decision.impact.displaced),
    )


def _weighed(decision: decision_pb2.Decision) -> tuple[WeighedAssessment, ...]:
    """The one that triggered it may stand apart from those of the incidents weighed."""
    weighed = {each.assessment: WeighedAssessment(each.assessment, each.assessment_revision, each.severity) for each in decision.incidents}
    weighed.setdefault(decision.assessment, WeighedAssessment(decision.assessment))
    return tuple(weighed.values())


def _displacement(item: roadmap_item_pb2.DisplacedItem) -> Displacement:
    value = item.value_at_risk
    money = Money.from_units_and_nanos(value.units, value.nanos, value.currency_code) if item.HasField("value_at_risk") else None
    return Displacement(item.roadmap_item, item.title, item.delay.ToTimedelta(), money)


def _policy(data: allocation_events_pb2.AllocationPolicyChanged) -> PolicyFact:
    return PolicyFact(data.policy.name, data.policy.revision, data.policy.reason)


def _roadmap_item(data: allocation_events_pb2.RoadmapItemChanged) -> RoadmapItemFact:
    return RoadmapItemFact(data.item.name, data.item.title)


def _bundle(data: playbook_events_pb2.BundleRendered) -> BundleFact:
    bundle = data.bundle
    return BundleFact(bundle.name, bundle.template, bundle.template_version, bundle.decision, bundle.assessment)


# Any: each reader takes the message beside it, which a mapping's type cannot say.
_READERS: Mapping[str, tuple[type[Message], Callable[[Any], Fact]]] = {
    kind.DESCRIPTOR.full_name: (kind, read)
    for kind, read in (
        (intake_events_pb2.IncidentOpened, _incident),
        (intake_events_pb2.IncidentChanged, _incident),
        (triage_events_pb2.AssessmentMade, _assessment),
        (triage_events_pb2.ComponentChanged, _component),
        (allocation_events_pb2.DecisionMade, _decision),
        (allocation_events_pb2.AllocationPolicyChanged, _policy),
        (allocation_events_pb2.RoadmapItemChanged, _roadmap_item),
        (playbook_events_pb2.BundleRendered, _bundle),
    )
}
