"""What people ask of the lineage, from protobuf and to it."""

from collections.abc import Sequence
from contextlib import suppress

from ballast.governance.v1 import impact_pb2, lineage_events_pb2
from ballast.governance.v1 import lineage_service_pb2 as pb
from google.protobuf.message import DecodeError

from services.governance.domain.correction import Correction, Judged, Verdict
from services.governance.domain.fact import BudgetFact
from services.governance.domain.impact import DisplacedSince, Impact, IncidentSince, KpiSince, Later
from services.governance.domain.lineage import Link
from services.governance.storage.ledger_store import KeptEntry
from services.governance.transport.convert import edge_to_pb, node_to_pb, relation_from_pb, relation_to_pb
from services.governance.transport.ledger_convert import entry_to_pb
from services.governance.usecases.explain_link import Explanation
from services.governance.usecases.export_lineage import LineageFormat
from services.governance.usecases.link_events import Linked
from services.governance.usecases.pending_links import Aged
from shared.rpc.wellknown import duration_to_pb, money_to_pb, time_to_pb

_FORMATS = {
    pb.LINEAGE_FORMAT_UNSPECIFIED: LineageFormat.PROV_JSON_LD,
    pb.LINEAGE_FORMAT_PROV_JSON_LD: LineageFormat.PROV_JSON_LD,
    pb.LINEAGE_FORMAT_CDEVENTS_LINKS: LineageFormat.CDEVENTS_LINKS,
}


def link_from_pb(request: pb.ExplainLinkRequest | pb.CorrectLinkRequest) -> Link:
    return Link(request.from_name, request.to_name, relation_from_pb(request.relation))


def correction_from_pb(request: pb.CorrectLinkRequest) -> Correction:
    verdict = Verdict(lineage_events_pb2.LinkVerdict.Name(request.verdict).removeprefix("LINK_VERDICT_"))
    titles = {request.from_name: request.from_title, request.to_name: request.to_title}
    return Correction(
        link_from_pb(request), verdict, request.confidence, request.etag, {name: title for name, title in titles.items() if title}
    )


def correction_record(correction: Correction, outcome: Judged) -> bytes:
    """Returns the data of the entry that records a correction."""
    link = correction.link
    return lineage_events_pb2.LinkCorrected(
        from_name=link.from_name,
        to_name=link.to_name,
        relation=relation_to_pb(link.relation),
        verdict=lineage_events_pb2.LinkVerdict.Value(f"LINK_VERDICT_{correction.verdict.value}"),
        confidence=0.0 if correction.verdict is Verdict.DENIED else outcome.confidence,
        version=outcome.version,
        titles=correction.titles,
    ).SerializeToString(deterministic=True)


def explanation_to_pb(found: Explanation) -> pb.ExplainLinkResponse:
    return pb.ExplainLinkResponse(
        link=edge_to_pb(found.recorded),
        entries=[entry_to_pb(each) for each in found.entries.items],
        next_page_token=found.entries.next_page_token,
        rule=found.rule,
        corrections=[_correction_to_pb(each) for each in found.corrections],
    )


def _correction_to_pb(kept: KeptEntry) -> pb.LinkCorrection:
    told = lineage_events_pb2.LinkCorrected()
    if kept.content is not None:
        with suppress(DecodeError):
            told = lineage_events_pb2.LinkCorrected.FromString(kept.content.payload)
    return pb.LinkCorrection(entry=entry_to_pb(kept), verdict=told.verdict, confidence=told.confidence)


def pending_to_pb(found: Sequence[Aged], next_page_token: str) -> pb.ListPendingLinksResponse:
    return pb.ListPendingLinksResponse(links=[_aged_to_pb(each) for each in found], next_page_token=next_page_token)


def _aged_to_pb(aged: Aged) -> pb.PendingLink:
    link = edge_to_pb(aged.pending.recorded)
    return pb.PendingLink(link=link, awaited=aged.pending.awaited, age=duration_to_pb(aged.age), overdue=aged.is_overdue)


def linked_to_pb(results: Sequence[Linked]) -> pb.LinkEventsResponse:
    return pb.LinkEventsResponse(
        results=[
            pb.LinkedEvent(node=each.node, link_count=each.link_count, error=each.error, already_known=each.is_known) for each in results
        ]
    )


def format_from_pb(number: "pb.LineageFormat.ValueType") -> LineageFormat:
    return _FORMATS[number]


def impact_to_pb(impact: Impact) -> impact_pb2.GetImpactResponse:
    return impact_pb2.GetImpactResponse(
        decision=node_to_pb(impact.decision),
        displaced=[_displaced_to_pb(each) for each in impact.displaced],
        longest_delay=None if impact.longest_delay is None else duration_to_pb(impact.longest_delay),
        value_at_risk=[money_to_pb(each) for each in impact.value_at_risk],
        incidents=[_incident_to_pb(each) for each in impact.incidents],
        bundles=[node_to_pb(each) for each in impact.bundles],
        approvals=[node_to_pb(each) for each in impact.approvals],
        partial=impact.is_partial,
        kpis=[_kpi_to_pb(each) for each in impact.kpis],
    )


def _kpi_to_pb(each: KpiSince) -> impact_pb2.KpiSince:
    before = _value_to_pb(each.before) if each.before else None
    values = [_value_to_pb(value) for value in each.values]
    return impact_pb2.KpiSince(kpi=node_to_pb(each.kpi), measured_on=each.measured_on, before=before, values=values)


def _value_to_pb(value: BudgetFact) -> impact_pb2.KpiValue:
    return impact_pb2.KpiValue(value=value.remaining, time=time_to_pb(value.at), step=value.step)


def _displaced_to_pb(each: DisplacedSince) -> impact_pb2.DisplacedSince:
    return impact_pb2.DisplacedSince(
        item=node_to_pb(each.item),
        delay=duration_to_pb(each.delay),
        value_at_risk=money_to_pb(each.value_at_risk),
        later=[_later_to_pb(one) for one in each.later],
    )


def _later_to_pb(later: Later) -> impact_pb2.LaterDecision:
    return impact_pb2.LaterDecision(
        decision=node_to_pb(later.decision), delay=duration_to_pb(later.delay), record_time=time_to_pb(later.time)
    )


def _incident_to_pb(each: IncidentSince) -> impact_pb2.IncidentSince:
    return impact_pb2.IncidentSince(
        incident=node_to_pb(each.incident), resolved_at=time_to_pb(each.resolved_at), merged_into=each.merged_into
    )
