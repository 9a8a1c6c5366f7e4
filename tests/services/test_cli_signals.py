"""`ballast changes` and `ballast heartbeats` against a running intake: what they print, and how they end when refused."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from clients.cli.failures import ExitCode
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.command import Ran, ballast
from tests.support.intake import Intake, intake_serving

Run = Callable[..., Awaitable[Ran]]


@pytest.fixture(scope="module")
async def intake(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Intake]:
    async with intake_serving(urls, engines, clock) as running:
        yield running


@pytest.fixture(scope="module")
async def run(intake: Intake) -> Run:
    async def run(*arguments: str) -> Ran:
        return await asyncio.to_thread(ballast, *arguments, "--intake-address", intake.address)

    return run


# Changes.


async def test_a_change_is_reported_from_its_begin_to_its_end_and_listed(run: Run) -> None:
    component = uuid.uuid4().hex
    about = ("changes", "report", "deploy", component, "--key", "run-7", "--source", "ci")
    begun = await run(*about, "--outcome", "under-way", "--started", "2026-03-02T08:00:00Z", "--version", "1.42")
    assert (begun.code, begun.out.split()[1]) == (0, "recorded")
    ended = await run(*about, "--outcome", "failed", "--finished", "2026-03-02T08:10:00Z", "--summary", "[red]no[/]")
    assert ended.out.split() == [begun.out.split()[0], "updated"]
    assert (await run(*about, "--outcome", "failed", "--finished", "2026-03-02T08:10:00Z")).out.split()[1] == "repeated"
    listed = await run("changes", "list", "--component", component)
    for told in (
        begun.out.split()[0],
        "deploy",
        "failed",
        "2026-03-02 08:00:00Z",
        "2026-03-02 08:10:00Z",
        "1.42",
        "[red]no[/]",
        "1 change",
    ):
        assert told in listed.out
    (found,) = (await run("changes", "list", "--component", component, "--json")).data["changes"]
    assert (found["source"], found["key"], found["kind"]) == ("ci", "run-7", "CHANGE_KIND_DEPLOY")


async def test_changes_are_chosen_by_kind_and_time(run: Run) -> None:
    component = uuid.uuid4().hex
    for kind, hour in (("flag", "07"), ("deploy", "08")):
        await run("changes", "report", kind, component, "--key", uuid.uuid4().hex, "--started", f"2026-03-02T{hour}:00:00Z")
    for chosen, count in ((("--kind", "flag"), 1), (("--since", "2026-03-02T07:30:00Z"), 1), (("--before", "2026-03-02T09:00:00Z"), 2)):
        listed = (await run("changes", "list", "--component", component, *chosen, "--json")).data["changes"]
        assert len(listed) == count


async def test_a_change_that_is_refused_ends_with_2_and_names_the_field(run: Run) -> None:
    ran = await run("changes", "report", "deploy", "--key", "k", "--started", "2126-03-02T08:00:00Z")
    assert (ran.code, ran.out) == (ExitCode.REFUSED, "")
    assert "started_at: 2126-03-02T08:00:00+00:00 lies in the future" in ran.err
    assert "CHANGE_TIME_INVALID" in ran.err


# Heartbeats.


async def test_a_heartbeat_is_set_beaten_listed_and_removed(run: Run, intake: Intake, clock: SimulatedClock) -> None:
    name = f"nightly-{uuid.uuid4().hex[:8]}"
    shown = await run("heartbeats", "set", name, "--every", "1d", "--grace", "90s", "--component", "backup", "--label", "tier=1=a")
    for told in (f"heartbeats/{name}", "waiting", "1 d", "1 min 30 s", "backup", "tier=1=a", "v1"):
        assert told in shown.out
    beaten = await run("heartbeats", "beat", name, "--at", "2026-03-02T08:59:00Z")
    assert beaten.out == f"heartbeats/{name} healthy, overdue at 2026-03-03 09:01:30Z\n"
    listed = await run("heartbeats", "list", "--status", "healthy")
    assert name in listed.out
    assert name not in (await run("heartbeats", "list", "--status", "overdue")).out
    paused = await run("heartbeats", "set", name, "--every", "1d", "--paused", "--etag", "v1", "--json")
    assert paused.data["heartbeat"]["state"] == "HEARTBEAT_STATE_PAUSED"
    assert (await run("heartbeats", "set", name, "--every", "2d", "--etag", "v1")).code == ExitCode.CONFLICT
    removed = await run("heartbeats", "remove", f"heartbeats/{name}")
    assert removed.out == f"heartbeats/{name} removed\n"
    assert (await run("heartbeats", "remove", name)).code == ExitCode.NOT_FOUND


async def test_a_preview_sets_nothing(run: Run) -> None:
    name = f"preview-{uuid.uuid4().hex[:8]}"
    assert (await run("heartbeats", "set", name, "--every", "5m", "--validate-only")).code == 0
    ran = await run("heartbeats", "beat", name)
    assert (ran.code, "HEARTBEAT_NOT_FOUND" in ran.err) == (ExitCode.NOT_FOUND, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("heartbeats", "set", "Not An Id", "--every", "5m"),
        ("heartbeats", "set", "x"),
        ("heartbeats", "set", "x", "--every", "soon"),
        ("heartbeats", "set", "x", "--every", "0s"),
        ("heartbeats", "set", "x", "--every", "5m", "--label", "tier"),
        ("heartbeats", "set", "x", "--every", "5m", "--label", "a=1", "--label", "a=2"),
        ("heartbeats", "beat", "x", "--at", "noon"),
        ("heartbeats", "list", "--status", "dead"),
        ("changes", "report", "deploy"),
        ("changes", "report", "nonsense", "--key", "k"),
        ("changes", "list", "--since", "2026-03-02T09:00:00"),
    ],
)
async def test_wrong_use_ends_with_2(run: Run, arguments: tuple[str, ...]) -> None:
    ran = await run(*arguments)
    assert (ran.code, ran.out) == (ExitCode.REFUSED, "")
    assert "Traceback" not in ran.err
