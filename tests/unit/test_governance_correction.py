"""What a person may say of an edge, and what it is after that: every verdict on every edge."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.governance.domain.correction import Correction, Verdict, after, check_link, drawing_of_statement, judged
from services.governance.domain.errors import LinkChanged, LinkExists, LinkNotFound, LinkUnusable
from services.governance.domain.lineage import Edge, Link, RecordedEdge, Relation, Source, Standing, kind_of_name, stronger

LINK = Link("changes/1", "incidents/1", Relation.CAUSED)
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def held(standing: Standing = Standing.UNJUDGED, version: int = 1, confidence: float = 0.25) -> RecordedEdge:
    edge = Edge(LINK.from_name, LINK.to_name, LINK.relation, source=Source.INFERRED, confidence=confidence)
    return RecordedEdge(edge, "ab" * 16, 7, NOW, standing, version)


REFUSED = {
    (False, Verdict.CONFIRMED): LinkNotFound,
    (False, Verdict.DENIED): LinkNotFound,
    (True, Verdict.STATED): LinkExists,
}


@pytest.mark.parametrize("standing", [None, *Standing])
@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_on_every_edge_gives_its_standing_or_is_refused(standing: Standing | None, verdict: Verdict) -> None:
    edge = None if standing is None else held(standing, version=3)
    refused = REFUSED.get((edge is not None, verdict))
    if refused is not None:
        with pytest.raises(refused):
            judged(edge, Correction(LINK, verdict))
        return
    found = judged(edge, Correction(LINK, verdict))
    assert found.version == (1 if edge is None else 4)
    assert found.standing.value == ("UNJUDGED" if verdict is Verdict.STATED else verdict.value)


def test_a_person_is_sure_unless_they_say_how_sure_and_what_is_denied_keeps_its_confidence() -> None:
    assert judged(None, Correction(LINK, Verdict.STATED)).confidence == 1.0
    assert judged(held(), Correction(LINK, Verdict.CONFIRMED, confidence=0.6)).confidence == 0.6
    denied = judged(held(), Correction(LINK, Verdict.DENIED, confidence=0.9))
    assert after(held(), denied).edge.confidence == 0.25


def test_an_etag_of_before_is_refused_and_that_of_now_is_taken() -> None:
    with pytest.raises(LinkChanged, match="version 2"):
        judged(held(version=2), Correction(LINK, Verdict.DENIED, etag="1"))
    assert judged(held(version=2), Correction(LINK, Verdict.DENIED, etag="2")).version == 3


@pytest.mark.parametrize(
    ("link", "field"),
    [
        (Link("epics/1", "incidents/1", Relation.CAUSED), "from_name"),
        (Link("changes/1", "incidents", Relation.CAUSED), "to_name"),
        (Link("changes/a\0b", "incidents/1", Relation.CAUSED), "from_name"),
        (Link("changes/" + "x" * 1100, "incidents/1", Relation.CAUSED), "from_name"),
        (Link("incidents/1", "incidents/1", Relation.MERGED_INTO), "to_name"),
    ],
)
def test_an_edge_that_nobody_may_state_is_refused_by_the_field(link: Link, field: str) -> None:
    with pytest.raises(LinkUnusable) as refused:
        check_link(link)
    assert refused.value.violations[0].field == field


def test_a_statement_makes_known_what_no_service_tells_of_and_titles_nothing_else() -> None:
    link = Link("incidents/1", "kpiValues/mttr", Relation.MEASURED_IN)
    titles = {"incidents/1": "Mine", "kpiValues/mttr": "Time\nto restore"}
    mentioned = drawing_of_statement(Correction(link, Verdict.STATED, titles=titles), 0.5).mentioned
    assert [(each.title, each.is_known) for each in mentioned] == [("", False), ("Time to restore", True)]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("incidents/1", "incident"),
        ("roadmapItems/search", "roadmap_item"),
        ("allocationPolicies/default@3", "policy_version"),
        ("severityMatrix@1", "policy_version"),
        ("templates/incident-response@1.0.0", "template_version"),
        ("alerts/a@b", "alert"),
        ("cdEvents/5668c352", "event"),
        ("incidents/", None),
        ("incidents", None),
        ("epics/1", None),
        ("", None),
    ],
)
def test_a_name_tells_its_kind(name: str, kind: str | None) -> None:
    assert kind_of_name(name) == kind


@given(st.lists(st.sampled_from(Source), min_size=1, max_size=6))
def test_the_best_evidence_of_an_edge_counts_in_whatever_order_it_comes(sources: list[Source]) -> None:
    edges = [Edge("a/1", "b/1", Relation.CAUSED, source=source) for source in sources]
    found = edges[0]
    for each in edges[1:]:
        found = stronger(found, each)
    assert found.source is max(sources, key=lambda source: source.rank)


def test_links_of_other_ends_or_relations_have_other_names() -> None:
    links = [
        LINK,
        Link(LINK.to_name, LINK.from_name, LINK.relation),
        Link(LINK.from_name, LINK.to_name, Relation.RELATED),
        Link("changes/1\nCAUSED", "incidents/1", LINK.relation),
    ]
    assert len({each.name for each in links}) == len(links)
    assert all(len(each.name) <= 256 for each in links)
