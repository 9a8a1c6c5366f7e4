"""The picture of a lineage: every box apart, every arrow in its direction, and its text as text."""

import re
from collections.abc import Sequence
from itertools import combinations, pairwise
from xml.etree import ElementTree as ET

from ballast.governance.v1 import lineage_pb2 as pb
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.cli.lineage_drawing import Lineage
from clients.cli.lineage_layout import layout_of
from clients.cli.lineage_picture import picture_of

UUID = "017a82dc-17e0-77f0-b01a-26974f72af"
SVG = "{http://www.w3.org/2000/svg}"
NAMES = st.sampled_from([f"n{number}" for number in range(14)])
GRAPHS = st.lists(st.tuples(NAMES, NAMES).filter(lambda pair: pair[0] != pair[1]), min_size=1, max_size=40)


def lineage(names: Sequence[tuple[str, str]], edges: Sequence[tuple[str, str]], **fields: object) -> Lineage:
    """Resources with their titles, and edges between them."""
    found = Lineage(names[0][0])
    for step, (name, title) in enumerate(names):
        found.nodes[name] = pb.LineageNode(name=name, kind=name.partition("/")[0].rstrip("s"), title=title)
        found.steps[name] = step
    for begin, end in edges:
        given = {"relation": pb.LINEAGE_RELATION_RELATED, "confidence": 1.0, "source": pb.LINEAGE_SOURCE_OBSERVED} | fields
        edge = pb.LineageEdge(from_name=begin, to_name=end, **given)  # type: ignore[arg-type]
        found.edges[begin, end, edge.relation] = edge
    return found


def texts(svg: str, role: str) -> list[str]:
    return ["".join(each.itertext()) for each in ET.fromstring(svg).iter(f"{SVG}text") if each.get("class") == role]


@settings(max_examples=150)
@given(GRAPHS)
def test_no_two_boxes_overlap_and_every_edge_leads_on_unless_it_closes_a_circle(edges: list[tuple[str, str]]) -> None:
    heights = {name: 30.0 + 10 * (number % 3) for number, name in enumerate(sorted({each for edge in edges for each in edge}))}
    found = layout_of(heights, edges)
    assert found == layout_of(heights, reversed(edges))
    for (one, high), (other, as_high) in combinations(heights.items(), 2):
        if found.layers[one] == found.layers[other]:
            assert abs(found.middles[one] - found.middles[other]) >= (high + as_high) / 2
    for begin, end in edges:
        way = [found.layers[begin], *(layer for layer, _ in found.passing[begin, end]), found.layers[end]]
        assert len(way) >= 2
        assert {abs(b - a) for a, b in pairwise(way)} == {1}


def test_alerts_of_the_same_second_are_told_apart_by_the_end_of_their_names() -> None:
    names = [(f"alerts/{UUID}{number:02d}", "") for number in range(4)]
    shown = texts(picture_of(lineage(names, [])), "told")
    assert [each[-2:] for each in shown] == ["00", "01", "02", "03"]
    assert all(each.startswith("alerts/…") for each in shown)


def test_a_title_stands_in_whole_lines_before_the_name() -> None:
    title = "teams/databases/sprints/1: remediation 33.3% → 38.3%"
    svg = picture_of(lineage([(f"decisions/{UUID}d1", title)], []))
    assert "".join(texts(svg, "told")).replace(" ", "") == title.replace(" ", "")
    assert texts(svg, "name")[0].endswith("d1")


def test_a_circle_of_three_has_three_arrows_and_three_places() -> None:
    names = [(f"flags/{each}", "") for each in "abc"]
    svg = picture_of(lineage(names, [("flags/a", "flags/b"), ("flags/b", "flags/c"), ("flags/c", "flags/a")]))
    paths = [each for each in ET.fromstring(svg).iter(f"{SVG}path") if each.get("class") == "edge"]
    assert len({each.get("d") for each in paths}) == 3
    assert {each.get("marker-end") for each in paths} == {"url(#arrow)"}
    assert len(set(re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="196', svg))) == 3


def test_how_an_edge_is_known_shows_in_its_line_and_what_is_denied_in_its_colour() -> None:
    names = [("flags/a", ""), ("deploys/b", "")]
    inferred = picture_of(lineage(names, [("flags/a", "deploys/b")], source=pb.LINEAGE_SOURCE_INFERRED, confidence=0.35))
    assert texts(inferred, "label") == ["related 35%"]
    assert 'stroke-dasharray="7 4" marker-end="url(#arrow)"><title>flags/a related deploys/b (inferred, 35% sure)' in inferred
    denied = picture_of(lineage(names, [("flags/a", "deploys/b")], standing=pb.LINK_STANDING_DENIED))
    assert 'marker-end="url(#gone)"><title>' in denied


def test_text_from_outside_is_text_in_any_script_and_the_picture_says_what_it_shows() -> None:
    names = [
        ("flags/日本語", "決済画面の新しい検索機能を段階的に有効にする"),
        ('incidents/<b>&"', "<script>alert(1)</script> \x1b[31m\u202e"),
    ]
    svg = picture_of(lineage(names, [("flags/日本語", 'incidents/<b>&"')]))
    root = ET.fromstring(svg)
    assert "".join(texts(svg, "told")[:-1]).startswith("決済画面の新しい検索機能を段階的に有効にする")
    assert ("<script" in svg, "\x1b" in svg, "\u202e" in svg) == (False, False, False)
    assert (root.get("role"), root.get("aria-labelledby")) == ("img", "title desc")
    assert "2 resources" in (root.findtext(f"{SVG}title") or "")


def test_no_picture_is_wider_than_a_screen_can_scroll_and_what_is_left_out_is_counted() -> None:
    names = [(f"flags/{number:03d}", "") for number in range(200)]
    svg = picture_of(lineage(names, [(one[0], other[0]) for one, other in pairwise(names)]))
    assert int(ET.fromstring(svg).get("width") or 0) <= 2400
    assert "of which the 50 farthest are not drawn" in svg
