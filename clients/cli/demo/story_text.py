"""The story in the terminal: one incident from alert to ledger."""

from collections.abc import Iterator

from ballast.allocation.v1.decision_pb2 import Decision
from ballast.governance.v1.approval_pb2 import Approval
from ballast.governance.v1.lineage_pb2 import LINEAGE_RELATION_RENDERED_AS, LineageEdge
from ballast.playbook.v1.bundle_pb2 import Bundle
from rich.console import RenderableType
from rich.rule import Rule
from rich.text import Text

from clients.cli.demo.share import share_before
from clients.cli.demo.story import Story
from clients.cli.formats import (
    digits_that_add_up,
    duration_text,
    enum_text,
    money_text,
    percent_text,
    severity_text,
    stamp_text,
    time_text,
)
from clients.cli.output import Column, cell, facts, table
from shared.ids import id_of

_MOST_ALERTS = 8
_SHORT = 12


def tell(story: Story) -> Iterator[RenderableType]:
    """Yields the parts of the story in the order things happened."""
    assessment, decision = story.assessment, story.decision
    yield Rule(cell(f"One incident, from alert to ledger: {story.incident.title}", "bold"))
    yield facts(
        (
            ("incident", f"{story.incident.name} (outage {story.outage} on the status page)"),
            ("lasted", f"{time_text(story.incident, 'opened_at')} to {time_text(story.incident, 'resolved_at') or 'still open'}"),
            ("trace", decision.trace_id),
        )
    )
    yield _heading(f"1. {len(story.alerts)} alert{'' if len(story.alerts) == 1 else 's'} came in")
    yield _alerts(story)
    yield _heading("2. Its time-line")
    rows = ((stamp_text(entry.occurred_at), entry.actor, entry.text) for entry in story.timeline)
    yield table("", (Column("when", whole=True), "who", "what"), rows)
    yield _heading(
        f"3. It was assessed {severity_text(assessment.severity)}: {assessment.score:.2f} points "
        f"(impact {enum_text(assessment, 'impact')}, urgency {enum_text(assessment, 'urgency')})"
    )
    yield _terms_of_score(story)
    yield _heading(f"4. It moved the split of {id_of(decision.team)} in sprint {id_of(decision.sprint)}: {_movement(decision)}")
    for sentence in story.explained.sentences:
        yield cell(sentence)
    yield _terms_of_share(decision)
    if story.approval:
        yield _votes(story.approval, decision)
    at_risk = money_text(decision.impact, "value_at_risk")
    count = len(decision.impact.displaced)
    yield _heading(f"5. That displaced {count} roadmap item{'' if count == 1 else 's'}, {at_risk} at risk")
    yield _displaced(decision)
    yield _heading("6. The playbook for those who do the work")
    yield _bundle(story.bundle)
    yield _heading("7. Its lineage")
    yield _lineage(story)
    yield _heading("8. The ledger")
    yield _ledger(story)
    yield _verdict(story)


def _heading(text: str) -> Text:
    return Text.assemble("\n", cell(text, "bold"))


def _alerts(story: Story) -> RenderableType:
    rows = [(*(each.labels[key] for key in ("component", "alertname", "severity")), stamp_text(each.starts_at)) for each in story.alerts]
    left = len(rows) - _MOST_ALERTS
    shown = [*rows[:_MOST_ALERTS], (f"and {left} more", "", "", "")] if left > 0 else rows
    return table("", ("component", "alert", "severity", Column("began", whole=True)), shown)


def _terms_of_score(story: Story) -> RenderableType:
    assessment = story.assessment
    points = [assessment.offset, *(term.points for term in assessment.terms)]
    digits = digits_that_add_up(points, assessment.score, 2)
    rows = [("offset", "", "", f"{assessment.offset:+.{digits}f}")]
    rows += [(term.feature, enum_text(term, "axis"), term.value, f"{term.points:+.{digits}f}") for term in assessment.terms]
    columns = (Column("term", whole=True), "axis", "value", Column("points", right=True))
    return table("", columns, rows, ("score", "", "exactly the sum", f"{assessment.score:+.{digits}f}"))


def _movement(decision: Decision) -> str:
    return f"{percent_text(share_before(decision))} → {percent_text(decision.after.remediation_share)} for remediation"


