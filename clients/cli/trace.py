"""`ballast trace`: the story of one decision, from the alert that began it to the bundle it ended in."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer
from ballast.allocation.v1 import allocation_messages_pb2, decision_pb2
from ballast.governance.v1 import ledger_pb2, ledger_service_pb2
from ballast.triage.v1 import triage_service_pb2
from rich.console import RenderableType
from rich.tree import Tree

from clients.cli.connection import every_page
from clients.cli.decision_drawing import share_change
from clients.cli.formats import count_text, duration_text, enum_text, money_text, severity_text, time_text
from clients.cli.names import resource_name
from clients.cli.output import cell
from clients.cli.session import Session, with_session
from shared.errors import NotFound

_TITLES_ASKED = 20


@dataclass(frozen=True, slots=True)
class Story:
    """A decision, the ledger entries of its trace in order, and the titles of the incidents it weighed."""

    decision: decision_pb2.Decision
    entries: Sequence[ledger_pb2.LedgerEntry]
    titles: dict[str, str]


@with_session()
async def trace(
    session: Session, decision: Annotated[str, typer.Argument(metavar="DECISION", help="decisions/{uuid}, or the UUID.")]
) -> None:
    """Follows one decision: its trace, the incidents it weighed with theirs, and what the ledger holds of the trace, in order."""
    name = resource_name("DECISION", "decisions", decision)
    asked = allocation_messages_pb2.GetDecisionRequest(name=name)
    found = (await session.connection.allocation.GetDecision(asked)).decision
    entries, titles = await asyncio.gather(_entries(session, found.trace_id), _titles(session, found))
    story = Story(found, entries, titles)
    session.output.answer({"decision": found, "entries": list(entries)}, lambda: [draw_story(story)])


async def _entries(session: Session, trace_id: str) -> Sequence[ledger_pb2.LedgerEntry]:
    if not trace_id:
        return ()
    request = ledger_service_pb2.ListEntriesRequest(filter=ledger_service_pb2.EntryFilter(trace_id=trace_id))
    return (await every_page(session.connection.ledger.ListEntries, request, "entries", 0)).entries


async def _titles(session: Session, decision: decision_pb2.Decision) -> dict[str, str]:
    weighed = decision.incidents[:_TITLES_ASKED]
    titles = await asyncio.gather(*(_title(session, each) for each in weighed))
    return {each.incident: title for each, title in zip(weighed, titles, strict=True)}


async def _title(session: Session, weighed: decision_pb2.WeighedIncident) -> str:
    request = triage_service_pb2.GetAssessmentRequest(name=weighed.assessment, revision=weighed.assessment_revision)
    try:
        return (await session.connection.triage.GetAssessment(request)).assessment.title
    except NotFound:  # the story stands without its titles
        return ""


def draw_story(story: Story) -> RenderableType:
    decision = story.decision
    tree = Tree(cell(f"{decision.name}  {decision.team}: {enum_text(decision, 'outcome')}, remediation {share_change(decision)}", "bold"))
    tree.add(cell(decision.explanation))
    tree.add(cell(f"made {time_text(decision, 'create_time')} in trace {decision.trace_id or '(none: it was made without one)'}"))
    if decision.incidents:
        _weighed(tree, story)
    if decision.impact.displaced:
        branch = tree.add(cell("roadmap items displaced", "bold"))
        for item in decision.impact.displaced:
            branch.add(
                cell(f"{item.roadmap_item}  {item.title}: {duration_text(item.delay)} later, {money_text(item, 'value_at_risk')} at risk")
            )
    _events(tree, story.entries, decision)
    return tree


def _weighed(tree: Tree, story: Story) -> None:
    branch = tree.add(cell(f"incidents weighed ({len(story.decision.incidents)})", "bold"))
    for each in story.decision.incidents:
        state = "open for" if each.open else "took"
        same = "this trace" if each.trace_id == story.decision.trace_id else f"trace {each.trace_id or '(none)'}"
        leaf = branch.add(cell(f"{severity_text(each.severity)}  {each.incident}  {story.titles.get(each.incident, '')}"))
        leaf.add(
            cell(f"{state} {duration_text(each.time_to_restore)}; {each.assessment} revision {each.assessment_revision}; {same}", "dim")
        )


def _events(tree: Tree, entries: Iterable[ledger_pb2.LedgerEntry], decision: decision_pb2.Decision) -> None:
    ordered = sorted(entries, key=lambda each: (_happened(each), each.sequence))
    branch = tree.add(cell(f"this trace in the ledger ({count_text(len(ordered), 'entry', 'entries')})", "bold"))
    for each in ordered:
        offset = (_happened(each) - _happened(ordered[0])).total_seconds()
        own = each.subject == decision.name
        text = f"+{offset:.3f} s  {each.type.rpartition('.')[2]}  {each.subject}  by {each.principal}  (entry {each.sequence})"
        branch.add(cell(text, "bold" if own else ""))
    if not ordered:
        branch.add(cell("nothing yet: events reach the ledger a moment after they happen", "dim"))


def _happened(entry: ledger_pb2.LedgerEntry) -> datetime:
    return entry.event_time.ToDatetime(tzinfo=UTC)
