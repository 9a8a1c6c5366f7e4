"""Facts: what events tell that lineage is drawn from, and the rules of which nodes and edges each shows."""

from dataclasses import dataclass
from datetime import timedelta
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
    merged_into: str = ""  # the incident that took it over


@dataclass(frozen=True, slots=True)
class AssessmentFact:
    """An assessment; severity 1 to 5."""

    name: str
    incident: str
    incident_title: str
    severity: int


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
    delay: timedelta
    value_at_risk: Money | None


@dataclass(frozen=True, slots=True)
class DecisionFact:
    """A decision; shares are of capacity, for remediation, 0 to 1; the one before is None for a team's first decision."""

    name: str
    sprint: str
    before_share: float | None
    after_share: float
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
    change_reason: str


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


def drawing_of(fact: Fact) -> Drawing | None:
    """Returns what a fact shows, or None where its own name cannot be kept. Mentions without a usable name are left out."""
    drawing = _drawing_of(fact)
    if not _is_name(drawing.own.name):
        return None
    return Drawing(
        drawing.own,
        tuple(node for node in drawing.mentioned if _is_name(node.name)),
        tuple(edge for edge in drawing.edges if _is_name(edge.from_name) and _is_name(edge.to_name)),
    )


def _drawing_of(fact: Fact) -> Drawing:
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
            return Drawing(_node(version_name(fact.name, fact.revision), NodeKind.POLICY_VERSION, _policy_title(fact)))
        case ComponentFact():
            return Drawing(_node(component_name(fact.name), NodeKind.COMPONENT, fact.title))
        case RoadmapItemFact():
            return Drawing(_node(fact.name, NodeKind.ROADMAP_ITEM, fact.title))


def _drawing_of_incident(fact: IncidentFact) -> Drawing:
    components = [component_name(component) for component in fact.components]
    return Drawing(
        _node(fact.name, NodeKind.INCIDENT, fact.title),
        (
            *(Node(alert, NodeKind.ALERT) for alert in fact.alerts),
            *(Node(component, NodeKind.COMPONENT) for component in components),
            Node(fact.merged_into, NodeKind.INCIDENT),
        ),
        (
            *(Edge(alert, fact.name, Relation.GROUPED_INTO) for alert in fact.alerts),
            *(Edge(fact.name, component, Relation.AFFECTS) for component in components),
            Edge(fact.name, fact.merged_into, Relation.MERGED_INTO),
        ),
    )


def _drawing_of_assessment(fact: AssessmentFact) -> Drawing:
    return Drawing(
        _node(fact.name, NodeKind.ASSESSMENT, f"SEV{fact.severity}: {fact.incident_title}"),
        (Node(fact.incident, NodeKind.INCIDENT),),
        (Edge(fact.incident, fact.name, Relation.ASSESSED_BY),),
    )


def _drawing_of_decision(fact: DecisionFact) -> Drawing:
    policy = version_name(fact.policy, fact.policy_revision) if fact.policy else ""
    return Drawing(
        _node(fact.name, NodeKind.DECISION, _decision_title(fact)),
        (
            Node(policy, NodeKind.POLICY_VERSION),
            *(Node(weighed.name, NodeKind.ASSESSMENT) for weighed in fact.weighed),
            *(_node(item.roadmap_item, NodeKind.ROADMAP_ITEM, item.title) for item in fact.displaced),
        ),
        (
            Edge(policy, fact.name, Relation.GOVERNS),
            *(Edge(weighed.name, fact.name, Relation.WEIGHED_IN, _weight(weighed)) for weighed in fact.weighed),
            *(Edge(fact.name, item.roadmap_item, Relation.DISPLACES, _displacement(item)) for item in fact.displaced),
        ),
    )


def _drawing_of_bundle(fact: BundleFact) -> Drawing:
    title = f"{fact.template.removeprefix('templates/')} {fact.template_version}"
    template = version_name(fact.template, fact.template_version)
    return Drawing(
        _node(fact.name, NodeKind.BUNDLE, title),
        (
            _node(template, NodeKind.TEMPLATE_VERSION, title),
            Node(fact.decision, NodeKind.DECISION),
            Node(fact.assessment, NodeKind.ASSESSMENT),
        ),
        (
            Edge(fact.decision, fact.name, Relation.RENDERED_AS),
            Edge(fact.assessment, fact.name, Relation.RENDERED_AS),
            Edge(template, fact.name, Relation.TEMPLATE_OF),
        ),
    )


def _node(name: str, kind: NodeKind, title: str) -> Node:
    return Node(name, kind, one_line(title))


def _is_name(name: str) -> bool:
    # A longer name would not fit the index over both ends of an edge, and PostgreSQL keeps no NUL in text.
    return 0 < len(name.encode()) <= LONGEST_NAME_BYTES and "\0" not in name


def _decision_title(fact: DecisionFact) -> str:
    before = "" if fact.before_share is None else f"{fact.before_share:.1%} → "
    return f"{fact.sprint}: remediation {before}{fact.after_share:.1%}"


def _policy_title(fact: PolicyFact) -> str:
    return f"version {fact.revision}: {fact.change_reason}" if fact.change_reason else f"version {fact.revision}"


def _weight(weighed: WeighedAssessment) -> dict[str, str]:
    found = {"assessment_revision": weighed.revision, "severity": weighed.severity}
    return {key: str(value) for key, value in found.items() if value}


def _displacement(item: Displacement) -> dict[str, str]:
    attributes = {"delay_days": _decimal_text(_days(item.delay))}
    if item.value_at_risk is not None:
        attributes |= {
            "value_at_risk": _decimal_text(item.value_at_risk.amount),
            "currency": item.value_at_risk.currency,
        }
    return attributes


def _days(duration: timedelta) -> Decimal:
    """Returns days to six decimals, less than a tenth of a second."""
    microseconds = duration // timedelta(microseconds=1)
    return (Decimal(microseconds) / Decimal(86_400_000_000)).quantize(Decimal("0.000001"))


def _decimal_text(value: Decimal) -> str:
    """Returns the shortest exact decimal, without an exponent, so that equal values read the same."""
    return f"{value.normalize():f}"
