"""`ballast heartbeats`: signals that must keep coming; when one stops, an alert fires."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated

import typer
from ballast.intake.v1 import heartbeat_pb2
from ballast.intake.v1 import signal_messages_pb2 as pb
from google.protobuf.duration_pb2 import Duration
from rich.console import RenderableType

from clients.cli.connection import every_page
from clients.cli.formats import duration_text, enum_text, time_text
from clients.cli.items import taken
from clients.cli.names import heartbeat_name
from clients.cli.output import Column, cell, facts, table, total
from clients.cli.session import Limit, Session, with_session
from clients.cli.times import read_span, read_time
from shared.errors import invalid_field

app = typer.Typer(help="List, set, beat and remove heartbeats.")

_Heartbeat = Annotated[str, typer.Argument(metavar="HEARTBEAT", help="heartbeats/{id}, or the id.")]
_Etag = Annotated[str, typer.Option(metavar="ETAG", help="Change only this version.")]


class Status(StrEnum):
    """Where a heartbeat stands, as an option."""

    WAITING = "waiting"
    HEALTHY = "healthy"
    OVERDUE = "overdue"
    PAUSED = "paused"

    @property
    def number(self) -> "heartbeat_pb2.HeartbeatState.ValueType":
        return heartbeat_pb2.HeartbeatState.Value(f"HEARTBEAT_STATE_{self.name}")


@app.command("list")
@with_session()
async def list_(
    session: Session,
    status: Annotated[list[Status] | None, typer.Option(help="Only those standing so; repeat for several.")] = None,
    limit: Limit = 50,
) -> None:
    """Lists heartbeats by name, with where each stands."""
    request = pb.ListHeartbeatsRequest(states=[each.number for each in status or ()])
    response = await every_page(session.connection.signals.ListHeartbeats, request, "heartbeats", limit)
    session.output.answer(response, lambda: draw_list(response))


@app.command("set")
@with_session()
async def set_(
    session: Session,
    heartbeat: _Heartbeat,
    every: Annotated[str, typer.Option(metavar="SPAN", help="How often a beat is due, as 90s, 5m, 2h or 1d.")],
    grace: Annotated[str, typer.Option(metavar="SPAN", help="How much later than due a beat may come.")] = "0s",
    component: Annotated[str, typer.Option(metavar="ID", help="The component in trouble when beats stop.")] = "",
    label: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A label of the alert; repeat for several.")] = None,
    annotation: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="An annotation of it; repeat for several.")] = None,
    paused: Annotated[bool, typer.Option("--paused", help="Wait for no beats for now.")] = False,
    etag: _Etag = "",
    validate_only: Annotated[bool, typer.Option("--validate-only", help="Say what would be set, and set nothing.")] = False,
) -> None:
    """Sets a heartbeat, new or changed: all of it, what is left out included."""
    sent = heartbeat_pb2.Heartbeat(
        name=heartbeat_name("HEARTBEAT", heartbeat),
        interval=_span("--every", every),
        grace=_span("--grace", grace),
        component=component,
        labels=_pairs("--label", label or ()),
        annotations=_pairs("--annotation", annotation or ()),
        paused=paused,
        etag=etag,
    )
    response = await session.connection.signals.SetHeartbeat(pb.SetHeartbeatRequest(heartbeat=sent, validate_only=validate_only))
    session.output.answer(response, lambda: [draw_heartbeat(response.heartbeat)])


@app.command("beat")
@with_session()
async def beat(
    session: Session,
    heartbeats: Annotated[list[str], typer.Argument(metavar="HEARTBEAT...", help="heartbeats/{id}, or the id.")],
    at: Annotated[str, typer.Option("--at", metavar="TIME", help="When it beat, as 2026-03-02T09:00:00Z; now when left out.")] = "",
) -> None:
    """Beats: says that what is watched is alive. For the end of a job's script."""
    names = [heartbeat_name("HEARTBEAT", each) for each in heartbeats]
    beats = [heartbeat_pb2.Beat(heartbeat=name, occurred_at=read_time("--at", at)) for name in names]
    response = await session.connection.signals.Heartbeat(pb.HeartbeatRequest(beats=beats))
    results = taken(response.results, {f"beats[{index}].": f"{name}, " for index, name in enumerate(names)})
    session.output.answer(response, lambda: [_beaten(name, result) for name, result in zip(names, results, strict=True)])


@app.command("remove")
@with_session()
async def remove(session: Session, heartbeat: _Heartbeat, etag: _Etag = "") -> None:
    """Removes a heartbeat and resolves its alert."""
    name = heartbeat_name("HEARTBEAT", heartbeat)
    response = await session.connection.signals.RemoveHeartbeat(pb.RemoveHeartbeatRequest(name=name, etag=etag))
    session.output.answer(response, lambda: [cell(f"{name} removed")])


def draw_list(response: pb.ListHeartbeatsResponse) -> Iterable[RenderableType]:
    columns = (
        Column("heartbeat", whole=True),
        "state",
        Column("last beat", whole=True),
        Column("overdue at", whole=True),
        Column("every", right=True),
        Column("grace", right=True),
        "component",
    )
    yield table("", columns, [_row(each) for each in response.heartbeats])
    yield total(len(response.heartbeats), "heartbeat", response.next_page_token)


def draw_heartbeat(heartbeat: heartbeat_pb2.Heartbeat) -> RenderableType:
    return facts(
        [
            ("name", heartbeat.name),
            ("state", enum_text(heartbeat, "state")),
            ("last beat", time_text(heartbeat, "last_beat_at")),
            ("overdue at", time_text(heartbeat, "overdue_at")),
            ("every", duration_text(heartbeat.interval)),
            ("grace", duration_text(heartbeat.grace)),
            ("component", heartbeat.component),
            ("labels", ", ".join(f"{key}={value}" for key, value in sorted(heartbeat.labels.items()))),
            ("annotations", ", ".join(f"{key}={value}" for key, value in sorted(heartbeat.annotations.items()))),
            ("etag", heartbeat.etag),
        ]
    )


def _beaten(name: str, result: pb.BeatResult) -> RenderableType:
    until = time_text(result, "overdue_at")
    return cell(f"{name} {enum_text(result, 'state')}{f', overdue at {until}' if until else ''}")


def _row(heartbeat: heartbeat_pb2.Heartbeat) -> tuple[object, ...]:
    return (
        heartbeat.name,
        enum_text(heartbeat, "state"),
        time_text(heartbeat, "last_beat_at"),
        time_text(heartbeat, "overdue_at"),
        duration_text(heartbeat.interval),
        duration_text(heartbeat.grace),
        heartbeat.component,
    )


def _span(option: str, text: str) -> Duration:
    duration = Duration()
    duration.FromTimedelta(read_span(option, text))
    return duration


def _pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise invalid_field(option, f"{text!r} is no pair; write NAME=VALUE", reason="PAIR_INVALID")
        if name in pairs:
            raise invalid_field(option, f"{name!r} is given twice; keep one", reason="PAIR_INVALID")
        pairs[name] = value
    return pairs
