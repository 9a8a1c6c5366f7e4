"""Work records."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.allocation.domain.errors import FieldRefused, RoadmapItemNotFound, TeamNotFound, WorkInFuture
from services.allocation.domain.work import WorkRecord, check_work
from tests.support.allocation import TEAM, item, moment

NOW = moment(3)


def record(**changes: Any) -> WorkRecord:
    fields: dict[str, Any] = {"name": "", "team": TEAM, "member": "", "incident": "", "roadmap_item": "roadmapItems/a", "note": ""}
    return WorkRecord(**(fields | {"hours": Decimal(2), "worked_at": NOW} | changes))


def check(*records: WorkRecord) -> None:
    items = {each.name: each for each in (item("a"), item("b", team="teams/other"))}
    check_work(records, frozenset({TEAM, "teams/other"}), items, NOW)


def test_work_on_an_item_and_on_an_incident_is_accepted() -> None:
    check(record(), record(roadmap_item="", incident="incidents/1"))


def test_work_in_the_future_is_refused_by_field() -> None:
    with pytest.raises(WorkInFuture) as refused:
        check(record(), record(worked_at=NOW + timedelta(seconds=1)))
    assert refused.value.violations[0].field == "records[1].worked_at"


def test_work_at_the_beginning_of_time_is_refused() -> None:
    with pytest.raises(FieldRefused, match="worked_at"):
        check(record(worked_at=NOW.replace(year=1)))


def test_work_of_an_unknown_team_is_refused() -> None:
    with pytest.raises(TeamNotFound):
        check(record(team="teams/none"))


def test_work_on_an_unknown_item_is_refused() -> None:
    with pytest.raises(RoadmapItemNotFound):
        check(record(roadmap_item="roadmapItems/none"))


def test_work_on_another_teams_item_is_refused() -> None:
    with pytest.raises(FieldRefused, match="belongs to teams/other"):
        check(record(roadmap_item="roadmapItems/b"))
