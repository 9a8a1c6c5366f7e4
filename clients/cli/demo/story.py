"""The story: everything the services hold of one incident, from its alerts to the ledger."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ballast.allocation.v1 import decision_service_pb2
from ballast.allocation.v1.decision_pb2 import DECISION_OUTCOME_RAISED, Decision
from ballast.governance.v1 import approval_messages_pb2
from ballast.governance.v1 import governance_service_pb2 as governance_pb
from ballast.governance.v1 import ledger_service_pb2 as ledger_pb
from ballast.governance.v1.approval_pb2 import Approval
from ballast.governance.v1.ledger_pb2 import LedgerEntry
from ballast.governance.v1.lineage_pb2 import (
    LINEAGE_RELATION_APPROVED_BY,
    LINEAGE_RELATION_DISPLACES,
    LINEAGE_RELATION_RENDERED_AS,
    LineageEdge,
)
from ballast.intake.v1 import intake_service_pb2 as intake_pb
from ballast.intake.v1.alert_pb2 import Alert
from ballast.intake.v1.incident_pb2 import Incident, TimelineEntry
from ballast.playbook.v1 import playbook_service_pb2 as playbook_pb
from ballast.playbook.v1.bundle_pb2 import Bundle
from ballast.triage.v1 import triage_service_pb2 as triage_pb
from ballast.triage.v1.assessment_pb2 import Assessment

from clients.cli.connection import Connection, every_page
from clients.cli.demo.summary import value_of
from clients.cli.demo.year import Year

_PATH_KINDS = ("alert", "incident", "assessment", "decision")


@dataclass(frozen=True, slots=True)
class Story:
    """One incident and the decision it led to."""

    outage: str
    incident: Incident
    alerts: tuple[Alert, ...]
    timeline: tuple[TimelineEntry, ...]
    assessment: Assessment  # at the revision the decision weighed
    decision: Decision
    explained: decision_service_pb2.ExplainDecisionResponse
    approval: Approval | None  # by which it came in force; None where nobody else had to agree
    bundle: Bundle | None  # with its files
    path: tuple[LineageEdge, ...]  # from the first alert to the decision
    beyond: tuple[LineageEdge, ...]  # from the decision to what it displaced and to its bundles
    entries: tuple[LedgerEntry, ...]  # of the decision's trace
    verified: governance_pb.VerifyLedgerResponse


def choose(year: Year) -> Decision | None:
    """Returns the decision to tell of: of the gravest incident that displaced roadmap items (by severity, then by score), the one
    that displaced most of them, then the one that put most at risk. Those that others had to agree to come first. Without any such
    incident, None."""

    def rank(decision: Decision) -> tuple[object, ...]:
        assessment = year.assessments[year.outage_assessed(decision.assessment)]
        gravity = (not decision.approval, assessment.severity, -assessment.score)
        return (*gravity, -len(decision.impact.displaced), -value_of(decision).amount, decision.create_time.seconds, decision.team)

    raising = [each for each in year.came_in_force if each.outcome == DECISION_OUTCOME_RAISED and each.impact.displaced]
    telling = [each for each in raising if year.outage_assessed(each.assessment)]
    return min(telling, key=rank, default=None)


async def read_story(connection: Connection, year: Year, decision: Decision) -> Story:
    """Reads the story of a decision back from every service."""
    outage = year.outage_assessed(decision.assessment)
    incident = year.incidents[outage]
    intake = connection.intake
    alerts = await every_page(intake.ListAlerts, intake_pb.ListAlertsRequest(incident=incident.name), "alerts", 0)
    timeline = await every_page(intake.ListTimeline, intake_pb.ListTimelineRequest(incident=incident.name), "entries", 0)
    ordered = tuple(sorted(alerts.alerts, key=lambda alert: (alert.labels["component"], alert.labels["alertname"])))
    entries = await every_page(
        connection.ledger.ListEntries, ledger_pb.ListEntriesRequest(filter=ledger_pb.EntryFilter(trace_id=decision.trace_id)), "entries", 0
    )
    return Story(
        outage=outage,
        incident=incident,
        alerts=ordered,
        timeline=tuple(timeline.entries),
        assessment=await _assessment(connection, decision),
        decision=decision,
        explained=await connection.decisions.ExplainDecision(decision_service_pb2.ExplainDecisionRequest(name=decision.name)),
        approval=await _approval(connection, decision),
        bundle=await _bundle(connection, decision),
        path=await _path(connection, ordered[0].name, decision.name),
        beyond=await _beyond(connection, decision.name),
        entries=tuple(entries.entries),
        verified=await _verify(connection),
    )


async def _assessment(connection: Connection, decision: Decision) -> Assessment:
    """Returns the assessment at the revision the decision weighed."""
    revisions = {each.assessment: each.assessment_revision for each in decision.incidents}
    request = triage_pb.GetAssessmentRequest(name=decision.assessment, revision=revisions.get(decision.assessment, 0))
    return (await connection.triage.GetAssessment(request)).assessment


async def _approval(connection: Connection, decision: Decision) -> Approval | None:
    if not decision.approval:
        return None
    return (await connection.approvals.GetApproval(approval_messages_pb2.GetApprovalRequest(name=decision.approval))).approval


async def _bundle(connection: Connection, decision: Decision) -> Bundle | None:
    """Returns the first bundle rendered on the decision, with its files."""
    request = playbook_pb.ListBundlesRequest(filter=playbook_pb.BundleFilter(decision=decision.name))
    bundles = (await every_page(connection.playbook.ListBundles, request, "bundles", 0)).bundles
    if not bundles:
        return None
    first = min(bundles, key=lambda bundle: (bundle.create_time.ToNanoseconds(), bundle.name))
    return (await connection.playbook.GetBundle(playbook_pb.GetBundleRequest(name=first.name))).bundle


async def _path(connection: Connection, alert: str, decision: str) -> tuple[LineageEdge, ...]:
    request = governance_pb.TraceLineageRequest(
        name=alert, direction=governance_pb.LINEAGE_DIRECTION_DOWNSTREAM, max_depth=len(_PATH_KINDS) - 1, kinds=_PATH_KINDS
    )
    return shortest_path((await _lineage(connection, request)), alert, decision)


async def _beyond(connection: Connection, decision: str) -> tuple[LineageEdge, ...]:
    request = governance_pb.TraceLineageRequest(name=decision, direction=governance_pb.LINEAGE_DIRECTION_DOWNSTREAM, max_depth=1)
    wanted = {LINEAGE_RELATION_APPROVED_BY, LINEAGE_RELATION_DISPLACES, LINEAGE_RELATION_RENDERED_AS}
    edges = [each for each in await _lineage(connection, request) if each.from_name == decision and each.relation in wanted]
    return tuple(sorted(edges, key=lambda edge: (edge.relation, edge.to_name)))


async def _lineage(connection: Connection, request: governance_pb.TraceLineageRequest) -> Sequence[LineageEdge]:
    return (await every_page(connection.governance.TraceLineage, request, "edges", 0)).edges


def shortest_path(edges: Iterable[LineageEdge], begin: str, end: str) -> tuple[LineageEdge, ...]:
    """Returns the edges of a shortest way from one resource to another; empty when there is none."""
    following: dict[str, list[LineageEdge]] = {}
    for edge in edges:
        following.setdefault(edge.from_name, []).append(edge)
    reached: dict[str, tuple[LineageEdge, ...]] = {begin: ()}
    frontier = [begin]
    while frontier and end not in reached:
        frontier = _step(frontier, following, reached)
    return reached.get(end, ())


def _step(frontier: list[str], following: Mapping[str, list[LineageEdge]], reached: dict[str, tuple[LineageEdge, ...]]) -> list[str]:
    """Extends `reached` by one step; returns the names new to it."""
    found = []
    for name in frontier:
        for edge in following.get(name, ()):
            if edge.to_name not in reached:
                reached[edge.to_name] = (*reached[name], edge)
                found.append(edge.to_name)
    return found


async def _verify(connection: Connection) -> governance_pb.VerifyLedgerResponse:
    """Returns the ledger's last word on itself."""
    last = governance_pb.VerifyLedgerResponse()
    async for response in connection.governance.VerifyLedger(governance_pb.VerifyLedgerRequest()):
        last = response
    return last
