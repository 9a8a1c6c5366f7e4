"""Which kinds of resources each relation leads from and to, and which relations close no circle: what a person may state.

What events show is kept as they show it; all that the suite's own facts draw fits the table as well.
"""

from collections.abc import Mapping

from services.governance.domain.errors import LinkUnusable
from services.governance.domain.lineage import Link, NodeKind, Relation, kind_of_name

_K, _R = NodeKind, Relation
Kinds = frozenset[NodeKind]
_ANY = frozenset(NodeKind)
# What is, and does not happen.
_LASTING = frozenset({_K.COMPONENT, _K.POLICY_VERSION, _K.TEMPLATE_VERSION, _K.ROADMAP_ITEM, _K.KPI_VALUE})
# An event of CDEvents may tell of any of these: its name alone does not say which.
_TOLD_BY_CD_EVENTS = frozenset({_K.INCIDENT, _K.CHANGE, _K.DEPLOY})


def _pair(begin: Kinds | set[NodeKind], end: Kinds | set[NodeKind]) -> tuple[Kinds, Kinds]:
    return frozenset(begin), frozenset(end)


FITS: Mapping[Relation, tuple[Kinds, Kinds]] = {
    _R.GROUPED_INTO: _pair({_K.ALERT}, {_K.INCIDENT}),
    _R.AFFECTS: _pair({_K.INCIDENT}, {_K.COMPONENT}),
    _R.MERGED_INTO: _pair({_K.INCIDENT}, {_K.INCIDENT}),
    _R.CHANGED: _pair({_K.CHANGE, _K.DEPLOY, _K.FLAG}, {_K.COMPONENT}),
    _R.CAUSED: _pair(_ANY, {_K.INCIDENT, _K.ALERT, _K.CHANGE, _K.DEPLOY}),
    _R.ASSESSED_BY: _pair({_K.INCIDENT}, {_K.ASSESSMENT}),
    _R.GOVERNS: _pair({_K.POLICY_VERSION}, {_K.ASSESSMENT, _K.DECISION}),
    _R.WEIGHED_IN: _pair({_K.ASSESSMENT}, {_K.DECISION}),
    _R.DISPLACES: _pair({_K.DECISION}, {_K.ROADMAP_ITEM}),
    _R.RENDERED_AS: _pair({_K.DECISION, _K.ASSESSMENT}, {_K.BUNDLE}),
    _R.TEMPLATE_OF: _pair({_K.TEMPLATE_VERSION}, {_K.BUNDLE}),
    _R.REPLACED_BY: _pair({_K.BUNDLE, _K.POLICY_VERSION}, {_K.BUNDLE, _K.POLICY_VERSION}),
    _R.TAKEN_BACK_BY: _pair({_K.DECISION}, {_K.DECISION}),
    _R.APPROVED_BY: _pair(_ANY, {_K.APPROVAL}),
    _R.FOLLOWED_BY: _pair(_ANY - _LASTING, _ANY - _LASTING),
    _R.RELATED: _pair(_ANY, _ANY),
    _R.REVIEWED_IN: _pair({_K.INCIDENT, _K.CHANGE, _K.DEPLOY, _K.DECISION}, {_K.POST_MORTEM}),
    _R.CALLS_FOR: _pair({_K.POST_MORTEM, _K.INCIDENT}, {_K.CORRECTIVE_ACTION, _K.DUTY, _K.ROADMAP_ITEM}),
    _R.TOOK_WORK: _pair({_K.INCIDENT, _K.ROADMAP_ITEM, _K.CORRECTIVE_ACTION, _K.POST_MORTEM}, {_K.WORK_RECORD}),
    _R.MEASURED_IN: _pair(_ANY, {_K.KPI_VALUE}),
    _R.DELIVERED_IN: _pair({_K.INCIDENT, _K.CHANGE, _K.FLAG, _K.CORRECTIVE_ACTION, _K.ROADMAP_ITEM, _K.BUNDLE}, {_K.DEPLOY}),
}
# Each leads to what took the place of the other: around a circle nothing would be left that stands.
ACYCLIC = frozenset({_R.MERGED_INTO, _R.REPLACED_BY, _R.TAKEN_BACK_BY})


def fits(relation: Relation, begin: NodeKind, end: NodeKind) -> bool:
    """Says whether such an edge makes sense between two such resources."""
    origins, targets = _may_be(begin) & FITS[relation][0], _may_be(end) & FITS[relation][1]
    return bool(origins & targets if relation in ACYCLIC else origins and targets)  # only its like takes a thing's place


def check_relation(link: Link) -> None:
    """Raises LinkUnusable where the relation does not lead from the one kind to the other: at the end that does not fit."""
    begin, end = kind_of_name(link.from_name), kind_of_name(link.to_name)
    if begin is None or end is None or fits(link.relation, begin, end):
        return
    origins, targets = FITS[link.relation]
    at_begin = not _may_be(begin) & origins
    place, kind = ("from_name", begin) if at_begin else ("to_name", end)
    others = ", ".join(each.value for each in Relation if fits(each, begin, end))
    raise LinkUnusable(
        place,
        f"is of the kind {kind.value}, and {link.relation.value} leads from {_words(origins)} to {_words(targets)}; "
        f"from {begin.value} to {end.value} may lead {others}",
    )


def _may_be(kind: NodeKind) -> Kinds:
    return _TOLD_BY_CD_EVENTS | {kind} if kind is NodeKind.EVENT else frozenset({kind})


def _words(kinds: Kinds) -> str:
    return "anything" if kinds == _ANY else " or ".join(each.value for each in NodeKind if each in kinds)
