"""`ballast lineage` against a running governance."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import pytest

from clients.cli.failures import ExitCode
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.command import Ran, ballast
from tests.support.governance import Governance, change_reported, governing, incident_opened, story

Run = Callable[..., Coroutine[None, None, Ran]]
DECISION = "decisions/01990000-0000-7000-8000-000000000001"


@pytest.fixture(scope="module")
async def governance(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Governance]:
    async with governing(urls, engines, clock) as running:
        key = DECISION.partition("/")[2]
        incident = incident_opened(f"incidents/{key}", components=[f"{key}-shop"], alerts=["alerts/told"], minutes=30)
        await running.deliver(change_reported("changes/told", [f"{key}-shop"]), incident, *story(key)[1:])
        yield running


@pytest.fixture
def run(governance: Governance) -> Run:
    async def run(*arguments: str) -> Ran:
        return await asyncio.to_thread(ballast, "lineage", *arguments, "--governance-address", governance.served.app.server.address)

    return run


async def test_a_resource_is_traced_with_the_word_and_without_it(run: Run) -> None:
    short, whole = await run(DECISION), await run("trace", DECISION)
    assert (short.code, short.err) == (0, "")
    assert short.out == whole.out
    assert ("alerts/told" in short.out, "inferred, 25% sure" in short.out) == (True, True)


async def test_options_may_come_before_the_name(run: Run) -> None:
    ran = await run("--json", "--depth", "1", "--direction", "upstream", DECISION)
    assert {edge["relation"] for edge in ran.data["edges"]} == {"LINEAGE_RELATION_WEIGHED_IN", "LINEAGE_RELATION_GOVERNS"}


async def test_a_walk_keeps_to_kinds_relations_and_what_is_sure(run: Run) -> None:
    ran = await run("changes/told", "--relation", "caused", "--least-confidence", "0.2", "--json")
    assert [edge["confidence"] for edge in ran.data["edges"]] == [0.25]
    ran = await run("changes/told", "--kind", "component", "--json")
    assert {node["kind"] for node in ran.data["nodes"]} == {"change", "component"}


async def test_lineage_is_drawn_into_a_file_the_same_on_every_run(run: Run, tmp_path: Path) -> None:
    ran = await run(DECISION, "--svg", str(tmp_path / "one.svg"))
    assert (ran.code, "drawn into" in ran.err) == (0, True)
    await run(DECISION, "--svg", str(tmp_path / "two.svg"))
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert b"<svg" in (tmp_path / "one.svg").read_bytes()


async def test_the_impact_of_a_decision_is_shown(run: Run) -> None:
    ran = await run("impact", DECISION)
    assert ran.code == 0
    assert ("1,250.50 EUR" in ran.out, "14 d" in ran.out, "not resolved" in ran.out) == (True, True, True)


async def test_an_edge_is_explained_corrected_and_explained_again(run: Run) -> None:
    incident = f"incidents/{DECISION.partition('/')[2]}"
    link = ("changes/told", "caused", incident)
    ran = await run("explain", *link)
    assert (ran.code, "halved for every 30 minutes" in ran.out, "ChangeReported" in ran.out) == (0, True, True)
    ran = await run("correct", *link, "--deny", "--reason", "It went to staging only.")
    assert (ran.code, "denied" in ran.out) == (0, True)
    assert "changes/told" not in (await run(incident, "--direction", "upstream", "--relation", "caused")).out
    assert "denied" in (await run(incident, "--direction", "upstream", "--relation", "caused", "--denied")).out
    assert "It went to staging only." in (await run("explain", *link)).out
    ran = await run("correct", *link, "--confirm", "--reason", "After all.", "--confidence", "0.9")
    assert (ran.code, "90.0%" in ran.out) == (0, True)


async def test_edges_that_are_awaited_are_listed(run: Run) -> None:
    ran = await run("pending")
    assert (ran.code, f"components/{DECISION.partition('/')[2]}-shop" in ran.out) == (0, True)
    assert "0 edges" in (await run("pending", "--for", "1d")).out


@pytest.mark.parametrize(("form", "needle"), [("prov", "prov:wasInformedBy"), ("cdevents", "linkType")])
async def test_lineage_is_exported(run: Run, tmp_path: Path, form: str, needle: str) -> None:
    ran = await run("export", DECISION, str(tmp_path / "out.json"), "--format", form)
    assert (ran.code, ran.err) == (0, "")
    text = (tmp_path / "out.json").read_text()
    assert (needle in text, bool(json.loads(text))) == (True, True)


async def test_cd_events_are_taken_from_files_and_bad_ones_are_named(run: Run, tmp_path: Path) -> None:
    good = {
        "context": {"id": "taken-1", "source": "/ci", "type": "dev.cdevents.service.deployed.0.3.0", "timestamp": "2026-03-02T09:00:00Z"},
        "subject": {"id": "shop", "content": {}},
    }
    (tmp_path / "one.json").write_text(json.dumps(good))
    (tmp_path / "lines.jsonl").write_text(json.dumps(good) + '\n{"linkType": "KNOT"}\n')
    assert "1 document taken, 0 refused" in (await run("take", str(tmp_path / "one.json"))).out
    ran = await run("take", str(tmp_path / "lines.jsonl"))
    assert (ran.code, "linkType: 'KNOT' is none" in ran.out) == (ExitCode.REFUSED, True)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("nonsense",), "names no kind"),
        (("explain", "changes/told", "sideways", "incidents/1"), "choose from grouped-into"),
        (("correct", "changes/a", "caused", "incidents/1", "--reason", "x"), "--add"),
        (("correct", "epics/a", "caused", "incidents/1", "--add", "--reason", "x"), "from_name"),
        (("export", "incidents/1", "/no/such/folder/file"), "cannot be written"),
        (("export", "incidents/1", "/tmp/x.json", "--format", "xml"), "choose from prov"),
        (("take", "missing.json"), "missing.json cannot be read"),
    ],
)
async def test_wrong_use_names_what_is_wrong(run: Run, arguments: tuple[str, ...], why: str) -> None:
    ran = await run(*arguments)
    assert (ran.code, why in ran.err) == (ExitCode.REFUSED, True), ran.err
