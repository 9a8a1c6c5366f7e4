"""The picture of a blast radius: it fits, and says what is not known and what is left out."""

import pytest
from ballast.triage.v1 import catalogue_service_pb2 as pb
from ballast.triage.v1.catalogue_pb2 import BlastExtent, Dependent, TeamShare
from google.type.money_pb2 import Money
from matplotlib.figure import Figure

from clients.cli.components_picture import blast_figure


def answer(shown: int, count: int, *, unknown: int = 0, name: str = "db", token: str = "") -> pb.GetBlastRadiusResponse:
    extent = BlastExtent(
        dependent_count=count,
        depth=1,
        teams=[TeamShare(team="teams/shop", component_count=count)],
        users=0 if unknown > count else 50_000,
        users_unknown_count=unknown,
        revenue_per_minute=[] if unknown > count else [Money(currency_code="USD", units=1_200)],
        revenue_unknown_count=unknown,
    )
    dependents = [Dependent(name=f"components/web-{number}", depth=1, via=f"components/{name}") for number in range(shown)]
    return pb.GetBlastRadiusResponse(name=f"components/{name}", extent=extent, dependents=dependents, next_page_token=token)


def words(figure: Figure) -> str:
    return "\n".join([*(each.get_text() for each in figure.texts), *(each.get_text() for each in figure.axes[0].texts)])


def test_a_picture_does_not_say_that_nothing_is_lost_where_nothing_is_known() -> None:
    said = words(blast_figure(answer(2, 2, unknown=3)))
    assert "revenue: not known of any\nusers: not known of any" in said
    assert "a minute" not in said


def test_a_picture_tells_of_how_many_a_sum_knows_nothing() -> None:
    said = words(blast_figure(answer(2, 2, unknown=1)))
    assert "revenue: 1,200.00 USD a minute, not known of 1 of 3\nusers: 50,000 at most, not known of 1 of 3" in said
    assert "not known" not in words(blast_figure(answer(2, 2)))


def test_a_picture_of_a_part_says_how_much_it_leaves_out() -> None:
    said = words(blast_figure(answer(50, 9_999, token="next")))
    assert "drawn are 40 of the 9,999, at most 40 of one" in said.replace("\n", " ")
    assert "--limit 0" in said
    assert "… and more" in said
    whole = words(blast_figure(answer(9_999, 9_999)))
    assert "drawn are 40 of the 9,999" in whole
    assert "… and 9,959 more" in whole
    assert "--limit" not in whole
    assert "drawn" not in words(blast_figure(answer(2, 2)))


@pytest.mark.parametrize(("shown", "count"), [(0, 0), (1, 1), (2, 2), (50, 9_999)])
@pytest.mark.parametrize("name", ["db", "a" * 63, "m" * 63])
def test_every_word_of_a_picture_stands_within_it(shown: int, count: int, name: str) -> None:
    figure = blast_figure(answer(shown, count, unknown=1, name=name, token="next"))
    figure.draw_without_rendering()
    for each in [*figure.texts, *figure.axes[0].texts, *figure.legends]:
        box = each.get_window_extent()
        assert 0 <= box.x0 <= box.x1 <= figure.bbox.x1
        assert 0 <= box.y0 <= box.y1 <= figure.bbox.y1
