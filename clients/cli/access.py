"""`ballast access`: who called what, how often and when last, and who was turned away."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

import typer
from ballast.governance.v1 import access_log_service_pb2 as pb
from rich.console import RenderableType

from clients.cli.connection import every_page
from clients.cli.contract_names import method_name
from clients.cli.formats import time_text
from clients.cli.output import Column, cell, table, total
from clients.cli.session import Limit, Session, with_session
from clients.cli.times import read_time

app = typer.Typer(help="List who called what, and who was turned away.")


class Outcome(StrEnum):
    """What came of calls, as an argument."""

    ALL = "all"
    OK = "ok"
    DENIED = "denied"
    FAILED = "failed"

    @property
    def number(self) -> "pb.AccessOutcome.ValueType":
        return pb.AccessOutcome.Value(f"ACCESS_OUTCOME_{'UNSPECIFIED' if self is Outcome.ALL else self.name}")


_Principal = Annotated[str, typer.Option(metavar="NAME", help="Only calls by this principal.")]
_Method = Annotated[str, typer.Option(metavar="RPC", help="Only calls of this RPC: ListAccess, or package.Service/Method.")]
_Service = Annotated[str, typer.Option(metavar="NAME", help="Only calls of this service, such as triage.")]
_Outcome = Annotated[Outcome, typer.Option(help="Only calls that were answered, turned away, or failed otherwise.")]
_Since = Annotated[str, typer.Option(metavar="TIME", help="Only calls not before this, such as 2026-03-02T09:00:00Z; by whole hours.")]
_Until = Annotated[str, typer.Option(metavar="TIME", help="Only calls before this; by whole hours.")]


@app.command("list")
@with_session()
async def list_(
    session: Session,
    principal: _Principal = "",
    method: _Method = "",
    service: _Service = "",
    outcome: _Outcome = Outcome.ALL,
    since: _Since = "",
    until: _Until = "",
    limit: Limit = 50,
) -> None:
    """Lists calls by who made them, RPC and outcome, the last made first."""
    chosen = _chosen(principal, method, service, outcome)
    _bound(chosen, since, until)
    request = pb.ListAccessRequest(filter=chosen)
    response = await every_page(session.connection.access.ListAccess, request, "accesses", limit)
    session.output.answer(response, lambda: draw_accesses(response))


@app.command("principals")
@with_session()
async def principals(
    session: Session,
    principal: _Principal = "",
    method: _Method = "",
    service: _Service = "",
    outcome: _Outcome = Outcome.ALL,
    since: _Since = "",
    until: _Until = "",
    limit: Limit = 50,
) -> None:
    """Lists who called, with the roles used and the services called, the last seen first."""
    chosen = _chosen(principal, method, service, outcome)
    _bound(chosen, since, until)
    request = pb.ListPrincipalsRequest(filter=chosen)
    response = await every_page(session.connection.access.ListPrincipals, request, "principals", limit)
    session.output.answer(response, lambda: draw_principals(response))


def _chosen(principal: str, method: str, service: str, outcome: Outcome) -> pb.AccessFilter:
    source = service if not service or service.startswith("/") else f"/ballast/{service}"
    return pb.AccessFilter(principal=principal, method=method_name("--method", method), source=source, outcome=outcome.number)


def _bound(chosen: pb.AccessFilter, since: str, until: str) -> None:
    for option, text, bound in (("--since", since, chosen.begin_time), ("--until", until, chosen.end_time)):
        time = read_time(option, text)
        if time is not None:
            bound.CopyFrom(time)


def draw_accesses(response: pb.ListAccessResponse) -> Iterable[RenderableType]:
    rows = [
        (
            time_text(each, "last_time"),
            each.principal or "(others)",
            _service(each.source),
            each.method,
            cell(f"{each.code} {each.reason}", "red") if each.reason else each.code,
            each.count,
            each.peer,
            each.last_trace_id,
        )
        for each in response.accesses
    ]
    columns = (
        Column("last", whole=True),
        Column("who", whole=True),
        "service",
        "RPC",
        "outcome",
        Column("calls", right=True),
        "from",
        "trace",
    )
    yield table("", columns, rows)
    yield total(len(rows), "row", response.next_page_token)


def draw_principals(response: pb.ListPrincipalsResponse) -> Iterable[RenderableType]:
    rows = [
        (
            each.name,
            ", ".join(each.roles),
            ", ".join(_service(source) for source in each.sources),
            each.call_count,
            cell(each.denied_count, "red" if each.denied_count else ""),
            time_text(each, "first_time"),
            time_text(each, "last_time"),
        )
        for each in response.principals
    ]
    calls, denied = Column("calls", right=True), Column("denied", right=True)
    columns = (Column("who", whole=True), "roles used", "services", calls, denied, Column("first", whole=True), Column("last", whole=True))
    yield table("", columns, rows)
    yield total(len(rows), "principal", response.next_page_token)


def _service(source: str) -> str:
    return source.removeprefix("/ballast/")
