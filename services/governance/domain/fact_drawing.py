"""The rules of which nodes and edges each fact shows.

A service vouches for what it keeps itself: an incident's event makes its alerts known, a decision's its policy version and its items. What
another service keeps is only mentioned, and stays pending until that one's event comes.
"""

from services.governance.domain.drawing import Drawing, Occurrence, Part, kept
from services.governance.domain.fact import (
    ApprovalFact,
    AssessmentFact,
    BudgetFact,
    BundleFact,
    ChangeFact,
    ComponentFact,
    DecisionFact,
    Displacement,
    DutyFact,
    Fact,
    IncidentFact,
    PolicyFact,
    RoadmapItemFact,
    WeighedAssessment,
    WorkFact,
)
from services.governance.domain.follow_up_drawing import drawing_of_follow_up
from services.governance.domain.lineage import WITHDRAWN_BECAUSE, Edge, Node, NodeKind, Relation, Source, kind_of_name, one_line
from services.governance.domain.measure import days_text, decimal_text

SEVERITY_MATRIX, GATING_RULES = "severityMatrix", "gatingRules"


def drawing_of(fact: Fact) -> Drawing | None:
    """Returns what a fact shows, or None where its own name cannot be kept. Mentions without a usable name are left out."""
    return kept(_drawing_of(fact))


def version_name(name: str, version: int | str) -> str:
    """Returns the node name of one version of a document, such as `allocationPolicies/default@3`."""
    return f"{name}@{version}"


def component_name(component: str) -> str:
    """Returns `components/{id}`: alerts carry the bare id, the catalogue the full name."""
    return component if component.startswith("components/") else f"components/{component}"


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
            return _drawing_of_policy(fact)
        case ComponentFact():
            return Drawing(_node(component_name(fact.name), NodeKind.COMPONENT, fact.title))
        case RoadmapItemFact():
            return Drawing(_node(fact.name, NodeKind.ROADMAP_ITEM, fact.title))
        case ChangeFact():
            return _drawing_of_change(fact)
        case ApprovalFact():
            return _drawing_of_approval(fact)
        case BudgetFact() | DutyFact() | WorkFact():
            return drawing_of_follow_up(fact)


def _drawing_of_incident(fact: IncidentFact) -> Drawing:
    components = [component_name(component) for component in fact.components]
    causes, caused = _causes(fact)
    opened = [Occurrence(fact.name, each, Part.EFFECT, fact.opened_at) for each in components] if fact.opened_at else []
    return Drawing(
        _node(fact.name, NodeKind.INCIDENT, fact.title),
        (
            *(Node(alert, NodeKind.ALERT, is_known=True) for alert in fact.alerts),
            *(Node(component, NodeKind.COMPONENT) for component in components),
            Node(fact.merged_into, NodeKind.INCIDENT),
            *causes,
        ),
        (
            *(Edge(alert, fact.name, Relation.GROUPED_INTO) for alert in fact.alerts),
            *(Edge(fact.name, component, Relation.AFFECTS) for component in components),
            Edge(fact.name, fact.merged_into, Relation.MERGED_INTO),
            *caused,
        ),
        tuple(opened),
    )


def _causes(fact: IncidentFact) -> tuple[tuple[Node, ...], tuple[Edge, ...]]:
    """What people hold to be the cause, where they name a resource. Who they are stands in the ledger only: it may have to be erased."""
    told = fact.attribution
    kind = kind_of_name(told.ref) if told else None
    if told is None or kind is None:
        return (), ()
    edge = Edge(told.ref, fact.name, Relation.CAUSED, source=Source.STATED, confidence=min(max(told.confidence, 0.0), 1.0))
    return (Node(told.ref, kind),), (edge,)


def _drawing_of_assessment(fact: AssessmentFact) -> Drawing:
    told = ((SEVERITY_MATRIX, fact.matrix_revision), (GATING_RULES, fact.gates_revision))
    rules = [version_name(name, revision) for name, revision in told if revision]
    return Drawing(
        _node(fact.name, NodeKind.ASSESSMENT, f"SEV{fact.severity}: {fact.incident_title}"),
        (Node(fact.incident, NodeKind.INCIDENT), *(Node(each, NodeKind.POLICY_VERSION, is_known=True) for each in rules)),
        (
            Edge(fact.incident, fact.name, Relation.ASSESSED_BY),
            *(Edge(each, fact.name, Relation.GOVERNS) for each in rules),
        ),
    )


