"""The command `ballast demo`: replays the year, prints its table and one story, and leaves report, picture and bundle."""

import asyncio
import sys
from datetime import UTC
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.rule import Rule

from clients.cli.demo.afterword_text import ADHERENCE_PICTURE, BACKTEST_PICTURE, draw_pictures, tell_afterword
from clients.cli.demo.bundle import write_bundle
from clients.cli.demo.example import Example, read_example
from clients.cli.demo.picture import Mark, draw_picture
from clients.cli.demo.report import build_report, report_bytes
from clients.cli.demo.run import LEDGER_KEY, STORY_LEDGER, Outcome, run
from clients.cli.demo.story import Story
from clients.cli.demo.story_text import tell
from clients.cli.demo.table import year_table
from clients.cli.failures import reported
from clients.cli.formats import severity_text
from clients.cli.output import cell, facts

EXAMPLE = Path(__file__).parents[3] / "examples" / "cloud-year"
_WIDTH = 120
_TERMINATED = 143  # 128 + SIGTERM, as shells have it

_Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for report, picture, bundle and the suite's state.")]
_Sprints = Annotated[int | None, typer.Option("--sprints", metavar="N", min=1, help="Replay only the first N sprints.")]
_Example = Annotated[Path, typer.Option("--example", metavar="DIR", help="Folder of the year to replay.", show_default=False)]
_Json = Annotated[bool, typer.Option("--json", help="Print the report as JSON instead of table and story.")]


def demo(out: _Out = Path(".ballast/demo"), sprints: _Sprints = None, example: _Example = EXAMPLE, as_json: _Json = False) -> None:
    """Replay a real year of incidents through the services: alerts in, decisions, displaced roadmap items and playbooks out."""
    with reported():
        read = read_example(example, sprints)
        try:
            outcome = run(read, out, _console(sys.stderr))
        except asyncio.CancelledError:
            raise typer.Exit(_TERMINATED) from None
        report = report_bytes(build_report(outcome.year, outcome.summaries, outcome.story, outcome.afterword))
        _leave(outcome, report, out)
        if as_json:
            sys.stdout.write(report.decode())
        else:
            _print(outcome, read, out)


def _console(file: object) -> Console:
    """Returns a console; wide enough for the table where nobody knows the width."""
    made = Console(file=file, markup=False, emoji=False, highlight=False)  # type: ignore[arg-type]
    if not made.is_terminal:
        made.width = _WIDTH
    return made


def _leave(outcome: Outcome, report: bytes, out: Path) -> None:
    (out / "report.json").write_bytes(report)
    draw_picture(outcome.year, outcome.summaries, out, _mark(outcome.story) if outcome.story else None)
    if outcome.story and outcome.story.bundle:
        write_bundle(outcome.story.bundle, out / "bundle")
    if outcome.story and outcome.afterword:
        draw_pictures(outcome.story.decision.team, outcome.afterword, out)


def _mark(story: Story) -> Mark:
    """Returns what the picture says of the story's incident."""
    opened = story.incident.opened_at.ToDatetime(tzinfo=UTC)
    return Mark(opened, f"{opened:%d %b %Y}: {story.incident.title}, {severity_text(story.assessment.severity)}")


def _print(outcome: Outcome, example: Example, out: Path) -> None:
    console = _console(sys.stdout)
    count, teams = len(outcome.year.incidents), len(example.teams)
    console.print(Rule(cell(f"{count} incidents, {len(outcome.summaries)} sprints, {teams} teams", "bold")))
    console.print(year_table(outcome.summaries))
    if outcome.story:
        for part in tell(outcome.story):
            console.print(part)
    if outcome.story and outcome.afterword:
        for part in tell_afterword(outcome.story.decision.team, outcome.afterword):
            console.print(part)
    console.print(Rule(cell("What is left for you", "bold")))
    pictures = [out / "year.svg", out / "year.png", *(out / name for name in (ADHERENCE_PICTURE, BACKTEST_PICTURE))]
    drawn = ", ".join(str(each) for each in pictures if each.exists())
    left = [("report", out / "report.json"), ("pictures", drawn)]
    if outcome.story and outcome.story.bundle:
        left.append(("playbook", out / "bundle"))
    if outcome.story:
        left.append(("proof", f"ballast ledger verify {out / STORY_LEDGER} --key {out / LEDGER_KEY}"))
    console.print(facts([*left, ("suite's log", out / "suite.log")]))
