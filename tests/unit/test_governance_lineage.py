from datetime import timedelta
from decimal import Decimal

import pytest

from services.governance.domain.drawing import Drawing
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
from services.governance.domain.fact_drawing import drawing_of
from services.governance.domain.lineage import Edge, Node, NodeKind, Relation, one_line, stronger
from shared.money import Money

FACTS: list[Fact] = [
    IncidentFact("incidents/1", "Down", ("checkout",), ("alerts/1",)),
    AssessmentFact("assessments/1", "incidents/1", "Down", 1),
    DecisionFact(
        "decisions/1",
        "teams/web/sprints/3",
        1 / 3,
        0.5,
        "allocationPolicies/default",
        3,
        (WeighedAssessment("assessments/1", 2, 1),),
        (Displacement("roadmapItems/search", "Search", timedelta(days=14), Money(Decimal("1250.50"), "EUR")),),
    ),
    BundleFact("bundles/1", "templates/incident-response", "1.0.0", "decisions/1", "assessments/1"),
    PolicyFact("allocationPolicies/default", 3, "As published"),
    ComponentFact("components/checkout", "Checkout"),
    RoadmapItemFact("roadmapItems/search", "Search"),
]


def drawn(fact: Fact) -> Drawing:
    drawing = drawing_of(fact)
    assert drawing is not None
    return drawing


def own(fact: Fact) -> Node:
    node = drawn(fact).own
    assert node is not None
    return node


def edges(fact: Fact) -> set[tuple[str, str, Relation]]:
    return {(edge.from_name, edge.to_name, edge.relation) for edge in drawn(fact).edges}


def test_an_incident_groups_its_alerts_and_affects_its_components() -> None:
    assert edges(FACTS[0]) == {
        ("alerts/1", "incidents/1", Relation.GROUPED_INTO),
        ("incidents/1", "components/checkout", Relation.AFFECTS),
    }


def test_a_merged_incident_leads_to_the_one_that_stays() -> None:
    fact = IncidentFact("incidents/1", "Down", merged_into="incidents/2")
    assert edges(fact) == {("incidents/1", "incidents/2", Relation.MERGED_INTO)}
    assert drawn(fact).mentioned == (Node("incidents/2", NodeKind.INCIDENT),)


def test_a_component_is_one_node_whether_named_by_an_alert_or_by_the_catalogue() -> None:
    named = drawn(IncidentFact("incidents/1", "", ("components/checkout",)))
    assert named.edges == drawn(IncidentFact("incidents/1", "", ("checkout",))).edges


def test_an_assessment_follows_its_incident() -> None:
    assert edges(FACTS[1]) == {("incidents/1", "assessments/1", Relation.ASSESSED_BY)}


def test_a_decision_follows_assessments_and_policy_version_and_displaces_items() -> None:
    assert edges(FACTS[2]) == {
        ("assessments/1", "decisions/1", Relation.WEIGHED_IN),
        ("allocationPolicies/default@3", "decisions/1", Relation.GOVERNS),
        ("decisions/1", "roadmapItems/search", Relation.DISPLACES),
    }


def test_a_displacement_tells_delay_value_and_currency_as_shortest_decimals() -> None:
    (displaces,) = (edge for edge in drawn(FACTS[2]).edges if edge.relation is Relation.DISPLACES)
    assert displaces.attributes == {"delay_days": "14", "value_at_risk": "1250.5", "currency": "EUR"}


def test_a_displacement_of_a_hundred_days_is_written_without_an_exponent() -> None:
    fact = DecisionFact("decisions/1", "", None, 0.5, "", 0, (), (Displacement("roadmapItems/a", "", timedelta(days=100), None),))
    assert drawn(fact).edges[0].attributes == {"delay_days": "100"}


def test_a_bundle_follows_decision_assessment_and_template_version() -> None:
    assert edges(FACTS[3]) == {
        ("decisions/1", "bundles/1", Relation.RENDERED_AS),
        ("assessments/1", "bundles/1", Relation.RENDERED_AS),
        ("templates/incident-response@1.0.0", "bundles/1", Relation.TEMPLATE_OF),
    }


def test_a_bundle_rendered_on_an_assessment_alone_has_no_edge_from_a_decision() -> None:
    drawing = drawn(BundleFact("bundles/1", "templates/t", "1.0.0", "", "assessments/1"))
    assert {edge.from_name for edge in drawing.edges} == {"assessments/1", "templates/t@1.0.0"}
    assert {node.name for node in drawing.mentioned} == {"assessments/1", "templates/t@1.0.0"}


def test_the_title_of_a_policy_version_belongs_to_that_version() -> None:
    assert drawn(FACTS[4]).own == Node("allocationPolicies/default@3", NodeKind.POLICY_VERSION, "version 3: As published")


