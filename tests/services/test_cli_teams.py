"""`ballast teams` and `ballast work` against a running allocation: what they print, store and draw."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from clients.cli.failures import ExitCode
from services.allocation.settings import AllocationSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.allocating import FORTNIGHT, Suite, allocating, item
from tests.support.command import Ran, ballast

Run = Callable[..., Awaitable[Ran]]


@pytest.fixture(scope="module")
async def suite(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    settings = AllocationSettings(port=0, database_url=urls["allocation"], cache_url=engines.cache_url, subscribers={})
    async with allocating(settings, clock) as running:
        yield running


@pytest.fixture
def run(suite: Suite) -> Run:
    async def run(*arguments: str, stdin: str = "") -> Ran:
        return await asyncio.to_thread(ballast, *arguments, "--allocation-address", suite.app.server.address, stdin=stdin)

    return run


def document(suite: Suite, name: str) -> str:
    now = suite.clock.now()
    return f"""
calendars:
  - name: calendars/{name}
    time_zone: Europe/Berlin
    days:
      - {{day: monday, begins: 09:00, hours: 8}}
      - {{day: tuesday, begins: 09:00, hours: 8}}
    holidays: [{(now.date() + timedelta(days=40)).isoformat()}]
teams:
  - name: teams/{name}
    members:
      - {{id: ada, weekly_hours: 16, focus_factor: 0.5, calendar: calendars/{name}, skills: [ios]}}
      - {{id: bob, weekly_hours: 40, focus_factor: 0.75}}
    sprint_length: 14d
    first_sprint_at: {now.isoformat()}
leaves:
  - {{name: teams/{name}/leaves/bob, member: bob, first_day: {now.date().isoformat()}, last_day: {now.date().isoformat()}}}
