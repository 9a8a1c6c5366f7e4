from datetime import UTC, datetime, timedelta

from services.governance.domain.arrival import Appendix, Arrival, Drafts, Ground, appendix_of, drafts_of
from services.governance.domain.fact import Attribution, ChangeFact, ComponentFact, Fact, IncidentFact, RoadmapItemFact
from services.governance.domain.fact_drawing import drawing_of
from services.governance.domain.ledger import RecordedEvent
from services.governance.domain.lineage import Relation, Source
from shared.transparency.merkle import Peaks
from shared.transparency.tiles import Growth

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def arrival(event_id: str, fact: Fact | None = None, version: int = 1) -> Arrival:
    event = RecordedEvent(event_id, "/ballast/test", "t", "s", "ada", NOW, "ab" * 16, event_id.encode())
    return Arrival(event, version, drawing_of(fact) if fact else None)


def drafts(*arrivals: Arrival, known: tuple[str, ...] = ()) -> Drafts:
    return drafts_of(arrivals, bytes).without({("/ballast/test", event_id) for event_id in known})


def appendix(*arrivals: Arrival, known: tuple[str, ...] = ()) -> Appendix:
    return appendix_of(Ground(Peaks()), drafts(*arrivals, known=known), NOW)


def titles(*arrivals: Arrival) -> dict[str, str]:
    return {each.node.name: each.node.title for each in drafts(*arrivals).nodes}


def test_an_event_already_known_is_left_out() -> None:
    told = arrival("a", RoadmapItemFact("roadmapItems/a", "A")), arrival("b", RoadmapItemFact("roadmapItems/b", "B"))
    found = drafts(*told, known=("a",))
    assert [content.payload for content in found.contents] == [b"b"]
    assert [each.node.name for each in found.nodes] == ["roadmapItems/b"]
    assert [entry.event_id for entry in appendix(*told, known=("a",)).entries] == ["b"]


def test_an_event_twice_in_one_batch_is_one_entry_at_its_first_place() -> None:
    found = appendix(arrival("a"), arrival("b"), arrival("a"))
    assert [entry.event_id for entry in found.entries] == ["a", "b"]
    assert found.growth.peaks.size == 2


def test_nothing_new_leaves_the_head_where_it_was() -> None:
    assert appendix(arrival("a", IncidentFact("incidents/1", "")), known=("a",)) == Appendix(Growth(Peaks(), {}), (), ())


def test_a_node_shown_twice_keeps_the_title_of_its_higher_version_whatever_the_order() -> None:
    older = arrival("a", ComponentFact("components/shop", "Till"), version=1)
    newer = arrival("b", ComponentFact("components/shop", "Checkout"), version=2)
    assert titles(older, newer) == titles(newer, older) == {"components/shop": "Checkout"}


def test_a_mention_never_replaces_the_title_of_a_node_s_own_event() -> None:
    own = arrival("a", ComponentFact("components/shop", "Checkout"), version=0)
    mention = arrival("b", IncidentFact("incidents/1", "Down", ("shop",)))
    assert titles(own, mention)["components/shop"] == titles(mention, own)["components/shop"] == "Checkout"


def test_an_edge_shown_twice_belongs_to_the_first_entry_that_shows_it() -> None:
    fact = IncidentFact("incidents/1", "Down", ("shop",))
    (edge,) = appendix(arrival("a", RoadmapItemFact("roadmapItems/x", "X")), arrival("b", fact), arrival("c", fact)).edges
    assert edge.ledger_sequence == 2


def test_a_node_known_by_one_event_stays_known_whoever_names_it_in_the_same_batch() -> None:
    own = arrival("a", ComponentFact("components/shop", "Checkout"))
    mention = arrival("b", IncidentFact("incidents/1", "Down", ("shop",)))
    for told in ((own, mention), (mention, own)):
        assert {each.node.name: each.node.is_known for each in drafts(*told).nodes}["components/shop"]
    assert not {each.node.name: each.node.is_known for each in drafts(mention).nodes}["components/shop"]


def test_of_two_statements_in_one_batch_the_later_counts_and_neither_gives_way_to_a_conclusion() -> None:
    changed = arrival("a", ChangeFact("changes/1", "deploy", components=("shop",), started_at=NOW))
    unsure, sure = (
        arrival(each, IncidentFact("incidents/1", "", ("shop",), attribution=Attribution("changes/1", confidence), opened_at=NOW))
        for each, confidence in (("b", 0.2), ("c", 0.9))
    )
    (caused,) = (each for each in appendix(changed, unsure, sure).edges if each.edge.relation is Relation.CAUSED)
    assert (caused.edge.source, caused.edge.confidence, caused.ledger_sequence) == (Source.STATED, 0.9, 2)


def test_the_earliest_time_that_is_told_of_an_occurrence_counts() -> None:
    first, second = (
        arrival(each, ChangeFact("changes/1", "deploy", components=("shop",), started_at=NOW - timedelta(minutes=minutes)))
        for each, minutes in (("a", 1), ("b", 5))
    )
    for told in ((first, second), (second, first)):
        (found,) = appendix(*told).occurrences
        assert found.time == NOW - timedelta(minutes=5)
