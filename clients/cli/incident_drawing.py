"""How incidents and their time-lines are drawn."""

from collections.abc import Iterable

from ballast.intake.v1 import incident_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from rich.console import RenderableType
from rich.text import Text

from clients.cli.formats import enum_text, percent_text, severity_text, time_text
from clients.cli.output import Column, cell, facts, table, total
from shared.span import span_text

_LONGEST_STATE = len("acknowledged")


def draw_list(response: pb.ListIncidentsResponse) -> Iterable[RenderableType]:
    columns = (
        Column("incident", whole=True),
        "state",
        Column("opened", whole=True),
        Column("took", right=True),
        Column("alerts", right=True),
        "components",
        "title",
    )
    yield table("", columns, [_row(each) for each in response.incidents])
    yield total(len(response.incidents), "incident", response.next_page_token)


def draw_incident(incident: incident_pb2.Incident) -> Iterable[RenderableType]:
    evidence = incident.evidence
    known = [f"{field.name} {enum_text(evidence, field.name) if field.enum_type else value}" for field, value in evidence.ListFields()]
    yield cell(incident.title, "bold")
    yield facts(
        [
            ("name", incident.name),
            ("state", enum_text(incident, "state")),
            ("merged into", incident.merged_into),
            ("declared by", incident.declared_by),
            ("severity", _rating(incident)),
            *((enum_text(each, "role"), each.person) for each in incident.roles),
            ("opened", time_text(incident, "opened_at")),
            ("acknowledged", time_text(incident, "acknowledged_at")),
            ("mitigated", time_text(incident, "mitigated_at")),
            ("resolved", time_text(incident, "resolved_at")),
            ("took", _took(incident)),
            ("components", ", ".join(incident.components)),
            ("grouped by", ", ".join(f"{key}={value}" for key, value in sorted(incident.group_labels.items()))),
            ("alerts", f"{incident.alert_count}, {incident.firing_count} firing"),
            ("cause", _cause(incident)),
            ("evidence", ", ".join(known)),
            ("summary", incident.summary if incident.summary != incident.title else ""),
            ("etag", incident.etag),
        ]
    )


def draw_timeline(entries: Iterable[incident_pb2.TimelineEntry]) -> RenderableType:
    rows = [
        (time_text(each, "occurred_at"), enum_text(each, "kind"), each.actor, " ".join(filter(None, (each.text, each.evidence_url))))
        for each in entries
    ]
    return table("time-line", (Column("when", whole=True), "kind", "who", "what"), rows)


def draw_line(incident: incident_pb2.Incident) -> Text:
    parts = (
        time_text(incident, "update_time"),
        enum_text(incident, "state").ljust(_LONGEST_STATE),
        incident.name,
        incident.title,
    )
    return cell("  ".join(parts))


def _row(incident: incident_pb2.Incident) -> tuple[object, ...]:
    return (
        incident.name,
        enum_text(incident, "state"),
        time_text(incident, "opened_at"),
        _took(incident),
        f"{incident.firing_count}/{incident.alert_count}",
        ", ".join(incident.components),
        incident.title,
    )


def _took(incident: incident_pb2.Incident) -> str:
    if not incident.HasField("resolved_at"):
        return ""
    return span_text(incident.resolved_at.ToDatetime() - incident.opened_at.ToDatetime())


def _rating(incident: incident_pb2.Incident) -> str:
    if not incident.HasField("rating"):
        return ""
    rating = incident.rating
    return f"{severity_text(rating.severity)} by {rating.set_by}" + (f": {rating.reason}" if rating.reason else "")


def _cause(incident: incident_pb2.Incident) -> str:
    if not incident.HasField("attribution"):
        return ""
    said = incident.attribution
    what = " ".join(filter(None, (enum_text(said, "cause"), said.ref)))
    return f"{what}, {percent_text(said.confidence, 0)} sure by {said.attributed_by}" + (f": {said.note}" if said.note else "")
