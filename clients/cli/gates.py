"""`ballast gates`: rules that raise a severity, page, or ask for an approval or a playbook."""

import asyncio
import sys
import uuid
from collections.abc import Iterable
from typing import Annotated

import typer
from ballast.triage.v1 import gate_pb2
from ballast.triage.v1 import gate_service_pb2 as pb
from rich.console import RenderableType

from clients.cli.assessments import gate_effects
from clients.cli.connection import every_page
from clients.cli.documents import draw_change, proposed_instead, read_document
from clients.cli.formats import count_text, severity_text, time_text
from clients.cli.message_file import message_yaml, read_message
from clients.cli.output import Column, cell, facts, plain, table, total
from clients.cli.session import LARGEST_REVISION, Limit, Session, with_session

LARGEST_BYTES = 256 * 1024
_SERVERS = ("revision", "author", "reason", "etag", "create_time")

app = typer.Typer(help="Show, try and change the rules that raise a severity, page or ask for more.")

_File = Annotated[str, typer.Argument(metavar="FILE", help="Rules in YAML, as `show --yaml` prints them; - is stdin.")]


@app.command("show")
@with_session()
async def show(
    session: Session,
    revision: Annotated[int, typer.Option(metavar="N", min=0, max=LARGEST_REVISION, help="A revision; the newest when left out.")] = 0,
    yaml: Annotated[bool, typer.Option("--yaml", help="Print the rules alone, to edit and set again.")] = False,
) -> None:
    """Shows the gating rules."""
    response = await session.connection.gates.GetGatingRules(pb.GetGatingRulesRequest(revision=revision))
    if yaml and not session.output.as_json:
        sys.stdout.write(plain(message_yaml(response.gates, *_SERVERS), keep="\n"))
        return
    session.output.answer(response, lambda: draw_gates(response.gates))


@app.command("try")
@with_session()
async def try_(
    session: Session,
    file: _File,
    last: Annotated[int, typer.Option(metavar="N", min=1, max=2_000, help="Ask about this many of the last incidents.")] = 200,
) -> None:
    """Asks rules about the last incidents: how often each fires, and whose severity would differ. Changes nothing."""
    gates = read_message(await asyncio.to_thread(read_document, file, session, LARGEST_BYTES), gate_pb2.GatingRules())
    response = await session.connection.gates.DryRunGatingRules(pb.DryRunGatingRulesRequest(rules=gates.rules, incidents=last))
    session.output.answer(response, lambda: draw_trial(response))


@app.command("set")
@with_session()
async def set_(
    session: Session,
    file: _File,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept with the revision.")],
    etag: Annotated[str, typer.Option(metavar="ETAG", help="Change only the rules with this etag; the newest when left out.")] = "",
    validate_only: Annotated[bool, typer.Option("--validate-only", help="Say what would be made, and make nothing.")] = False,
) -> None:
    """Puts rules in force, as a new revision; open incidents are asked about again."""
    gates = read_message(await asyncio.to_thread(read_document, file, session, LARGEST_BYTES), gate_pb2.GatingRules())
    gates.reason = reason
    newest = (await session.connection.gates.GetGatingRules(pb.GetGatingRulesRequest())).gates
    gates.etag = etag or newest.etag
    request = pb.UpdateGatingRulesRequest(request_id=str(uuid.uuid4()), gates=gates, validate_only=validate_only)
    with proposed_instead("draft", file, reason):
        response = await session.connection.gates.UpdateGatingRules(request)
    made = response.gates
    session.output.answer(response, lambda: draw_change(draw_gates(made), newest.revision, made.revision, validate_only=validate_only))


@app.command("revisions")
@with_session()
async def revisions(session: Session, limit: Limit = 50) -> None:
    """Lists the revisions, newest first."""
    call = session.connection.gates.ListGatingRulesRevisions
    response = await every_page(call, pb.ListGatingRulesRevisionsRequest(), "gates", limit)
    session.output.answer(response, lambda: draw_revisions(response))


@app.command("facts")
@with_session()
async def facts_(session: Session) -> None:
    """Lists what conditions may read, with types."""
    response = await session.connection.gates.ListGateFacts(pb.ListGateFactsRequest())
    rows = [(each.name, each.type, each.meaning) for each in response.facts]
    session.output.answer(response, lambda: [table("", (Column("fact", whole=True), "type", "meaning"), rows)])


def draw_gates(gates: gate_pb2.GatingRules) -> Iterable[RenderableType]:
    yield facts(
        [
            ("revision", gates.revision),
            ("made", time_text(gates, "create_time")),
            ("by", gates.author),
            ("reason", gates.reason),
            ("etag", gates.etag),
        ]
    )
    rows = [(each.name, each.condition, gate_effects(each), each.reason) for each in gates.rules]
    if rows:
        yield table("", ("rule", "when", "then", "because"), rows)
    yield cell(count_text(len(rows), "rule") if rows else "no gate is asked", "dim")


def draw_trial(response: pb.DryRunGatingRulesResponse) -> Iterable[RenderableType]:
    counts = [(each.rule, each.fired, each.undecided, "" if each.fired else "matched nothing") for each in response.counts]
    yield table("", ("rule", Column("fires", right=True), Column("undecided", right=True), ""), counts)
    changes = [
        (severity_text(each.before), severity_text(each.after), ", ".join(each.fired), each.title, each.incident)
        for each in response.changes
    ]
    if changes:
        yield table("whose severity would differ", ("now", "then", "by", "title", Column("incident", whole=True)), changes)
    differ = count_text(len(changes), "incident differs", "incidents differ")
    yield cell(f"{differ} of {response.incidents:,}; nothing was changed", "dim")


def draw_revisions(response: pb.ListGatingRulesRevisionsResponse) -> Iterable[RenderableType]:
    columns = (Column("revision", right=True), Column("made", whole=True), "by", "reason", Column("rules", right=True))
    rows = [(each.revision, time_text(each, "create_time"), each.author, each.reason, len(each.rules)) for each in response.gates]
    yield table("", columns, rows)
    yield total(len(rows), "revision", response.next_page_token)
