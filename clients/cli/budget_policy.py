"""`ballast budgets policy`: what follows when a budget burns or is spent, by cause; showing that and changing it."""

import asyncio
import sys
import uuid
from collections.abc import Iterable
from typing import Annotated

import typer
from ballast.triage.v1 import budget_policy_pb2
from ballast.triage.v1 import budget_policy_service_pb2 as pb
from rich.console import RenderableType

from clients.cli.connection import every_page
from clients.cli.documents import draw_change, proposed_instead, read_document
from clients.cli.formats import duration_text, enum_text, number_text, percent_text, time_text
from clients.cli.message_file import message_yaml, read_message
from clients.cli.output import Column, facts, plain, table, total
from clients.cli.session import LARGEST_REVISION, Limit, Session, with_session

LARGEST_BYTES = 64 * 1024
_SERVERS = ("revision", "author", "reason", "etag", "create_time")

app = typer.Typer(help="Show and change what follows when a budget burns or is spent.", no_args_is_help=True)


@app.command("show")
@with_session()
async def show(
    session: Session,
    revision: Annotated[int, typer.Option(metavar="N", min=0, max=LARGEST_REVISION, help="A revision; the newest when left out.")] = 0,
    yaml: Annotated[bool, typer.Option("--yaml", help="Print the document alone, to edit and set again.")] = False,
) -> None:
    """Shows the policy: its steps, from when each is in force, and what it asks for."""
    response = await session.connection.budget_policies.GetBudgetPolicy(pb.GetBudgetPolicyRequest(revision=revision))
    if yaml and not session.output.as_json:
        sys.stdout.write(plain(message_yaml(response.policy, *_SERVERS), keep="\n"))
        return
    session.output.answer(response, lambda: draw_policy(response.policy))


@app.command("set")
@with_session()
async def set_(
    session: Session,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A policy in YAML, as `show --yaml` prints it; - is stdin.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept with the revision.")],
    etag: Annotated[str, typer.Option(metavar="ETAG", help="Change only the policy with this etag; the newest when left out.")] = "",
    validate_only: Annotated[bool, typer.Option("--validate-only", help="Say what would be made, and make nothing.")] = False,
) -> None:
    """Puts a policy in force, as a new revision."""
    policies = session.connection.budget_policies
    policy = read_message(await asyncio.to_thread(read_document, file, session, LARGEST_BYTES), budget_policy_pb2.BudgetPolicy())
    policy.reason = reason
    newest = (await policies.GetBudgetPolicy(pb.GetBudgetPolicyRequest())).policy
    policy.etag = etag or newest.etag
    request = pb.UpdateBudgetPolicyRequest(request_id=str(uuid.uuid4()), policy=policy, validate_only=validate_only)
    with proposed_instead("draft", file, reason):
        response = await policies.UpdateBudgetPolicy(request)
    made = response.policy
    session.output.answer(response, lambda: draw_change(draw_policy(made), newest.revision, made.revision, validate_only=validate_only))


@app.command("revisions")
@with_session()
async def revisions(session: Session, limit: Limit = 50) -> None:
    """Lists the revisions, newest first."""
    call = session.connection.budget_policies.ListBudgetPolicyRevisions
    response = await every_page(call, pb.ListBudgetPolicyRevisionsRequest(), "policies", limit)
    session.output.answer(response, lambda: draw_revisions(response))


def draw_policy(policy: budget_policy_pb2.BudgetPolicy) -> Iterable[RenderableType]:
    yield facts(
        [
            ("revision", policy.revision),
            ("made", time_text(policy, "create_time")),
            ("by", policy.author),
            ("reason", policy.reason),
            ("etag", policy.etag),
            ("post-mortem", f"for one incident above {percent_text(policy.post_mortem_share)} of four weeks' budget"),
            ("planning", f"for one class of incidents above {percent_text(policy.planning_share)} of a quarter's budget"),
        ]
    )
    rows = [(each.name, _when(each), _effect(each), _by_cause(each)) for each in policy.steps]
    yield table("of the steps that hold the last is in force", (Column("step", whole=True), "while", "then", "unless caused by"), rows)


def draw_revisions(response: pb.ListBudgetPolicyRevisionsResponse) -> Iterable[RenderableType]:
    columns = (Column("revision", right=True), Column("made", whole=True), "by", "reason", Column("steps", right=True))
    rows = [(each.revision, time_text(each, "create_time"), each.author, each.reason, len(each.steps)) for each in response.policies]
    yield table("", columns, rows)
    yield total(len(rows), "revision", response.next_page_token)


def _when(step: budget_policy_pb2.BudgetStep) -> str:
    if step.HasField("burn"):
        return f"the burn over {duration_text(step.window)} is {number_text(step.burn)} or more"
    return f"{percent_text(step.remaining)} or less remains"


def _effect(step: budget_policy_pb2.BudgetStep) -> str:
    share = f" of {percent_text(step.reliability_share, 0)}" if step.reliability_share else ""
    return f"{enum_text(step, 'effect')}{share}"


def _by_cause(step: budget_policy_pb2.BudgetStep) -> str:
    """Returns `platform, external: continue`, the causes of one effect together."""
    found: dict[str, list[str]] = {}
    for each in step.cause_effects:
        found.setdefault(enum_text(each, "effect"), []).append(enum_text(each, "cause"))
    return "; ".join(f"{', '.join(causes)}: {effect}" for effect, causes in found.items())