def test_the_title_of_a_decision_tells_sprint_and_shares() -> None:
    assert own(FACTS[2]).title == "teams/web/sprints/3: remediation 33.3% → 50.0%"


def standing(state: str, **fields: str) -> DecisionFact:
    displaced = (Displacement("roadmapItems/search", "Search", timedelta(days=14), None),)
    return DecisionFact("decisions/1", "S1", 0.3, 0.4, "", 0, displaced=displaced, state=state, **fields)  # type: ignore[arg-type]


def test_the_title_of_a_decision_tells_where_it_stands() -> None:
    assert own(standing("rolled_back")).title == "S1: remediation 30.0% → 40.0% (rolled back)"
    assert own(standing("proposed")).title.endswith(" (proposed)")


@pytest.mark.parametrize("state", ["proposed", "rejected", "lapsed"])
def test_what_never_came_in_force_displaces_nothing_and_takes_nothing_back(state: str) -> None:
    fact = standing(state, approval="approvals/1", rolls_back="decisions/0")
    assert edges(fact) == {("decisions/1", "approvals/1", Relation.APPROVED_BY)}
    assert {node.name for node in drawn(fact).mentioned} == {"approvals/1"}


@pytest.mark.parametrize("state", ["", "in_force", "superseded"])
def test_what_is_or_was_in_force_displaces_and_takes_back(state: str) -> None:
    drawing = drawn(standing(state, rolls_back="decisions/0"))
    assert {(edge.to_name, edge.relation) for edge in drawing.edges} == {
        ("roadmapItems/search", Relation.DISPLACES),
        ("decisions/1", Relation.TAKEN_BACK_BY),
    }
    assert not any(edge.is_withdrawn for edge in drawing.edges)


def test_what_was_rolled_back_displaces_no_longer_and_says_why_whichever_is_told_first() -> None:
    (back,) = drawn(standing("rolled_back", state_reason="Put back.")).edges
    (before,) = drawn(standing("in_force")).edges
    assert (back.is_withdrawn, back.attributes["withdrawn_because"], back.attributes["delay_days"]) == (True, "Put back.", "14")
    assert stronger(before, back) == stronger(back, before) == back
    assert stronger(before, before._replace(attributes={})) == before


def test_no_other_edge_that_an_event_shows_is_taken_back_by_its_attributes() -> None:
    assert not Edge("a", "b", Relation.RELATED, {"withdrawn_because": "somebody wrote so"}).is_withdrawn


def test_the_title_of_a_first_decision_has_no_share_before() -> None:
    first = DecisionFact("decisions/1", "teams/web/sprints/1", None, 1 / 3, "", 0)
    assert own(first).title == "teams/web/sprints/1: remediation 33.3%"


def test_a_delay_of_a_part_of_a_day_is_told_to_six_decimals() -> None:
    fact = DecisionFact("decisions/1", "", None, 0.5, "", 0, (), (Displacement("roadmapItems/a", "", timedelta(hours=8), None),))
    assert drawn(fact).edges[0].attributes == {"delay_days": "0.333333"}


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: type(fact).__name__)
def test_both_ends_of_every_edge_are_among_the_nodes(fact: Fact) -> None:
    drawing = drawn(fact)
    names = {own(fact).name, *(node.name for node in drawing.mentioned)}
    assert {end for edge in drawing.edges for end in (edge.from_name, edge.to_name)} <= names


def test_the_facts_of_one_story_lead_from_alert_to_bundle() -> None:
    pairs = {(edge.from_name, edge.to_name) for fact in FACTS for edge in drawn(fact).edges}
    reached = {"alerts/1"}
    while added := {to for origin, to in pairs if origin in reached} - reached:
        reached |= added
    assert {"incidents/1", "assessments/1", "decisions/1", "roadmapItems/search", "bundles/1"} <= reached


@pytest.mark.parametrize("name", ["incidents/" + "x" * 1100, "incidents/a\0b"])
def test_a_mention_whose_name_cannot_be_kept_is_left_out(name: str) -> None:
    drawing = drawn(AssessmentFact("assessments/1", name, "", 1))
    assert drawing.mentioned == ()
    assert drawing.edges == ()


def test_a_fact_whose_own_name_cannot_be_kept_shows_nothing() -> None:
    assert drawing_of(ComponentFact("components/a\0b", "")) is None


def test_nodes_that_are_only_mentioned_have_no_title_unless_the_fact_tells_one() -> None:
    assert {node.name: node.title for node in drawn(FACTS[2]).mentioned} == {
        "allocationPolicies/default@3": "",
        "assessments/1": "",
        "roadmapItems/search": "Search",
    }


def test_a_title_from_outside_becomes_one_line() -> None:
    assert one_line("Down\r\n\tagain\0 \u2028now") == "Down again now"


def test_a_long_title_is_cut_with_an_ellipsis() -> None:
    assert one_line("a" * 300) == "a" * 199 + "…"