def _terms_of_share(decision: Decision) -> RenderableType:
    shares = [term.share for term in decision.terms]
    digits = max(0, digits_that_add_up(shares, decision.requested_share, 3) - 2)
    policy = f"policy {id_of(decision.policy)}, revision {decision.policy_revision}, formula {decision.formula_version}"
    rows = [
        *((term.term, _signed(term.share, digits), term.reason) for term in decision.terms),
        ("= asked for", _signed(decision.requested_share, digits), "exactly the sum"),
        *((f"bound: {bound.bound}", _signed(bound.after_share, digits), bound.reason) for bound in decision.bounds),
        ("= decided", _signed(decision.after.remediation_share, digits), policy),
    ]
    return table("", (Column("term", whole=True), Column("share", right=True), "why"), rows)


def _votes(approval: Approval, decision: Decision) -> RenderableType:
    rows = [
        (stamp_text(vote.vote_time), vote.principal, "agreed" if vote.approves else "refused", vote.note or "–") for vote in approval.votes
    ]
    grounds = " ".join(ground.reason for ground in decision.grounds)
    title = f"Who agreed, by the rule {approval.rule.name!r}. {grounds}"
    return table(title, (Column("when", whole=True), Column("who", whole=True), "said", "note"), rows)


def _signed(share: float, digits: int) -> str:
    return f"{100 * share:+.{digits}f} %"


def _displaced(decision: Decision) -> RenderableType:
    rows = [
        (id_of(item.roadmap_item), item.title, duration_text(item.delay), money_text(item, "value_at_risk"))
        for item in decision.impact.displaced
    ]
    return table("", (Column("item", whole=True), "title", Column("later by", right=True), Column("value at risk", right=True)), rows)


def _bundle(bundle: Bundle | None) -> RenderableType:
    if bundle is None:
        return cell("No bundle was rendered on this decision.")
    rows = [(each.path, f"{len(each.content):,}", each.content_hash[:_SHORT]) for each in bundle.files]
    title = f"{id_of(bundle.template)} {bundle.template_version}, rendered on {bundle.trigger.lower().replace('_', ' ')}"
    return table(title, (Column("file", whole=True), Column("bytes", right=True), "sha-256"), rows)


def _lineage(story: Story) -> RenderableType:
    text = Text()
    if story.path:
        text.append_text(cell(short_name(story.path[0].from_name)))
    for edge in story.path:
        text.append_text(cell(f" ─{relation_text(edge)}→ {short_name(edge.to_name)}"))
    for edge in story.beyond:
        text.append_text(Text.assemble("\n   └─", cell(f"{relation_text(edge)}→ {short_name(edge.to_name)}{_about(edge)}")))
    return text


def _about(edge: LineageEdge) -> str:
    if edge.relation == LINEAGE_RELATION_RENDERED_AS:
        return ""
    return "".join(f" · {key} {value}" for key, value in sorted(edge.attributes.items()))


def relation_text(edge: LineageEdge) -> str:
    """Returns how one led to the other: `grouped into`."""
    return enum_text(edge, "relation")


def short_name(name: str) -> str:
    """Returns a resource name with its UUID cut to the last digits, which tell it from others of the same moment."""
    kind, _, identifier = name.rpartition("/")
    return f"{kind}/…{identifier[-_SHORT:]}" if len(identifier) == 36 and identifier.count("-") == 4 else name


def _ledger(story: Story) -> RenderableType:
    rows = [
        (
            entry.sequence,
            entry.type.rpartition(".")[2],
            short_name(entry.subject),
            "(erased)" if entry.erased else entry.principal,
            entry.method.rpartition("/")[2],
            entry.hash[:_SHORT],
        )
        for entry in story.entries
    ]
    columns = (Column("entry", right=True), "event", Column("about", whole=True), "caused by", "call", "hash")
    return table(f"{len(rows)} entries of this trace", columns, rows)


def _verdict(story: Story) -> RenderableType:
    verified, fault = story.verified, story.verified.fault
    if verified.HasField("fault"):
        return cell(f"The ledger does not verify: entry {fault.sequence}, {fault.reason}: {fault.detail}", "bold red")
    return cell(f"The ledger verifies: {verified.verified_count:,} entries, root {verified.head_hash[:_SHORT]}…", "bold green")
