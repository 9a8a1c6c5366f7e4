"""`ballast silences`: alerts muted for a while, by whom and why."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated

import typer
from ballast.intake.v1 import matcher_pb2, silence_pb2
from ballast.intake.v1 import silence_messages_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import RenderableType

from clients.cli.connection import every_page
from clients.cli.formats import count_text, enum_text, time_text
from clients.cli.names import resource_name
from clients.cli.output import Column, cell, facts, table, total
from clients.cli.session import Limit, Session, with_session
from clients.cli.times import read_duration, read_span, read_time

app = typer.Typer(help="List, show, add, edit and end silences of alerts.")

_Silence = Annotated[str, typer.Argument(metavar="SILENCE", help="silences/{uuid}, or the UUID.")]
_Etag = Annotated[str, typer.Option(metavar="ETAG", help="Change only this version.")]
_Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="Why it is changed, for its history.")]


class Status(StrEnum):
    """Where a silence stands, as an option."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"

    @property
    def number(self) -> "silence_pb2.SilenceState.ValueType":
        return silence_pb2.SilenceState.Value(f"SILENCE_STATE_{self.name}")


@app.command("list")
@with_session()
async def list_(
    session: Session,
    status: Annotated[list[Status] | None, typer.Option(help="Only those standing so; pending and active when left out.")] = None,
    limit: Limit = 50,
) -> None:
    """Lists silences, newest first."""
    chosen = status or (Status.PENDING, Status.ACTIVE)
    request = pb.ListSilencesRequest(states=[each.number for each in chosen])
    response = await every_page(session.connection.muting.ListSilences, request, "silences", limit)
    session.output.answer(response, lambda: draw_list(response))


@app.command("show")
@with_session()
async def show(session: Session, silence: _Silence) -> None:
    """Shows one silence, and who changed what and why."""
    name = resource_name("SILENCE", "silences", silence)
    muting = session.connection.muting
    found = (await muting.GetSilence(pb.GetSilenceRequest(name=name))).silence
    versions = (await every_page(muting.ListSilenceVersions, pb.ListSilenceVersionsRequest(name=name), "silences", 0)).silences
    session.output.answer({"silence": found, "versions": list(versions)}, lambda: [*draw_silence(found), draw_versions(versions)])


@app.command("add")
@with_session()
async def add(
    session: Session,
    matchers: Annotated[
        list[str], typer.Argument(metavar="MATCHER…", help="""As Alertmanager has them: 'alertname=~"High.*"' severity!=info""")
    ],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why.")],
    for_: Annotated[str, typer.Option("--for", metavar="SPAN", help="How long, as 90m, 2h30m or 1d; at most 30d.")] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="Until then, instead of --for.")] = "",
    start: Annotated[str, typer.Option(metavar="TIME", help="When it begins; now when left out.")] = "",
    check: Annotated[bool, typer.Option("--check", help="Add nothing; only say which firing alerts it would mute.")] = False,
) -> None:
    """Mutes the alerts that match all of the matchers, for a while."""
    if bool(for_) is bool(until):
        raise typer.BadParameter("say how long the silence is to last, with one of --for and --until", param_hint="--for")
    request = pb.CreateSilenceRequest(
        matchers=matchers_of(matchers),
        starts_at=read_time("--start", start),
        ends_at=read_time("--until", until),
        duration=read_duration("--for", for_),
        reason=reason,
        validate_only=check,
    )
    response = await session.connection.muting.CreateSilence(request)
    session.output.answer(response, lambda: draw_preview(response) if check else draw_silence(response.silence))


