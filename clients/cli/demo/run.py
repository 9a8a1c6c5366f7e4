"""One run of the demo: a suite of its own, the year walked through it, and what it then holds."""

import asyncio
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ballast.governance.v1 import ledger_service_pb2 as ledger_pb
from ballast.simulation.v1 import simulation_service_pb2
from ballast.simulation.v1.simulation_service_pb2_grpc import SimulationServiceStub
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from clients.cli.connection import Connection
from clients.cli.demo.afterword import Afterword, read_afterword
from clients.cli.demo.approvers import Approvers
from clients.cli.demo.errors import SuiteFailed
from clients.cli.demo.example import Example
from clients.cli.demo.replay import Replay
from clients.cli.demo.requests import summary_of
from clients.cli.demo.schedule import Step
from clients.cli.demo.story import Story, choose, read_story
from clients.cli.demo.suite import running_suite
from clients.cli.demo.summary import SprintSummary, summarise
from clients.cli.demo.year import Year, read_year
from clients.cli.ledger_export import Source, write_export
from shared.errors import BallastError, invalid_field
from shared.rpc.client import ClientCredentials, connect

STORY_LEDGER, LEDGER_KEY = "story-ledger.jsonl", "ledger-key.txt"

_CALL_SECONDS = 60.0
_SIMULATION = simulation_service_pb2.DESCRIPTOR.services_by_name["SimulationService"]
_CREDENTIALS = ClientCredentials(local_name="replay")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run gives; no story when no incident displaced anything."""

    year: Year
    summaries: tuple[SprintSummary, ...]
    story: Story | None
    afterword: Afterword | None  # none where there is no story


def run(example: Example, out: Path, console: Console) -> Outcome:
    """Runs the example; progress goes to `console`. The suite is stopped however this ends.

    Raises InvalidInput when `out` cannot be written, SuiteFailed, naming the suite's log, when the suite or the replay fails.
    """
    state = out / "state"
    try:
        state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise invalid_field("--out", f"{state} cannot be made ({error.strerror}); give a folder that can be written") from None
    return asyncio.run(_replayed(example, out, console))


async def _replayed(example: Example, out: Path, console: Console) -> Outcome:
    log = out / "suite.log"
    task = asyncio.current_task()
    assert task is not None
    # By default SIGTERM would end this process at once and leave the suite running.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    console.print("starting a suite with a simulated clock …", style="dim")
    try:
        async with running_suite(out / "state", example.cadence.first_at, log) as addresses:
            return await _walked(example, addresses, out, console)
    except SuiteFailed:
        raise
    except BallastError as error:
        raise SuiteFailed(f"the replay stopped: {error.message} [{error.reason}]; the suite's log is {log}") from error


async def _walked(example: Example, addresses: Mapping[str, str], out: Path, console: Console) -> Outcome:
    connection = Connection(addresses, _CREDENTIALS, _CALL_SECONDS)
    approvers = Approvers(example.policy.approvers, addresses, _CALL_SECONDS)
    clock = connect(addresses["simulation"], [_SIMULATION], credentials=_CREDENTIALS, deadline_seconds=_CALL_SECONDS)
    try:
        replay = Replay(example, connection, SimulationServiceStub(clock.grpc), approvers)
        await replay.prepare()
        with _progress(len(replay.steps), console) as told:
            await replay.walk(told)
        year = await read_year(connection, example, replay.now(), replay.done_in)
        decision = choose(year)
        story = await read_story(connection, year, decision) if decision else None
        if story is not None:
            await _export(connection, story, out)
        afterword = await read_afterword(connection, example, decision.team) if decision else None
        return Outcome(year, summarise(year), story, afterword)
    finally:
        await approvers.close()
        await clock.close()
        await connection.close()


async def _export(connection: Connection, story: Story, out: Path) -> None:
    """Leaves the ledger of the story's trace, and the public key with which it can be checked where no suite runs."""
    request = ledger_pb.ExportEntriesRequest(filter=ledger_pb.EntryFilter(trace_id=story.decision.trace_id))
    await write_export(Source(connection.ledger, request, _CALL_SECONDS), out / STORY_LEDGER, replace=True)
    signed = await connection.ledger.GetCheckpoint(ledger_pb.GetCheckpointRequest())
    (out / LEDGER_KEY).write_text(f"{signed.verifier_key}\n", encoding="utf-8")


@contextmanager
def _progress(count: int, console: Console) -> Iterator[Callable[[Step], None]]:
    """Shows how far the walk is; yields what is to be told of each step before it is taken."""
    columns = (
        TextColumn("sprint {task.fields[sprint]:>2}  {task.fields[day]}"),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=count, sprint=1, day="")

        def told(step: Step) -> None:
            text = summary_of(step.outage)[:50] if step.outage else ""
            progress.update(task, advance=1, sprint=step.sprint, day=f"{step.clock_at:%d %b %Y}", description=text)

        yield told
