"""What the commands that work on incidents are given: names, words, evidence, versions and times."""

from typing import Annotated

import typer

from clients.cli.names import resource_name

Incident = Annotated[str, typer.Argument(metavar="INCIDENT", help="incidents/{uuid}, or the UUID.")]
Note = Annotated[str, typer.Option(metavar="TEXT", help="A line for the time-line.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why; a line for the time-line.")]
Evidence = Annotated[str, typer.Option("--evidence", metavar="URL", help="A link to the evidence, http or https.")]
Etag = Annotated[str, typer.Option(metavar="ETAG", help="Change only this version.")]
At = Annotated[str, typer.Option("--at", metavar="TIME", help="When it happened, as 2026-03-02T09:00:00Z; now when left out.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what it would give.")]


def incident_name(text: str) -> str:
    return resource_name("INCIDENT", "incidents", text)