@app.command("edit")
@with_session()
async def edit(
    session: Session,
    silence: _Silence,
    matchers: Annotated[list[str] | None, typer.Argument(metavar="MATCHER…", help="The matchers it is to have instead.")] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why it is there.")] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="When it is to end.")] = "",
    extend: Annotated[str, typer.Option(metavar="SPAN", help="How much longer it is to last, instead of --until.")] = "",
    start: Annotated[str, typer.Option(metavar="TIME", help="When it is to begin, if it has not.")] = "",
    why: _Why = "",
    etag: _Etag = "",
) -> None:
    """Changes a silence that is not over, as a new version."""
    if until and extend:
        raise typer.BadParameter("give one of --until and --extend", param_hint="--extend")
    request = pb.UpdateSilenceRequest(
        name=resource_name("SILENCE", "silences", silence),
        etag=etag,
        matchers=matchers_of(matchers or ()),
        starts_at=read_time("--start", start),
        ends_at=read_time("--until", until),
        reason=reason,
        change_reason=why,
    )
    if extend:
        longer = read_span("--extend", extend)
        seen = (await session.connection.muting.GetSilence(pb.GetSilenceRequest(name=request.name))).silence
        request.etag = etag or seen.etag  # longer than what was seen, and than nothing else
        request.ends_at.CopyFrom(Timestamp(seconds=seen.ends_at.seconds + int(longer.total_seconds()), nanos=seen.ends_at.nanos))
    response = await session.connection.muting.UpdateSilence(request)
    session.output.answer(response, lambda: draw_silence(response.silence))


@app.command("expire")
@with_session()
async def expire(session: Session, silence: _Silence, why: _Why = "", etag: _Etag = "") -> None:
    """Ends a silence now."""
    request = pb.ExpireSilenceRequest(name=resource_name("SILENCE", "silences", silence), change_reason=why, etag=etag)
    response = await session.connection.muting.ExpireSilence(request)
    session.output.answer(response, lambda: draw_silence(response.silence))


def matchers_of(texts: Sequence[str]) -> list[matcher_pb2.Matcher]:
    return [matcher_pb2.Matcher(text=each) for each in texts]


def matchers_text(matchers: Iterable[matcher_pb2.Matcher]) -> str:
    return ", ".join(each.text for each in matchers)


def draw_list(response: pb.ListSilencesResponse) -> Iterable[RenderableType]:
    columns = (Column("silence", whole=True), "state", Column("ends", whole=True), "author", "matchers", "reason")
    rows = [
        (each.name, enum_text(each, "state"), time_text(each, "ends_at"), each.author, matchers_text(each.matchers), each.reason)
        for each in response.silences
    ]
    yield table("", columns, rows)
    yield total(len(response.silences), "silence", response.next_page_token)


def draw_silence(silence: silence_pb2.Silence) -> Iterable[RenderableType]:
    yield cell(matchers_text(silence.matchers), "bold")
    yield facts(
        [
            ("name", silence.name),
            ("state", enum_text(silence, "state")),
            ("begins", time_text(silence, "starts_at")),
            ("ends", time_text(silence, "ends_at")),
            ("author", silence.author),
            ("reason", silence.reason),
            ("etag", silence.etag),
        ]
    )


def draw_versions(versions: Iterable[silence_pb2.Silence]) -> RenderableType:
    columns = (Column("version", right=True), Column("when", whole=True), "change", "who", "why", "matchers", Column("ends", whole=True))
    rows = [
        (
            each.version,
            time_text(each, "update_time"),
            enum_text(each, "change"),
            each.changed_by,
            each.change_reason,
            matchers_text(each.matchers),
            time_text(each, "ends_at"),
        )
        for each in versions
    ]
    return table("versions", columns, rows)


def draw_preview(response: pb.CreateSilenceResponse) -> Iterable[RenderableType]:
    yield from draw_silence(response.silence)
    rows = [(each.name, ", ".join(f"{key}={value}" for key, value in sorted(each.labels.items()))) for each in response.muted_alerts]
    yield table("firing alerts it would mute", (Column("alert", whole=True), "labels"), rows)
    rest = " or more: not all firing alerts were looked at" if response.is_partial else ""
    yield cell(count_text(response.muted_alert_count, "firing alert") + rest, "dim")
