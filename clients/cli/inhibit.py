"""`ballast inhibit`: alerts muted while another fires that explains them."""

import asyncio
from collections.abc import Iterable
from typing import Annotated

import typer
from ballast.intake.v1 import inhibit_rule_messages_pb2 as pb
from ballast.intake.v1 import inhibit_rule_pb2
from rich.console import RenderableType

from clients.cli.connection import every_page
from clients.cli.documents import read_document
from clients.cli.formats import count_text, time_text
from clients.cli.inhibit_file import read_rules
from clients.cli.output import Column, cell, facts, table, total
from clients.cli.session import Limit, Session, with_session
from clients.cli.silences import matchers_text

LARGEST_BYTES = 1024 * 1024

app = typer.Typer(help="Show, set and list the revisions of the inhibit rules.")


@app.command("show")
@with_session()
async def show(
    session: Session,
    revision: Annotated[int, typer.Option(metavar="N", min=0, help="A revision; the newest when left out.")] = 0,
) -> None:
    """Shows the inhibit rules, in the order in which they are tried."""
    response = await session.connection.muting.GetInhibitRules(pb.GetInhibitRulesRequest(revision=revision))
    session.output.answer(response, lambda: draw_rules(response.inhibit_rules))


@app.command("set")
@with_session()
async def set_(
    session: Session,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A YAML document of rules: name, source, target, equal; - is stdin.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept with the revision.")],
    etag: Annotated[str, typer.Option(metavar="ETAG", help="Change only the rules with this etag; the newest when left out.")] = "",
    validate_only: Annotated[bool, typer.Option("--validate-only", help="Say what would be made, and make nothing.")] = False,
) -> None:
    """Replaces all the inhibit rules by those of a document, as a new revision; rules: [] inhibits nothing."""
    rules = read_rules(await asyncio.to_thread(read_document, file, session, LARGEST_BYTES))
    request = pb.SetInhibitRulesRequest(rules=rules, reason=reason, etag=etag or await _etag(session), validate_only=validate_only)
    response = await session.connection.muting.SetInhibitRules(request)
    session.output.answer(response, lambda: draw_rules(response.inhibit_rules))


@app.command("list")
@with_session()
async def list_(session: Session, limit: Limit = 50) -> None:
    """Lists the revisions of the inhibit rules, newest first."""
    muting = session.connection.muting
    response = await every_page(muting.ListInhibitRuleRevisions, pb.ListInhibitRuleRevisionsRequest(), "revisions", limit)
    session.output.answer(response, lambda: draw_revisions(response))


async def _etag(session: Session) -> str:
    return (await session.connection.muting.GetInhibitRules(pb.GetInhibitRulesRequest())).inhibit_rules.etag


def draw_rules(rules: inhibit_rule_pb2.InhibitRules) -> Iterable[RenderableType]:
    if not rules.revision:
        yield cell("no inhibit rules were ever set", "dim")
        return
    yield facts(
        [
            ("revision", rules.revision),
            ("made", time_text(rules, "create_time")),
            ("by", rules.author),
            ("reason", rules.reason),
            ("etag", rules.etag),
        ]
    )
    rows = [(each.name, matchers_text(each.source), matchers_text(each.target), ", ".join(each.equal)) for each in rules.rules]
    if rows:
        yield table("rules, in the order they are tried", ("rule", "while this fires", "this is muted", "where equal"), rows)
    yield cell(count_text(len(rows), "rule") if rows else "nothing is inhibited", "dim")


def draw_revisions(response: pb.ListInhibitRuleRevisionsResponse) -> Iterable[RenderableType]:
    columns = (Column("revision", right=True), Column("made", whole=True), "by", "reason", Column("rules", right=True))
    rows = [(each.revision, time_text(each, "create_time"), each.author, each.reason, len(each.rules)) for each in response.revisions]
    yield table("", columns, rows)
    yield total(len(rows), "revision", response.next_page_token)
