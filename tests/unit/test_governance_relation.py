"""Which edges make sense: what people may state, and that all the suite's facts draw is among it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from services.governance.domain.cd_event import CdEvent, CdLink, LinkType, drawing_of_cd_event
from services.governance.domain.correction import Correction, Verdict, judged
from services.governance.domain.drawing import Drawing
from services.governance.domain.errors import LinkUnusable
from services.governance.domain.fact import (
    ApprovalFact,
    AssessmentFact,
    Attribution,
    BudgetFact,
    BundleFact,
    ChangeFact,
    DecisionFact,
    Displacement,
    DutyFact,
    IncidentFact,
    PolicyFact,
    WeighedAssessment,
    Work,
    WorkFact,
)
from services.governance.domain.fact_drawing import drawing_of
from services.governance.domain.inference import concluded
from services.governance.domain.lineage import COLLECTIONS, Edge, Link, NodeKind, Relation
from services.governance.domain.relation import FITS, check_relation, fits
from shared.errors import InvalidInput
from tests.conftest import START


def drawn() -> Iterator[Drawing | None]:
    """One of everything that facts draw."""
    cause = Attribution("components/till", 0.7)
    yield drawing_of(IncidentFact("incidents/1", "Down", ("till",), ("alerts/1",), "incidents/2", cause, START))
    yield drawing_of(AssessmentFact("assessments/1", "incidents/1", "Down", 1, 2, 3))
    displaced = (Displacement("roadmapItems/1", "Search", timedelta(days=2), None),)
    yield drawing_of(
        DecisionFact("decisions/1", "S1", None, 0.4, "allocationPolicies/a", 3, (WeighedAssessment("assessments/1"),), displaced)
    )
    yield drawing_of(DecisionFact("decisions/2", "S1", 0.4, 0.3, "", 0, state="in_force", approval="approvals/2", rolls_back="decisions/1"))
    yield drawing_of(BundleFact("bundles/2", "templates/a", "1.0.0", "decisions/1", "assessments/1", "bundles/1"))
    yield drawing_of(ChangeFact("changes/1", "deploy", components=("till",), started_at=START - timedelta(minutes=5)))
    yield drawing_of(PolicyFact("severityMatrix", 3, "Milder.", "approvals/1", 2))
    yield drawing_of(BudgetFact("slos/till/errorBudgets/1", "slos/till", "components/till", 0.4))
    yield drawing_of(DutyFact("duties/1", "incidents/1", "slos/till", 1, 0.3))
    work = ("incidents/1", "roadmapItems/1")
    yield drawing_of(WorkFact(tuple(Work(f"workRecords/{n}", each, True, "teams/a", 2.0) for n, each in enumerate(work))))
    yield from (drawing_of(ApprovalFact("approvals/1", f"{each}/1", "kind", "pending")) for each in COLLECTIONS)
    yield drawing_of(ApprovalFact("approvals/1", "severityMatrix@2", "severity-matrix", "approved"))
    links = (CdLink(LinkType.PATH, "a", "b"), CdLink(LinkType.RELATION, "incidents/1", "b", "CAUSE"))
    for about in ("service.deployed", "incident.detected", "change.merged", "environment.modified", "build.finished"):
        yield drawing_of_cd_event(CdEvent("b", f"dev.cdevents.{about}.0.1.0", "x", START, "till", links))


def test_every_edge_that_facts_draw_fits_the_table() -> None:
    drawings = [each for each in drawn() if each]
    edges: list[tuple[Edge, Drawing]] = [(edge, each) for each in drawings for edge in each.edges]
    occurrences = [each for drawing in drawings for each in drawing.occurrences]
    kinds = {node.name: node.kind for each in drawings for node in (*each.mentioned, *((each.own,) if each.own else ()))}
    inferred = [edge for edge in concluded(occurrences, ()) if edge.from_name in kinds]
    assert inferred
    for drawing in drawings:
        own = {node.name: node.kind for node in (*drawing.mentioned, *((drawing.own,) if drawing.own else ()))}
        assert [str(each.link) for each in drawing.edges if not fits(each.relation, own[each.from_name], own[each.to_name])] == []
    assert [str(each.link) for each in inferred if not fits(each.relation, kinds[each.from_name], kinds[each.to_name])] == []
    drawn_relations = {edge.relation for edge, _ in edges}
    stated = {Relation.REVIEWED_IN, Relation.DELIVERED_IN}
    assert drawn_relations | stated == set(Relation) == set(FITS)


@pytest.mark.parametrize(
    ("begin", "relation", "end", "field", "why"),
    [
        ("flags/a", Relation.GROUPED_INTO, "alerts/x", "from_name", "is of the kind flag, and GROUPED_INTO leads from alert to incident"),
        ("incidents/x", Relation.DISPLACES, "bundles/y", "from_name", "DISPLACES leads from decision to roadmap_item"),
        ("decisions/x", Relation.DISPLACES, "bundles/y", "to_name", "from decision to bundle may lead RENDERED_AS, "),
        ("alerts/x", Relation.CAUSED, "components/y", "to_name", "CAUSED leads from anything to alert or incident or change or deploy"),
    ],
)
def test_an_edge_between_kinds_that_it_does_not_bind_is_refused_with_what_would_fit(
    begin: str, relation: Relation, end: str, field: str, why: str
) -> None:
    with pytest.raises(LinkUnusable) as refused:
        judged(None, Correction(Link(begin, end, relation), Verdict.STATED))
    assert refused.value.violations[0].field == field
    assert why in refused.value.message


@pytest.mark.parametrize("kind", NodeKind)
def test_anything_may_be_related_cause_an_incident_or_count_in_a_kpi(kind: NodeKind) -> None:
    ends = {Relation.RELATED: NodeKind.COMPONENT, Relation.CAUSED: NodeKind.INCIDENT, Relation.MEASURED_IN: NodeKind.KPI_VALUE}
    assert all(fits(relation, kind, end) for relation, end in ends.items())


def test_an_event_of_cdevents_may_be_an_incident_a_change_or_a_deploy() -> None:
    check_relation(Link("cdEvents/a", "components/b", Relation.CHANGED))
    check_relation(Link("cdEvents/a", "components/b", Relation.AFFECTS))
    with pytest.raises(LinkUnusable):
        check_relation(Link("cdEvents/a", "bundles/b", Relation.RENDERED_AS))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("flags/\u200bnew", "U+200B (zero width space)"),
        ("flags/\u202eabc", "U+202E (right-to-left override)"),
        ("flags/a\nb", "U+000A (a control character)"),
        ("flags/a ", "blanks around it"),
    ],
)
def test_a_new_edge_names_nothing_that_does_not_show_what_it_is(name: str, why: str) -> None:
    for ends in ((name, "deploys/d"), ("flags/a", name.replace("flags", "deploys"))):
        with pytest.raises(InvalidInput) as refused:
            judged(None, Correction(Link(*ends, Relation.DELIVERED_IN), Verdict.STATED))
        assert why in refused.value.message
    judged(None, Correction(Link("flags/日本 語", "deploys/d", Relation.DELIVERED_IN), Verdict.STATED))
