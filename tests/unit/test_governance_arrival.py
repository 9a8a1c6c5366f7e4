from datetime import UTC, datetime

from services.governance.domain.arrival import Appendix, Arrival, Ground, appendix_of
from services.governance.domain.fact import ComponentFact, Fact, IncidentFact, RoadmapItemFact
from services.governance.domain.fact_drawing import drawing_of
from services.governance.domain.ledger import RecordedEvent
from shared.transparency.merkle import Peaks
from shared.transparency.tiles import Growth

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def arrival(event_id: str, fact: Fact | None = None, version: int = 1) -> Arrival:
    event = RecordedEvent(event_id, "/ballast/test", "t", "s", "ada", NOW, "ab" * 16, event_id.encode())
    return Arrival(event, version, drawing_of(fact) if fact else None)


def appendix(*arrivals: Arrival, known: tuple[str, ...] = ()) -> Appendix:
    return appendix_of(Ground(Peaks(), {("/ballast/test", event_id) for event_id in known}), arrivals, NOW, bytes)


def titles(*arrivals: Arrival) -> dict[str, str]:
    return {each.node.name: each.node.title for each in appendix(*arrivals).nodes}


def test_an_event_already_known_is_left_out() -> None:
    found = appendix(arrival("a"), arrival("b"), known=("a",))
    assert [entry.event_id for entry in found.entries] == ["b"]
    assert [content.payload for content in found.contents] == [b"b"]


def test_an_event_twice_in_one_batch_is_one_entry_at_its_first_place() -> None:
    found = appendix(arrival("a"), arrival("b"), arrival("a"))
    assert [entry.event_id for entry in found.entries] == ["a", "b"]
    assert found.growth.peaks.size == 2


def test_nothing_new_leaves_the_head_where_it_was() -> None:
    assert appendix(arrival("a", IncidentFact("incidents/1", "")), known=("a",)) == Appendix(Growth(Peaks(), {}), (), (), (), ())


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
