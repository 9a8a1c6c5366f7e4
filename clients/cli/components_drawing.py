"""The catalogue drawn: components, what an import made of its documents, blast radii, cycles and revisions."""

from collections.abc import Iterable, Sequence

from ballast.triage.v1 import catalogue_pb2, component_pb2, triage_service_pb2
from ballast.triage.v1 import catalogue_service_pb2 as pb
from ballast.triage.v1.business_hours_pb2 import BusinessHours
from google.protobuf.message import Message
from google.type.money_pb2 import Money as WireMoney
from rich.console import RenderableType

from clients.cli.formats import count_text, enum_text, member_text, money_text, number_text, severity_text, time_text
from clients.cli.output import Column, cell, facts, table, total
from shared.money import Money

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_COMPARED = (
    "display_name", "owner_team", "tier", "revenue_per_minute", "dependencies", "users", "system", "lifecycle", "namespace", "labels",
    "resources", "business_hours", "severity_floors",
)  # fmt: skip


def draw_components(response: triage_service_pb2.ListComponentsResponse) -> Iterable[RenderableType]:
    rows = [
        (
            _id(each.name),
            each.display_name,
            _id(each.owner_team),
            tier_text(each.tier),
            money_text(each, "revenue_per_minute"),
            f"{each.users:,}" if each.HasField("users") else "",
            len(each.dependencies) or "",
            _id(each.system),
        )
        for each in response.components
    ]
    right = {name: Column(name, right=True) for name in ("a minute", "users", "needs")}
    columns = (Column("component", whole=True), "name", "team", "tier", right["a minute"], right["users"], right["needs"], "system")
    yield table("", columns, rows)
    yield total(len(rows), "component", response.next_page_token)


def _floor(floor: component_pb2.SeverityFloor) -> str:
    return f"{severity_text(floor.severity)} from {number_text(floor.at_least)} {enum_text(floor, 'measure')}"


def draw_component(component: component_pb2.Component, extent: catalogue_pb2.BlastExtent) -> Iterable[RenderableType]:
    hours = component.business_hours
    yield cell(f"{component.name}  {component.display_name}", "bold")
    yield facts(
        [
            ("team", _id(component.owner_team)),
            ("tier", tier_text(component.tier)),
            ("revenue a minute", money_text(component, "revenue_per_minute")),
            ("users", f"{component.users:,}" if component.HasField("users") else ""),
            ("system", _id(component.system)),
            ("lifecycle", component.lifecycle),
            ("namespace", component.namespace),
            ("business hours", hours_text(hours) if component.HasField("business_hours") else ""),
            ("holidays", ", ".join(f"{day.year}-{day.month:02}-{day.day:02}" for day in hours.holidays)),
            ("at least", "; ".join(_floor(each) for each in component.severity_floors)),
            ("needs", ", ".join(_id(each) for each in component.dependencies)),
            ("resources", ", ".join(component.resources)),
            ("labels", ", ".join(f"{key}={value}" for key, value in sorted(component.labels.items()))),
            ("needed by", _reach(extent)),
            ("changed", time_text(component, "update_time")),
            ("etag", component.etag),
        ]
    )


def draw_blast(response: pb.GetBlastRadiusResponse) -> Iterable[RenderableType]:
    extent = response.extent
    unknown = " (nobody described it)" if extent.unknown else ""
    yield cell(f"{response.name}{unknown}: needed by {_reach(extent)}", "bold")
    yield facts(
        [
            ("teams", _teams(extent.teams)),
            ("nobody owns", extent.unowned_count or ""),
            ("tiers", ", ".join(f"{tier_text(each.tier) or 'unknown'} ({each.component_count})" for each in extent.tiers)),
            ("users, at most", f"{extent.users:,}{_unknown(extent.users_unknown_count)}"),
            ("revenue a minute", f"{amounts_text(extent.revenue_per_minute)}{_unknown(extent.revenue_unknown_count)}"),
        ]
    )
    rows = [
        (each.depth, _id(each.name), each.display_name, _id(each.owner_team), tier_text(each.tier), _id(each.via))
        for each in response.dependents
    ]
    if rows:
        columns = (Column("depth", right=True), Column("component", whole=True), "name", "team", "tier", Column("through", whole=True))
        yield table("what needs it, the nearest first", columns, rows)
    yield total(len(rows), "component", response.next_page_token)


def draw_cycles(response: pb.ListDependencyCyclesResponse) -> Iterable[RenderableType]:
    rows = [(len(each.members), " → ".join(_id(name) for name in each.path), _names(each.members)) for each in response.cycles]
    if rows:
        yield table("", (Column("size", right=True), "the shortest way round", "all of them"), rows)
    yield total(len(rows), "cycle", response.next_page_token)


def draw_revisions(response: pb.ListComponentRevisionsResponse) -> Iterable[RenderableType]:
    rows = []
    for index, each in enumerate(response.revisions):
        before = response.revisions[index + 1].component if index + 1 < len(response.revisions) else None
        rows.append((each.revision, time_text(each, "create_time"), each.author, enum_text(each, "change"), _differences(each, before)))
    columns = (Column("revision", right=True), Column("made", whole=True), "by", "how", "what changed")
    yield table("", columns, rows)
    yield total(len(rows), "revision", response.next_page_token)