def _drawing_of_decision(fact: DecisionFact) -> Drawing:
    """What was only proposed displaced nothing, and takes nothing back; what was taken back no longer displaces."""
    policy = version_name(fact.policy, fact.policy_revision) if fact.policy else ""
    displaced, taken_back = (fact.displaced, fact.rolls_back) if fact.came_in_force else ((), "")
    over = {WITHDRAWN_BECAUSE: one_line(fact.state_reason) or "it was taken back"} if fact.state == "rolled_back" else {}
    return Drawing(
        _node(fact.name, NodeKind.DECISION, _decision_title(fact)),
        (
            Node(policy, NodeKind.POLICY_VERSION, is_known=True),
            *(Node(weighed.name, NodeKind.ASSESSMENT) for weighed in fact.weighed),
            *(Node(item.roadmap_item, NodeKind.ROADMAP_ITEM, one_line(item.title), is_known=True) for item in displaced),
            Node(fact.approval, NodeKind.APPROVAL),
            Node(taken_back, NodeKind.DECISION),
        ),
        (
            Edge(policy, fact.name, Relation.GOVERNS),
            *(Edge(weighed.name, fact.name, Relation.WEIGHED_IN, _weight(weighed)) for weighed in fact.weighed),
            *(Edge(fact.name, item.roadmap_item, Relation.DISPLACES, _displacement(item) | over) for item in displaced),
            Edge(fact.name, fact.approval, Relation.APPROVED_BY),
            Edge(taken_back, fact.name, Relation.TAKEN_BACK_BY),
        ),
    )


def _drawing_of_policy(fact: PolicyFact) -> Drawing:
    own = _node(version_name(fact.name, fact.revision), NodeKind.POLICY_VERSION, _policy_title(fact))
    before = version_name(fact.name, fact.replaces) if fact.replaces else ""
    return Drawing(
        own,
        (Node(fact.approval, NodeKind.APPROVAL), Node(before, NodeKind.POLICY_VERSION, is_known=True)),
        (Edge(own.name, fact.approval, Relation.APPROVED_BY), Edge(before, own.name, Relation.REPLACED_BY)),
    )


def _drawing_of_bundle(fact: BundleFact) -> Drawing:
    title = f"{fact.template.removeprefix('templates/')} {fact.template_version}"
    template = version_name(fact.template, fact.template_version)
    return Drawing(
        _node(fact.name, NodeKind.BUNDLE, title),
        (
            Node(template, NodeKind.TEMPLATE_VERSION, one_line(title), is_known=True),
            Node(fact.decision, NodeKind.DECISION),
            Node(fact.assessment, NodeKind.ASSESSMENT),
            Node(fact.supersedes, NodeKind.BUNDLE, is_known=True),
        ),
        (
            Edge(fact.decision, fact.name, Relation.RENDERED_AS),
            Edge(fact.assessment, fact.name, Relation.RENDERED_AS),
            Edge(template, fact.name, Relation.TEMPLATE_OF),
            Edge(fact.supersedes, fact.name, Relation.REPLACED_BY),
        ),
    )


def _drawing_of_change(fact: ChangeFact) -> Drawing:
    components = [component_name(component) for component in fact.components]
    title = f"{fact.kind} {fact.version}: {fact.summary}" if fact.version else f"{fact.kind}: {fact.summary}"
    begun = [Occurrence(fact.name, each, Part.CAUSE, fact.started_at) for each in components] if fact.started_at else []
    return Drawing(
        _node(fact.name, NodeKind.CHANGE, title),
        tuple(Node(component, NodeKind.COMPONENT) for component in components),
        tuple(Edge(fact.name, component, Relation.CHANGED) for component in components),
        tuple(begun),
    )


def _drawing_of_approval(fact: ApprovalFact) -> Drawing:
    kind = kind_of_name(fact.subject)
    own = _node(fact.name, NodeKind.APPROVAL, f"{fact.kind}: {fact.state}")
    if kind is None:
        return Drawing(own)
    return Drawing(own, (Node(fact.subject, kind),), (Edge(fact.subject, fact.name, Relation.APPROVED_BY),))


def _node(name: str, kind: NodeKind, title: str) -> Node:
    return Node(name, kind, one_line(title))


def _decision_title(fact: DecisionFact) -> str:
    before = "" if fact.before_share is None else f"{fact.before_share:.1%} → "
    state = f" ({fact.state.replace('_', ' ')})" if fact.state else ""
    return f"{fact.sprint}: remediation {before}{fact.after_share:.1%}{state}"


def _policy_title(fact: PolicyFact) -> str:
    return f"version {fact.revision}: {fact.change_reason}" if fact.change_reason else f"version {fact.revision}"


def _weight(weighed: WeighedAssessment) -> dict[str, str]:
    found = {"assessment_revision": weighed.revision, "severity": weighed.severity}
    return {key: str(value) for key, value in found.items() if value}


def _displacement(item: Displacement) -> dict[str, str]:
    attributes = {"delay_days": days_text(item.delay)}
    if item.value_at_risk is not None:
        attributes |= {
            "value_at_risk": decimal_text(item.value_at_risk.amount),
            "currency": item.value_at_risk.currency,
        }
    return attributes
