"""`ballast policy` against a running allocation: what it prints, how it ends, and the picture it draws."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from ballast.allocation.v1 import allocation_messages_pb2 as pb
from ballast.allocation.v1 import allocation_policy_pb2
from google.protobuf.json_format import ParseDict

from clients.cli.failures import ExitCode
from services.allocation.settings import AllocationSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.allocating import FORTNIGHT, Suite, allocating, assessment, made
from tests.support.command import Ran, ballast

Run = Callable[..., Awaitable[Ran]]
EXAMPLES = Path(__file__).parents[2] / "examples" / "policies"
CALM = """
name: allocationPolicies/calm
baseline_share: 0.3
floor_share: 0.1
cap_share: 0.8
largest_step: 0.2
quiet_sprints: 1
horizon_sprints: 4
rules:
  - {id: storm, when: incidents.count > 2, raise_by: 0.1, reason: It storms.}
"""


@pytest.fixture(scope="module")
async def suite(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    settings = AllocationSettings(port=0, database_url=urls["allocation"], cache_url=engines.cache_url, subscribers={})
    async with allocating(settings, clock) as running:
        stored = ParseDict({"name": "allocationPolicies/calm", **_calm()}, allocation_policy_pb2.AllocationPolicy())
        await running.allocation.UpdateAllocationPolicy(pb.UpdateAllocationPolicyRequest(policy=stored))
        await running.store_team("calm", policy="allocationPolicies/calm")
        now = running.clock.now()
        for _ in range(3):
            await running.deliver(made(assessment("calm", at=now, severity=3, resolved_at=now)))
        for _ in range(4):
            await running.advance(FORTNIGHT)
        yield running


def _calm() -> dict[str, object]:
    rules = [{"id": "storm", "when": "incidents.count > 2", "raise_by": 0.1, "reason": "It storms."}]
    return {
        "baseline_share": 0.3, "floor_share": 0.1, "cap_share": 0.8, "largest_step": 0.2, "quiet_sprints": 1,
        "horizon_sprints": 4, "rules": rules, "reason": "To start from.",
    }  # fmt: skip


@pytest.fixture
def run(suite: Suite) -> Run:
    async def run(*arguments: str) -> Ran:
        return await asyncio.to_thread(ballast, "policy", *arguments, "--allocation-address", suite.app.server.address)

    return run


@pytest.fixture
def bold(tmp_path: Path) -> str:
    (tmp_path / "bold.yaml").write_text(CALM.replace("raise_by: 0.1", "raise_by: 0.2"))
    return str(tmp_path / "bold.yaml")


async def test_a_policy_is_listed_and_shown_with_its_rules(run: Run) -> None:
    assert "allocationPolicies/calm" in (await run("list")).out
    assert "To start from." in (await run("list", "calm")).out
    shown = await run("show", "calm")
    for told in ("storm", "incidents.count > 2", "adds 10.0 %", "It storms.", "1 quiet sprint"):
        assert told in shown.out
    assert (await run("show", "calm", "--json")).data["policy"]["rules"][0]["id"] == "storm"


async def test_what_show_prints_as_yaml_is_a_policy_without_a_finding(run: Run, tmp_path: Path) -> None:
    (tmp_path / "calm.yaml").write_text((await run("show", "calm", "--yaml")).out)
    assert "nothing is wrong" in (await run("validate", str(tmp_path / "calm.yaml"))).out


async def test_the_examples_are_valid(run: Run) -> None:
    for name in ("two-thirds", "sre-workbook", "slo-generator", "by-costs"):
        assert (await run("validate", str(EXAMPLES / f"{name}.yaml"))).code == 0


async def test_a_policy_that_cannot_be_stored_ends_with_no(run: Run, tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text(CALM.replace("incidents.count > 2", "incidents.cuont > 2"))
    printed = await run("validate", str(tmp_path / "broken.yaml"))
    assert printed.code == ExitCode.NO
    assert "did you mean incidents.count?" in printed.out
    assert "rules[0].when" in printed.out


async def test_a_file_that_is_no_policy_is_refused_by_name(run: Run, tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text("basline_share: 0.3\n")
    printed = await run("validate", str(tmp_path / "odd.yaml"))
    assert printed.code == ExitCode.REFUSED
    assert "odd.yaml" in printed.err


async def test_a_file_is_compared_with_the_policy_in_force(run: Run, bold: str) -> None:
    printed = await run("diff", bold)
    assert printed.code == 0, printed.err
    assert "rules[storm].raise_by" in printed.out
    assert "Rule storm adds 20.0 %" in printed.out
    assert "they say the same" in (await run("diff", "allocationPolicies/calm@1", "allocationPolicies/calm")).out
    assert "baseline_share" in (await run("diff", "allocationPolicies/default", "allocationPolicies/calm")).out


async def test_a_preview_is_a_table_and_a_picture_of_the_same_bytes(run: Run, bold: str, tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        printed = await run("preview", bold, "--svg", str(tmp_path / name))
        assert printed.code == 0, printed.err
    for told in ("teams/calm", "40.0 %", "50.0 %", "storm", "2 sprints differ"):
        assert told in printed.out
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert ET.parse(tmp_path / "one.svg").getroot().tag.endswith("svg")
    assert len((await run("preview", bold, "--team", "calm", "--sprints", "2", "--json")).data["teams"][0]["sprints"]) == 2


async def test_a_revision_that_is_none_is_refused(run: Run) -> None:
    assert (await run("preview", "allocationPolicies/calm@x")).code == ExitCode.REFUSED
    assert (await run("preview", "allocationPolicies/calm@9")).code == ExitCode.NOT_FOUND
