"""Facts: what events tell that lineage is drawn from, and the rules of which nodes and edges each shows."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from services.governance.domain.lineage import Drawing, Edge, Node, NodeKind, Relation, one_line
from shared.money import Money

LONGEST_NAME_BYTES = 1100  # a label's 1,024 bytes, and the collection before them


@dataclass(frozen=True, slots=True)
class IncidentFact:
    """An incident as it stands, and the alerts that joined it."""

    name: str
    title: str
    components: tuple[str, ...] = ()  # as alerts name them, with or without the collection
    alerts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AssessmentFact:
    name: str
    incident: str
    title: str


@dataclass(frozen=True, slots=True)
class WeighedAssessment:
    """An assessment a decision weighed, at the revision it had then; severity 1 to 5, 0 where unknown."""

    name: str
    revision: int = 0
    severity: int = 0


@dataclass(frozen=True, slots=True)
class Displacement:
    """A roadmap item a decision delays."""

    roadmap_item: str
    title: str
    delay_days: Decimal
    value_at_risk: Money | None


@dataclass(frozen=True, slots=True)
class DecisionFact:
    name: str
    title: str
    policy: str
    policy_revision: int
    weighed: tuple[WeighedAssessment, ...] = ()
    displaced: tuple[Displacement, ...] = ()


@dataclass(frozen=True, slots=True)
class BundleFact:
    """A rendered bundle; decision and assessment are empty where it was not rendered on one."""

    name: str
    template: str
    template_version: str
    decision: str = ""
    assessment: str = ""


@dataclass(frozen=True, slots=True)
class PolicyFact:
    name: str
    revision: int
    title: str


@dataclass(frozen=True, slots=True)
class ComponentFact:
    name: str
    title: str


@dataclass(frozen=True, slots=True)
class RoadmapItemFact:
    name: str
    title: str


Fact = IncidentFact | AssessmentFact | DecisionFact | BundleFact | PolicyFact | ComponentFact | RoadmapItemFact


def version_name(name: str, version: int | str) -> str:
    """Returns the node name of one version of a document, such as `allocationPolicies/default@3`."""
    return f"{name}@{version}"


def component_name(component: str) -> str:
    """Returns `components/{id}`: alerts carry the bare id, the catalogue the full name."""
    return component if component.startswith("components/") else f"components/{component}"


def drawing_of(fact: Fact) -> Drawing:
    """Returns what a fact shows; nodes it only mentions carry a title where the fact tells one."""
    match fact:
        case IncidentFact():
            return _drawing_of_incident(fact)
        case AssessmentFact():
            return _drawing_of_assessment(fact)
        case DecisionFact():
            return _drawing_of_decision(fact)
        case BundleFact():
            return _drawing_of_bundle(fact)
        case PolicyFact():
            return _drawing(
                (Node(version_name(fact.name, fact.revision), NodeKind.POLICY_VERSION, one_line(fact.title)),)
            )
        case ComponentFact():
            return _drawing((Node(component_name(fact.name), NodeKind.COMPONENT, one_line(fact.title)),))
        case RoadmapItemFact():
            return _drawing((Node(fact.name, NodeKind.ROADMAP_ITEM, one_line(fact.title)),))


def _drawing_of_incident(fact: IncidentFact) -> Drawing:
    incident = Node(fact.name, NodeKind.INCIDENT, one_line(fact.title))
    alerts = [Node(alert, NodeKind.ALERT) for alert in fact.alerts]
    components = [Node(component_name(component), NodeKind.COMPONENT) for component in fact.components]
    return _drawing(
        (incident, *alerts, *components),
        (
            *(Edge(alert.name, incident.name, Relation.GROUPED_INTO) for alert in alerts),
            *(Edge(incident.name, component.name, Relation.AFFECTS) for component in components),
        ),
    )


def _drawing_of_assessment(fact: AssessmentFact) -> Drawing:
    return _drawing(
        (Node(fact.name, NodeKind.ASSESSMENT, one_line(fact.title)), Node(fact.incident, NodeKind.INCIDENT)),
        (Edge(fact.incident, fact.name, Relation.ASSESSED_BY),),
    )


def _drawing_of_decision(fact: DecisionFact) -> Drawing:
    policy = Node(version_name(fact.policy, fact.policy_revision) if fact.policy else "", NodeKind.POLICY_VERSION)
    return _drawing(
        (
            Node(fact.name, NodeKind.DECISION, one_line(fact.title)),
            policy,
            *(Node(weighed.name, NodeKind.ASSESSMENT) for weighed in fact.weighed),
            *(Node(item.roadmap_item, NodeKind.ROADMAP_ITEM, one_line(item.title)) for item in fact.displaced),
        ),
        (
            Edge(policy.name, fact.name, Relation.GOVERNS),
            *(Edge(weighed.name, fact.name, Relation.WEIGHED_IN, _weight(weighed)) for weighed in fact.weighed),
            *(Edge(fact.name, item.roadmap_item, Relation.DISPLACES, _displacement(item)) for item in fact.displaced),
        ),
    )


def _drawing_of_bundle(fact: BundleFact) -> Drawing:
    title = f"{fact.template.removeprefix('templates/')} {fact.template_version}"
    template = Node(version_name(fact.template, fact.template_version), NodeKind.TEMPLATE_VERSION, one_line(title))
    return _drawing(
        (
            Node(fact.name, NodeKind.BUNDLE, one_line(title)),
            template,
            Node(fact.decision, NodeKind.DECISION),
            Node(fact.assessment, NodeKind.ASSESSMENT),
        ),
        (
            Edge(fact.decision, fact.name, Relation.RENDERED_AS),
            Edge(fact.assessment, fact.name, Relation.RENDERED_AS),
            Edge(template.name, fact.name, Relation.TEMPLATE_OF),
        ),
    )


def _drawing(nodes: Iterable[Node], edges: Iterable[Edge] = ()) -> Drawing:
    """Leaves out what has no usable name, as where a bundle was rendered without a decision."""
    return Drawing(
        tuple(node for node in nodes if _is_name(node.name)),
        tuple(edge for edge in edges if _is_name(edge.from_name) and _is_name(edge.to_name)),
    )


def _is_name(name: str) -> bool:
    # A longer name would not fit the index over both ends of an edge, and PostgreSQL keeps no NUL in text.
    return 0 < len(name.encode()) <= LONGEST_NAME_BYTES and "\0" not in name


def _weight(weighed: WeighedAssessment) -> dict[str, str]:
    found = {"assessment_revision": weighed.revision, "severity": weighed.severity}
    return {key: str(value) for key, value in found.items() if value}


def _displacement(item: Displacement) -> dict[str, str]:
    attributes = {"delay_days": _decimal_text(item.delay_days)}
    if item.value_at_risk is not None:
        attributes |= {
            "value_at_risk": _decimal_text(item.value_at_risk.amount),
            "currency": item.value_at_risk.currency,
        }
    return attributes


def _decimal_text(value: Decimal) -> str:
    """Returns the shortest exact decimal, without an exponent, so that equal values read the same."""
    return f"{value.normalize():f}"
