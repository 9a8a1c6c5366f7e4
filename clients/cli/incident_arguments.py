"""What the commands that work on incidents are given: names, words, evidence, versions and times."""

from datetime import datetime
from typing import Annotated

import typer
from google.protobuf.timestamp_pb2 import Timestamp

from clients.cli.names import resource_name
from shared.errors import invalid_field

Incident = Annotated[str, typer.Argument(metavar="INCIDENT", help="incidents/{uuid}, or the UUID.")]
Note = Annotated[str, typer.Option(metavar="TEXT", help="A line for the time-line.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why; a line for the time-line.")]
Evidence = Annotated[str, typer.Option("--evidence", metavar="URL", help="A link to the evidence, http or https.")]
Etag = Annotated[str, typer.Option(metavar="ETAG", help="Change only this version.")]
At = Annotated[str, typer.Option("--at", metavar="TIME", help="When it happened, as 2026-03-02T09:00:00Z; now when left out.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what it would give.")]


def incident_name(text: str) -> str:
    return resource_name("INCIDENT", "incidents", text)


def time_of(option: str, text: str) -> Timestamp | None:
    if not text:
        return None
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise invalid_field(option, f"{text!r} is not a time; write it as 2026-03-02T09:00:00Z", reason="TIME_INVALID") from None
    if value.tzinfo is None:
        raise invalid_field(option, f"{text!r} has no zone; end it with Z for UTC, or with an offset such as +02:00", reason="TIME_INVALID")
    stamp = Timestamp()
    stamp.FromDatetime(value)
    return stamp
