"""`ballast components` against a running triage: importing files, listing, blast radii, cycles and revisions."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from clients.cli.failures import ExitCode
from services.triage.app import build
from services.triage.settings import TriageSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.catalogue import component, entity
from tests.support.command import Ran, ballast
from tests.support.serving import serving

Run = Callable[..., Awaitable[Ran]]
SHOP = (
    component("db", annotations={"ballast.dev/tier": "critical", "ballast.dev/users": "'5'"})
    + component("cart", "db", annotations={"ballast.dev/revenue-per-minute": "100 USD"}, metadata="title: The cart")
    + component("web", "cart", annotations={"ballast.dev/business-hours": "Mon-Fri 09:00-17:30 Europe/Berlin"}, spec="system: store")
    + entity("System", "store", spec="owner: shop\ndomain: sales")
    + entity("Group", "shop", spec="type: team\nparent: retail")
)


@pytest.fixture(scope="module")
async def run(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Run]:
    settings = TriageSettings(port=0, database_url=urls["triage"], cache_url=engines.cache_url, subscribers={})
    async with serving(build(settings, clock), []) as served:

        async def run(*arguments: str, stdin: str = "") -> Ran:
            address = ("--triage-address", served.app.server.address)
            return await asyncio.to_thread(ballast, "components", *arguments, *address, stdin=stdin)

        assert (await run("import", "-", stdin=SHOP)).code == 0
        yield run


def row(ran: Ran, begin: str) -> str:
    return next(line for line in ran.out.splitlines() if line.split()[:1] == [begin])


async def test_a_file_with_bad_documents_lands_the_good_ones_and_ends_with_a_table_of_the_others(run: Run, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "catalog-info.yaml").write_text(component("folder-a", "folder-b") + entity("Component", "folder-c", spec="type: x"))
    (tmp_path / "below/catalog-info.yml").write_text("a: [\n---\n" + entity("API", "folder-api"))
    ran = await run("import", str(tmp_path))
    assert (ran.code, ran.err) == (ExitCode.REFUSED, "")
    (missing,) = [line for line in ran.out.splitlines() if "spec.owner" in line]
    for part in ("catalog-info.yaml", " 2 ", " 18 ", "Component folder-c", "name the group that owns it"):
        assert part in missing
    assert "YAML:" in ran.out
    assert "4 documents: 2 refused, 1 kept out (API)" in ran.out
    assert "folder-b" in ran.out
    assert row(ran, "components").split() == ["components", "1", "0", "0"]
    assert "folder-a" in (await run("list", "--limit", "0")).out


async def test_an_import_only_checked_stores_nothing(run: Run) -> None:
    ran = await run("import", "-", "--check", stdin=component("only-checked"))
    assert (ran.code, "would be new" in ran.out) == (0, True)
    assert (await run("show", "only-checked")).code == ExitCode.NOT_FOUND


async def test_an_import_can_be_read_by_programs(run: Run) -> None:
    ran = await run("import", "-", "--json", stdin=component("by-program") + "---\n[]\n")
    assert ran.code == ExitCode.REFUSED
    assert [(each["document"], each["problems"][0]["line"]) for each in ran.data["refusals"]] == [(2, 11)]


@pytest.mark.parametrize("name", ["missing.yaml", "."])
async def test_files_that_cannot_be_read_are_refused_before_anything_is_sent(run: Run, tmp_path: Path, name: str) -> None:
    ran = await run("import", str(tmp_path / name))
    assert (ran.code, "FILE_UNREADABLE" in ran.err) == (ExitCode.REFUSED, True)


async def test_components_are_listed_by_team_and_shown_with_what_needs_them(run: Run) -> None:
    listed = await run("list", "--team", "shop")
    assert row(listed, "cart").split() == ["cart", "The", "cart", "shop", "100.00", "USD", "1"]
    shown = await run("show", "cart")
    for part in ("components/cart  The cart", "100.00 USD", "needed by", "1 component, up to 1 step away"):
        assert part in shown.out
    assert "Mon,Tue,Wed,Thu,Fri 09:00-17:30 Europe/Berlin" in (await run("show", "web")).out
    assert (await run("show", "Not An Id")).code == ExitCode.REFUSED


async def test_a_blast_radius_is_a_table_and_a_picture(run: Run, tmp_path: Path) -> None:
    pictures = [tmp_path / "one.svg", tmp_path / "two.svg"]
    rans = [await run("blast", "db", "--svg", str(picture)) for picture in pictures]
    assert "components/db: needed by 2 components, up to 2 steps away" in rans[0].out
    assert "5, and 2 components of which it is not known" in rans[0].out
    (web,) = [line for line in rans[0].out.splitlines() if " web " in line]
    assert web.split() == ["2", "web", "web", "shop", "cart"]
    assert pictures[0].read_bytes() == pictures[1].read_bytes()
    assert "<svg" in pictures[0].read_text()
    assert (await run("blast", "db", "--depth", "1", "--json")).data["extent"]["dependent_count"] == 1
    assert (await run("blast", "nobody")).code == ExitCode.NOT_FOUND


async def test_cycles_are_listed_with_the_way_round(run: Run) -> None:
    assert "1 cycle in the catalogue" in (await run("import", "-", stdin=component("ring-a", "ring-b") + component("ring-b", "ring-a"))).out
    ran = await run("cycles")
    assert "ring-a → ring-b → ring-a" in ran.out
    assert "1 cycle" in ran.out


async def test_cycles_of_an_import_only_checked_are_not_said_to_be_stored(run: Run) -> None:
    ring = component("round-a", "round-b") + component("round-b", "round-a")
    ran = await run("import", "-", "--check", stdin=ring)
    assert ("would then be in the catalogue" in ran.out, "ballast components cycles" in ran.out) == (True, False)


async def test_revisions_say_what_changed_and_a_deletion_ends_them(run: Run) -> None:
    await run("import", "-", stdin=component("changing", annotations={"ballast.dev/tier": "low"}))
    await run("import", "-", stdin=component("changing", "db", annotations={"ballast.dev/tier": "high"}))
    assert (await run("delete", "changing", "--etag", "v1")).code == ExitCode.CONFLICT
    assert "deleted, as revision 3" in (await run("delete", "changing")).out
    ran = await run("revisions", "changing")
    assert "it was taken out" in row(ran, "3")
    assert "tier, dependencies" in row(ran, "2")
    assert "imported" in row(ran, "1")
    assert (await run("show", "changing")).code == ExitCode.NOT_FOUND


async def test_systems_and_groups_are_listed(run: Run) -> None:
    assert row(await run("systems", "--team", "shop"), "store").split() == ["store", "store", "shop", "sales"]
    assert row(await run("groups"), "shop").split() == ["shop", "shop", "team", "retail"]