"""


async def test_a_file_stores_calendars_teams_and_leave_and_again_changes_nothing(suite: Suite, run: Run) -> None:
    first = await run("teams", "apply", "-", stdin=document(suite, "applied"))
    assert first.code == 0, first.err
    again = await run("teams", "apply", "-", "--json", stdin=document(suite, "applied"))
    assert [each["etag"] for part in again.data.values() for each in part] == ["v1"] * 3
    assert "teams/applied" in (await run("teams", "list")).out
    shown = (await run("teams", "show", "applied")).out
    for told in ("ada", "calendars/applied", "ios", "50 %"):
        assert told in shown
    capacity = (await run("teams", "capacity", "applied", "--sprints", "2")).out
    for told in ("Sprint 1", "Sprint 2", "working hours", "focus", "with skill  ios 16.0 h"):
        assert told in capacity


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[1]", "is no mapping"),
        ("teem: []", "teem: is no part"),
        ("teams: [{nam: teams/x}]", "nam: is no field"),
        ("calendars: [{days: [{begins: 9 o'clock}]}]", "write a time as 09:00"),
        ("calendars: [{days: [{day: someday}]}]", "someday"),
        ("teams: [", "is not YAML"),
    ],
)
async def test_a_file_that_cannot_be_names_field_and_rule(run: Run, text: str, told: str) -> None:
    refused = await run("teams", "apply", "-", stdin=text)
    assert (refused.code, told in refused.err) == (ExitCode.REFUSED, True), refused


async def test_leave_is_told_listed_and_taken_back(suite: Suite, run: Run) -> None:
    await suite.store_team("away")
    today = suite.clock.now().date()
    added = await run(
        "teams", "leave", "add", "away", "m1", today.isoformat(), (today + timedelta(days=2)).isoformat(), "--note", "Hut tour"
    )
    assert added.code == 0, added.err
    listed = (await run("teams", "leave", "list", "away")).out
    assert f"teams/away/leaves/m1-{today}" in listed
    assert "Hut tour" in listed
    assert "leave" in (await run("teams", "capacity", "away")).out
    overlapping = await run("teams", "leave", "add", "away", "m1", today.isoformat(), "--id", "other")
    assert (overlapping.code, "overlaps" in overlapping.err) == (ExitCode.REFUSED, True)
    assert (await run("teams", "leave", "add", "away", "m1", "tomorrow")).code == ExitCode.REFUSED
    assert "taken back" in (await run("teams", "leave", "remove", "away", f"m1-{today}")).out
    assert "nothing was changed" in (await run("teams", "leave", "remove", "away", f"m1-{today}")).out


async def test_adherence_is_a_table_and_a_picture_of_the_same_bytes_each_time(suite: Suite, run: Run, tmp_path: Path) -> None:
    await suite.store_team("drawn")
    for hours in (180, 190, 200):
        at = suite.clock.now().isoformat()
        assert (await run("work", "record", "drawn", "toil", str(hours), "--at", at)).code == 0
        await suite.advance(FORTNIGHT)
    printed = await run("teams", "adherence", "drawn")
    assert printed.code == 0, printed.err
    for told in ("33.3 %", "100.0 %", "drifting", "policy unfollowed since sprint 2", "1 drift under way"):
        assert told in printed.out
    for name in ("one.svg", "two.svg"):
        assert (await run("teams", "adherence", "drawn", "--svg", str(tmp_path / name))).code == 0
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert ET.parse(tmp_path / "one.svg").getroot().tag.endswith("svg")


async def test_work_is_recorded_put_right_and_listed(suite: Suite, run: Run) -> None:
    await suite.store_team("typed")
    await suite.store_items(item("typed", "typed", 20))
    at = suite.clock.now().isoformat()
    recorded = await run("work", "record", "typed", "roadmapItems/typed", "6", "--member", "m1", "--at", at, "--json")
    name = recorded.data["records"][0]["name"]
    corrected = await run("work", "correct", "typed", name, "--reason", "Mistaken", "--hours", "4", "--purpose", "toil")
    assert corrected.code == 0, corrected.err
    assert "−6" in corrected.out
    assert "Mistaken" in corrected.out
    again = await run("work", "correct", "typed", name, "--reason", "Again.")
    assert (again.code, "counts no longer" in again.err) == (ExitCode.CONFLICT, True)
    listed = await run("work", "list", "typed", "--as", "remediation", "--json")
    (stands,) = listed.data["records"]
    was = recorded.data["records"][0]
    assert (stands["hours"], stands["member"], stands["worked_at"]) == (4, "m1", was["worked_at"])
    assert "discovery" in (await run("work", "categories")).out
    assert (await run("work", "correct", "typed", name, "--reason", "x", "--purpose", "toil")).code == ExitCode.REFUSED


async def test_good_rows_of_a_file_land_and_the_same_file_again_changes_nothing(suite: Suite, run: Run) -> None:
    await suite.store_team("filed")
    at = suite.clock.now().isoformat()
    text = f'purpose,hours,worked_at,member,note\ntoil,2,{at},m1,pager\ngolf,3,{at},,\ndiscovery,1.5,{at},m2,"a, b"\n'
    for _ in range(2):
        imported = await run("work", "import", "filed", "-", stdin=text)
        assert imported.code == ExitCode.NO
        assert "row 3: records[1].category" in imported.out
        assert "2 records stored, 1 refused" in imported.out
    assert len((await run("work", "list", "filed", "--json")).data["records"]) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has no column purpose"),
        ("purpose,hours,worked_at,mood\n", "has a column 'mood'"),
        ("purpose,hours,worked_at\ntoil,two,2026-03-02T09:00:00Z\n", "row 2: hours is 'two'"),
        ("purpose,hours,worked_at\ntoil,nan,2026-03-02T09:00:00Z\n", "row 2: hours is 'nan'"),
        ("purpose,hours,worked_at\ntoil,2,yesterday\n", "row 2: worked_at"),
        ("purpose,hours,worked_at\ntoil,2\n", "another number of cells"),
        ("purpose,hours,worked_at\ntoil,2,\n", "worked_at is empty"),
    ],
)
async def test_a_file_of_work_that_cannot_be_read_names_row_and_rule(run: Run, text: str, told: str) -> None:
    refused = await run("work", "import", "filed", "-", stdin=text)
    assert (refused.code, told in refused.err) == (ExitCode.REFUSED, True), refused
