"""The command itself: its sub-commands by name, each loaded only when it is asked for."""

import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer

from clients.cli.failures import reported

_EPILOG = """
[bold]Exit codes:[/bold]
0 ok · 1 the answer is no (the ledger does not verify, rules have problems) · 2 wrong use, or input refused · 3 not found ·
4 server away, overloaded, or too slow · 5 denied · 6 conflict, or not in a state for it · 70 internal error ·
130 interrupted · 141 the reader of the output went away
"""


@dataclass(frozen=True, slots=True)
class SubCommand:
    """Where a sub-command lives: a typer app of several, or the function of one."""

    module: str
    attribute: str
    summary: str


COMMANDS = {
    "up": SubCommand("clients.cli.up", "up", "Run the whole suite on this machine."),
    "demo": SubCommand("clients.cli.demo.command", "demo", "Replay a real year of incidents through the suite."),
    "alerts": SubCommand("clients.cli.alerts", "app", "Send, list and show alerts."),
    "explain": SubCommand("clients.cli.explain", "explain", "Say why an alert is where it is."),
    "storm": SubCommand("clients.cli.storm", "storm", "Show whether a storm of alerts is under way."),
    "incidents": SubCommand("clients.cli.incidents", "app", "List, show, watch, declare, take, mend, merge and end incidents."),
    "changes": SubCommand("clients.cli.changes", "app", "List and report deploys and other changes."),
    "heartbeats": SubCommand("clients.cli.heartbeats", "app", "List, set, beat and remove heartbeats."),
    "rules": SubCommand("clients.cli.rules", "app", "Show, check, try and change how alerts become incidents."),
    "silences": SubCommand("clients.cli.silences", "app", "List, show, add, edit and end silences of alerts."),
    "windows": SubCommand("clients.cli.windows", "app", "List, show, plan, edit and cancel maintenance windows."),
    "inhibit": SubCommand("clients.cli.inhibit", "app", "Show, set and list the revisions of the inhibit rules."),
    "components": SubCommand("clients.cli.components", "app", "List, show and import components; what needs them, how they changed."),
    "budgets": SubCommand("clients.cli.budgets", "app", "List, show, adjust and draw error budgets; record samples, keep the policy."),
    "slos": SubCommand("clients.cli.slos", "app", "Import, export, list, show and delete SLOs."),
    "assessments": SubCommand("clients.cli.assessments", "app", "Show how bad an incident is, term by term, and what if."),
    "queue": SubCommand("clients.cli.queue", "app", "List and watch what waits, the costliest first; say better how bad it is."),
    "matrix": SubCommand("clients.cli.matrix", "app", "Show, try and change the severity matrix."),
    "gates": SubCommand("clients.cli.gates", "app", "Show, try and change the rules that raise a severity, page or ask for more."),
    "calibrate": SubCommand("clients.cli.calibrate", "app", "Show how assessments did, fit weights, and list the versions of the model."),
    "teams": SubCommand("clients.cli.teams", "app", "List, show and store teams and leave; capacity, and whether work follows its plan."),
    "work": SubCommand("clients.cli.work", "app", "Record, list, correct and import work."),
    "split": SubCommand("clients.cli.split", "app", "Show, list and watch how teams' sprints are shared out."),
    "decisions": SubCommand("clients.cli.decisions", "app", "List, show, explain and roll back decisions."),
    "forecast": SubCommand("clients.cli.forecast", "forecast", "Foretell the hours that remediation will ask of teams."),
    "policy": SubCommand("clients.cli.policy", "app", "Show, check, compare and try allocation policies."),
    "plan": SubCommand("clients.cli.plan", "plan", "Show when each item of a roadmap will be done, and what if."),
    "roadmap": SubCommand("clients.cli.roadmap", "app", "List, show, import and change roadmap items."),
    "backtest": SubCommand("clients.cli.backtest", "backtest", "Try policies on the past, each on what was known then."),
    "simulate": SubCommand("clients.cli.simulate", "simulate", "Say what a spike, a lost member, another item or policy would do."),
    "bundles": SubCommand("clients.cli.bundles", "app", "List, show and write playbook bundles."),
    "approvals": SubCommand("clients.cli.approvals", "app", "Ask that others agree, agree, act at once, and verify what was approved."),
    "amendments": SubCommand("clients.cli.amendments", "app", "Draft, try, propose and bring back changes of versioned documents."),
    "lineage": SubCommand("clients.cli.lineage", "app", "Draw what led to a resource and what it led to; explain and correct it."),
    "ledger": SubCommand("clients.cli.ledger", "app", "List, export and verify the ledger."),
    "access": SubCommand("clients.cli.access", "app", "List who called what, and who was turned away."),
    "trace": SubCommand("clients.cli.trace", "trace", "Tell the story of one decision."),
    "events": SubCommand("clients.cli.events", "app", "Show and repair the delivery of events."),
}


def build(wanted: str | None) -> typer.Typer:
    """Returns the command with the sub-command `wanted` loaded, or all of them for None; the others stand by name and summary.

    Loading one takes half a second (the wire code); help and a mistyped name should not wait for all of them.
    """
    app = typer.Typer(name="ballast", no_args_is_help=True, rich_markup_mode="rich", epilog=_EPILOG, pretty_exceptions_enable=False)
    app.callback()(_root)
    for name, entry in COMMANDS.items():
        found = _load(entry) if wanted in (None, name) else _placeholder
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name, help=entry.summary, no_args_is_help=True)
        else:
            app.command(name, help=None if found is not _placeholder else entry.summary)(found)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command and exits."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets its escape; it is no reason to fail.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # text streams; the stubs say TextIO
    completing = "_BALLAST_COMPLETE" in os.environ
    wanted = None if completing else next((each for each in given if not each.startswith("-")), "")
    with reported():
        build(wanted)(args=given, prog_name="ballast")


def _load(entry: SubCommand) -> Any:
    return getattr(importlib.import_module(entry.module), entry.attribute)


def _placeholder() -> None:
    """Never runs: the sub-command asked for is always loaded."""


def _version(value: bool) -> None:
    if value:
        try:
            sys.stdout.write(f"ballast {version('ballast')}\n")
        except PackageNotFoundError:
            sys.stdout.write("ballast (from a checkout that is not installed)\n")
        raise typer.Exit


def _root(
    show_version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")] = False,
) -> None:
    """Ballast keeps an organisation on an even keel while incidents and roadmap pull at the same people.

    Every command that prints takes [bold]--json[/bold]. Run [bold]ballast up[/bold] first, or say where a suite is with --state or
    BALLAST_<SERVICE>_ADDRESS.
    """
    del show_version
