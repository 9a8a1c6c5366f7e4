"""`ballast roadmap` and `ballast plan` against a running allocation: what they print, refuse and draw."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from clients.cli.failures import ExitCode
from services.allocation.settings import AllocationSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.allocating import Suite, allocating, item
from tests.support.command import Ran, ballast

Run = Callable[..., Awaitable[Ran]]
CSV = (
    "id,title,effort_hours,cost_of_delay_per_week,dependencies,stage,median_hours,sigma,skills,cost_changes\n"
    "index,Index,80,4000,,in progress,,,,2027-01-01=9000 2027-06-01=100\n"
    "query,Query,,2500,index,,40,0.75,android=10 ios=5,\n"
    "flagged,Behind a flag,20,10,,behind-flag,,,,\n"
)


@pytest.fixture(scope="module")
async def suite(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    settings = AllocationSettings(port=0, database_url=urls["allocation"], cache_url=engines.cache_url, subscribers={})
    async with allocating(settings, clock) as running:
        yield running


@pytest.fixture
def run(suite: Suite) -> Run:
    async def run(*arguments: str) -> Ran:
        return await asyncio.to_thread(ballast, *arguments, "--allocation-address", suite.app.server.address)

    return run


def written(folder: Path, name: str, content: str) -> str:
    (folder / name).write_text(content)
    return str(folder / name)


async def test_a_csv_file_lands_with_all_that_it_says(suite: Suite, run: Run, tmp_path: Path) -> None:
    await suite.store_team("shop")
    landed = await run("roadmap", "import", written(tmp_path, "items.csv", CSV), "--team", "shop")
    assert landed.code == 0, landed.err
    assert "3 new, 0 changed, 0 as they were" in landed.out
    shown = (await run("roadmap", "show", "query", "--json")).data["item"]
    assert (shown["effort_hours"], shown["effort_estimate"]["lognormal"]) == (52.991, {"median_hours": 40.0, "sigma": 0.75})  # 40·e^0.28125
    assert shown["skills"] == [{"skill": "android", "hours": 10.0}, {"skill": "ios", "hours": 5.0}]
    told = await run("roadmap", "show", "roadmapItems/index")
    for each in ("in progress", "9,000.00 USD from 2027-01-01", "100.00 USD from 2027-06-01", "80.0 h"):
        assert each in told.out
    listed = await run("roadmap", "list", "--team", "shop")
    assert all(each in listed.out for each in ("behind flag", "waits for 1", "3 items"))
    again = await run("roadmap", "import", str(tmp_path / "items.csv"), "--team", "shop", "--json")
    assert {each["outcome"] for each in again.data["landed"]} == {"ROADMAP_ROW_OUTCOME_UNCHANGED"}


async def test_bad_rows_are_listed_with_line_and_reason_and_good_ones_land(suite: Suite, run: Run, tmp_path: Path) -> None:
    await suite.store_team("bad")
    rows = (
        "id,title,effort_hours,cost_of_delay_per_week,stage,low_hours,median_hours,sigma,skills,cost_changes\n"
        "good,Good,8,100,,,,,,\n"
        "stage,Stage,8,100,soon,,,,,\n"
        "both,Both,8,100,,1,2,1,,\n"
        "half,Half,8,100,,,2,,,\n"
        "wide,Wide,8,100,,,2,9,,\n"
        "skill,Skill,8,100,,,,,android,\n"
        "late,Late,8,100,,,,,,soon=5\n"
    )
    ended = await run("roadmap", "import", written(tmp_path, "items.csv", rows), "--team", "bad")
    assert ended.code == ExitCode.REFUSED
    told = ("none of planned, done, dropped, idea, in progress, behind flag", "not both", "give all of them", "at most 3",
            "write it like android=40", "'soon' is no date", "1 new", "6 rows refused")  # fmt: skip
    for each in told:
        assert each in ended.out
    assert [each["name"] for each in (await run("roadmap", "list", "--team", "bad", "--json")).data["items"]] == ["roadmapItems/good"]


async def test_ten_thousand_rows_show_progress_and_answer_each(suite: Suite, run: Run, tmp_path: Path) -> None:
    await suite.store_team("many")
    rows = "".join(f"many-{number},Item {number},8,100\n" for number in range(10_000))
    file = written(tmp_path, "many.csv", f"id,title,effort_hours,cost_of_delay_per_week\n{rows}bad id,,,\n")
    refused = await run("roadmap", "import", file, "--team", "many")
    assert (refused.code, "cut the file" in refused.err) == (ExitCode.REFUSED, True)
    (tmp_path / "many.csv").write_text(f"id,title,effort_hours,cost_of_delay_per_week\n{rows}")
    asked = str(uuid.uuid4())
    first, second = [await run("roadmap", "import", file, "--team", "many", "--request-id", asked, "--json") for _ in range(2)]
    assert first.data == second.data
    assert (first.data["created_count"], len(first.data["landed"]), first.data["landed"][-1]["line"]) == (10_000, 10_000, 10_001)


async def test_github_files_are_told_apart_by_themselves(suite: Suite, run: Run, tmp_path: Path) -> None:
    await suite.store_team("hub")
    labels = [{"name": each} for each in ("effort: 8h", "stage: in progress")]
    issue = {"number": 7, "title": "Fix", "state": "open", "labels": labels}
    stone = {"number": 1, "title": "1.0", "state": "open", "due_on": "2027-01-15T00:00:00Z"}
    issues, stones = (written(tmp_path, f"{each['title']}.json", json.dumps([each])) for each in (issue, stone))
    checked = await run("roadmap", "import", issues, "--team", "hub", "--cost", "300 USD", "--check")
    assert (checked.code, "nothing is stored" in checked.out) == (0, True)
    assert (await run("roadmap", "import", issues, "--team", "hub", "--cost", "300 USD")).code == 0
    assert (await run("roadmap", "import", stones, "--team", "hub", "--cost", "300 USD", "--effort", "16")).code == 0
    names = [each["name"] for each in (await run("roadmap", "list", "--team", "hub", "--json")).data["items"]]
    assert names == ["roadmapItems/gh-7", "roadmapItems/gh-milestone-1"]
    assert "in progress" in (await run("roadmap", "show", "gh-7")).out


async def test_an_item_shown_as_yaml_is_applied_again_and_its_versions_say_what_changed(suite: Suite, run: Run, tmp_path: Path) -> None:
    await suite.store_team("yaml")
    await suite.store_items(item("yaml-a", "yaml", 40, 900))
    told = (await run("roadmap", "show", "yaml-a", "--yaml")).out
    file = written(tmp_path, "item.yaml", told.replace("stage: planned", "stage: idea"))
    applied = await run("roadmap", "apply", file)
    assert applied.code == 0, applied.err
    versions = await run("roadmap", "revisions", "yaml-a")
    assert "stage: planned → idea" in versions.out
    stale = await run("roadmap", "apply", file)
    assert stale.code == ExitCode.CONFLICT
    several = "items:\n" + "".join(
        f"- {{name: roadmapItems/yaml-{each}, title: T, team: teams/yaml, effort_hours: 8, "
        "cost_of_delay_per_week: {currency_code: USD, units: 5}}\n"
        for each in "bc"
    )
    assert (await run("roadmap", "apply", written(tmp_path, "several.yaml", several))).code == 0
    assert len((await run("roadmap", "list", "--team", "yaml", "--json")).data["items"]) == 3


async def test_a_plan_is_a_table_and_a_picture(suite: Suite, run: Run, tmp_path: Path) -> None:
    await suite.store_team("pic")
    await suite.store_items(item("pic-a", "pic", 150, 2000), item("pic-b", "pic", 120, 1100, "pic-a"), item("pic-c", "pic", 2_000, 1))
    for name in ("one.svg", "two.svg"):
        planned = await run("plan", "pic", "--quick", "--svg", str(tmp_path / name))
        assert planned.code == 0, planned.err
    assert all(each in planned.out for each in ("roadmapItems/pic-b", "proven optimal", "h used"))
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    texts = {"".join(each.itertext()) for each in ET.parse(tmp_path / "one.svg").iter("{http://www.w3.org/2000/svg}text")}
    assert {"Plan of pic", "Pic-A", "later"} <= texts


async def test_another_share_names_what_it_displaces_and_what_keeping_an_item_costs(suite: Suite, run: Run, tmp_path: Path) -> None:
    await suite.store_team("what")
    await suite.store_items(item("what-a", "what", 110, 1000), item("what-b", "what", 50, 800))
    changed = await run("plan", "what", "--share", "0.5", "--keep", "what-b", "--svg", str(tmp_path / "what.svg"))
    assert changed.code == 0, changed.err
    assert all(each in changed.out for each in ("+14 d", "1,600.00 USD at risk", "keeping roadmapItems/what-b costs 400.00 USD"))
    assert "+14 d, 1,600 USD" in (tmp_path / "what.svg").read_text()
    assert (await run("plan", "what", "--share", "much")).code == ExitCode.REFUSED
    assert (await run("plan", "what", "pic", "--share", "0.5")).code == ExitCode.REFUSED
    assert (await run("plan", "nobody")).code == ExitCode.NOT_FOUND


async def test_an_idea_blocks_what_waits_for_it_and_a_thing_behind_a_flag_does_not(suite: Suite, run: Run, tmp_path: Path) -> None:
    await suite.store_team("stages")
    rows = (
        "id,title,effort_hours,cost_of_delay_per_week,dependencies,stage\n"
        "st-idea,Idea,8,100,,idea\nst-flag,Flag,8,100,,behind flag\nst-one,One,8,100,st-idea,\nst-two,Two,8,100,st-flag,in progress\n"
    )
    assert (await run("roadmap", "import", written(tmp_path, "stages.csv", rows), "--team", "stages")).code == 0
    plan = (await run("plan", "stages", "--json")).data["plan"]
    assert [each["roadmap_item"] for each in plan["items"]] == ["roadmapItems/st-two"]
    assert "roadmapItems/st-one" in plan["blocked_items"]