def draw_deleted(revision: catalogue_pb2.ComponentRevision) -> Iterable[RenderableType]:
    yield cell(f"{revision.component.name} is deleted, as revision {revision.revision}")


def draw_systems(response: pb.ListSystemsResponse) -> Iterable[RenderableType]:
    rows = [(_id(each.name), each.display_name, _id(each.owner_team), _id(each.domain)) for each in response.systems]
    yield table("", (Column("system", whole=True), "name", "team", "domain"), rows)
    yield total(len(rows), "system", response.next_page_token)


def draw_groups(response: pb.ListGroupsResponse) -> Iterable[RenderableType]:
    rows = [(_id(each.name), each.display_name, each.type, _id(each.parent)) for each in response.groups]
    yield table("", (Column("group", whole=True), "name", "type", "below"), rows)
    yield total(len(rows), "group", response.next_page_token)


def draw_summary(summary: pb.ImportSummary) -> Iterable[RenderableType]:
    """What an import did: refusals first by document and line, since they are what somebody has to mend."""
    if summary.refusals:
        yield _reports("refused", summary.refusals)
        if summary.refused_count > len(summary.refusals):
            yield cell(f"… and {summary.refused_count - len(summary.refusals)} more", "dim")
    if summary.notes:
        yield _reports("landed, with something to know", summary.notes)
    kinds = sorted({each.kind for each in summary.kept_out})
    verb = "would be " if summary.validate_only else ""
    rows = [(f"{each.kind.lower()}s", each.created_count, each.changed_count, each.unchanged_count) for each in summary.counts]
    columns = [Column(""), *(Column(each, right=True) for each in (f"{verb}new", f"{verb}changed", "as they were"))]
    yield table("", columns, rows)
    if summary.cycle_count:
        where = "would then be in the catalogue" if summary.validate_only else "in the catalogue: ballast components cycles"
        yield cell(f"{count_text(summary.cycle_count, 'cycle')} {where}", "yellow")
    if summary.missing_count:
        yield cell(f"{count_text(summary.missing_count, 'component')} needed and not described: {_names(summary.missing)}", "yellow")
    kept_out = f", {summary.kept_out_count} kept out ({', '.join(kinds)})" if summary.kept_out_count else ""
    told = f"{count_text(summary.document_count, 'document')}: {summary.refused_count} refused{kept_out}"
    yield cell(told, "red" if summary.refused_count else "green")


def tier_text(tier: int) -> str:
    return member_text(component_pb2.Tier.DESCRIPTOR, tier) if tier else ""


def hours_text(hours: BusinessHours) -> str:
    days = ",".join(_DAYS[day - 1] for day in hours.days)
    return f"{days} {hours.opens.hours:02}:{hours.opens.minutes:02}-{hours.closes.hours:02}:{hours.closes.minutes:02} {hours.time_zone}"


def amounts_text(amounts: Iterable[WireMoney]) -> str:
    return " + ".join(str(Money.from_units_and_nanos(each.units, each.nanos, each.currency_code)) for each in amounts) or "0"


def _reports(title: str, reports: Iterable[catalogue_pb2.DocumentReport]) -> RenderableType:
    rows = [
        (report.file, report.document, problem.line, f"{report.kind} {report.entity}".strip(), problem.field, problem.description)
        for report in reports
        for problem in report.problems
    ]
    columns = ("file", Column("document", right=True), Column("line", right=True), "entity", "field", "what")
    return table(title, columns, rows)


def _differences(revision: catalogue_pb2.ComponentRevision, before: component_pb2.Component | None) -> str:
    if revision.change == catalogue_pb2.COMPONENT_CHANGE_DELETED:
        return "it was taken out"
    if before is None:
        return ""
    return ", ".join(field.replace("_", " ") for field in _COMPARED if _value(revision.component, field) != _value(before, field))


def _value(component: Message, field: str) -> object:
    held = getattr(component, field)
    has_presence = component.DESCRIPTOR.fields_by_name[field].has_presence
    return (component.HasField(field), held) if has_presence else held


def _reach(extent: catalogue_pb2.BlastExtent) -> str:
    if not extent.dependent_count:
        return "nothing"
    return f"{count_text(extent.dependent_count, 'component')}, up to {count_text(extent.depth, 'step')} away"


def _unknown(count: int) -> str:
    return f", and {count_text(count, 'component')} of which it is not known" if count else ""


def _teams(teams: Sequence[catalogue_pb2.TeamShare], most: int = 12) -> str:
    shown = ", ".join(f"{_id(each.team)} ({each.component_count})" for each in teams[:most])
    return shown + (f" … and {len(teams) - most} more" if len(teams) > most else "")


def _names(names: Sequence[str], most: int = 8) -> str:
    shown = ", ".join(_id(each) for each in names[:most])
    return shown + (f" … and {len(names) - most} more" if len(names) > most else "")


def _id(name: str) -> str:
    return name.partition("/")[2]
