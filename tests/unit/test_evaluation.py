"""The evaluation: its goals are kept, and the report that is committed says what the code finds now."""

import re
from pathlib import Path

import pytest

from bench.evaluation import TARGET, measured
from bench.evaluation_laws import LAWS, drawn
from bench.evaluation_page import Found, page

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def found() -> Found:
    """Measures the whole real year, and one drawn year where the report has many."""
    return measured(years=2, still_years=2)


def test_every_goal_on_the_real_year_is_kept(found: Found) -> None:
    assert [goal.text for goal in found.goals()[:5] if not goal.kept] == []
    assert found.goals()[-1].kept


def test_the_committed_report_says_of_the_year_what_the_code_finds_now(found: Found) -> None:
    committed, fresh = (ROOT / TARGET / "README.md").read_text(), page(found)
    for title in ("## Coverage and loss on the year", "## Decisions"):
        one, other = (re.search(f"{title}\n(.*?)\n## ", text, re.DOTALL) for text in (committed, fresh))
        assert one is not None
        assert other is not None
        assert one[1] == other[1], "run `make evaluate` and commit what it writes"
    assert "{" not in fresh


def test_a_year_is_the_same_however_it_is_cut() -> None:
    weeks, fortnights = drawn(LAWS[1], 3, 1), drawn(LAWS[1], 3, 2)
    assert sum(weeks[0].periods, ()) == sum(fortnights[0].periods, ())
    assert (len(weeks[0].periods), len(fortnights[0].periods)) == (52, 26)
