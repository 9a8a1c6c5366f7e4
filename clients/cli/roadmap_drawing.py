"""Roadmap items drawn: lists, one item, its versions, and what an import made of each row."""

from collections.abc import Iterable

from ballast.allocation.v1 import allocation_messages_pb2, roadmap_item_pb2
from ballast.allocation.v1 import plan_service_pb2 as pb
from rich.console import RenderableType

from clients.cli.formats import count_text, duration_text, enum_text, hours_text, money_text, number_text, stamp_text, time_text
from clients.cli.output import Column, cell, facts, table, total

_COMPARED = (
    "title", "effort_hours", "remaining_hours", "cost_of_delay_per_week", "dependencies", "cross_team_dependencies", "due_at", "protected",
    "stage", "effort_estimate", "cost_of_delay_changes", "skills",
)  # fmt: skip
_MOST_LANDED = 20  # rows shown one by one; JSON has them all


def draw_items(response: allocation_messages_pb2.ListRoadmapItemsResponse) -> Iterable[RenderableType]:
    yield table("", _COLUMNS, [_row(each) for each in response.items])
    yield total(len(response.items), "item", response.next_page_token)


_COLUMNS = (Column("item", whole=True), "title", "team", "stage", Column("to do", right=True), Column("a week", right=True), "due", "")


def _row(item: roadmap_item_pb2.RoadmapItem) -> tuple[str, ...]:
    marks = ["protected"] * item.protected + [f"waits for {count}" for count in [_waits(item)] if count]
    return (
        _id(item.name), item.title, _id(item.team), enum_text(item, "stage"), hours_text(item.remaining_hours),
        money_text(item, "cost_of_delay_per_week"), time_text(item, "due_at")[:10], ", ".join(marks),
    )  # fmt: skip


def draw_item(item: roadmap_item_pb2.RoadmapItem) -> Iterable[RenderableType]:
    yield cell(f"{item.name}  {item.title}", "bold")
    yield facts(
        [
            ("team", _id(item.team)),
            ("stage", enum_text(item, "stage") + (", protected" if item.protected else "")),
            ("effort", f"{hours_text(item.effort_hours)}, of which {hours_text(item.remaining_hours)} to do"),
            ("estimate", estimate_text(item)),
            ("skills", ", ".join(f"{each.skill} {hours_text(each.hours)}" for each in item.skills)),
            ("a week's delay", money_text(item, "cost_of_delay_per_week")),
            *(("", _change(each)) for each in item.cost_of_delay_changes),
            ("due", time_text(item, "due_at")),
            ("waits for", ", ".join(_id(each) for each in (*item.dependencies, *item.cross_team_dependencies))),
            ("changed", time_text(item, "update_time")),
            ("etag", item.etag),
        ]
    )


def estimate_text(item: roadmap_item_pb2.RoadmapItem) -> str:
    """Returns how sure the effort is; empty when nothing is said."""
    if not item.HasField("effort_estimate"):
        return ""
    if item.effort_estimate.HasField("three_point"):
        points = item.effort_estimate.three_point
        return f"{number_text(points.low_hours)} to {number_text(points.high_hours)} h, likeliest {number_text(points.likely_hours)} h"
    lognormal = item.effort_estimate.lognormal
    return f"median {number_text(lognormal.median_hours)} h, sigma {number_text(lognormal.sigma)}"


def draw_stored(response: allocation_messages_pb2.UpsertRoadmapItemsResponse) -> Iterable[RenderableType]:
    for each in response.items:
        yield cell(f"{each.name} is stored at {each.etag}: {hours_text(each.remaining_hours)} to do")


def draw_revisions(response: pb.ListRoadmapItemRevisionsResponse) -> Iterable[RenderableType]:
    older = [*response.revisions[1:], None]
    rows = [
        (each.item.etag, time_text(each.item, "update_time"), each.author, _changed(each.item, before.item if before else None))
        for each, before in zip(response.revisions, older, strict=True)
    ]
    yield table("", [Column("version"), "at", "by", "changed"], rows)
    yield total(len(rows), "version", response.next_page_token)


def draw_summary(summary: pb.RoadmapImportSummary) -> Iterable[RenderableType]:
    """Draws an import: refused rows each, and of those that landed what changed."""
    if summary.refused:
        rows = [(each.line, _id(each.roadmap_item), each.error) for each in summary.refused]
        yield table("Refused", [Column("line", right=True), "item", "why"], rows)
        if summary.refused_count > len(rows):
            yield cell(f"and {summary.refused_count - len(rows):,} more", "dim")
    news = [each for each in summary.landed if each.outcome != pb.ROADMAP_ROW_OUTCOME_UNCHANGED]
    if news:
        rows = [(each.line, _id(each.roadmap_item), enum_text(each, "outcome")) for each in news[:_MOST_LANDED]]
        yield table("Checked" if summary.validate_only else "Landed", [Column("line", right=True), "item", ""], rows)
        if len(news) > _MOST_LANDED:
            yield cell(f"and {len(news) - _MOST_LANDED:,} more; --json has them all", "dim")
    told = f"{summary.created_count:,} new, {summary.changed_count:,} changed, {summary.unchanged_count:,} as they were"
    yield cell(f"{told}, {count_text(summary.refused_count, 'row')} refused" + ("; nothing is stored" if summary.validate_only else ""))


def _changed(after: roadmap_item_pb2.RoadmapItem, before: roadmap_item_pb2.RoadmapItem | None) -> str:
    if before is None:
        return "first shown"
    fields = [name for name in _COMPARED if _told(after, name) != _told(before, name)]
    return "; ".join(f"{name.replace('_', ' ')}: {_told(before, name) or 'none'} → {_told(after, name) or 'none'}" for name in fields)


def _told(item: roadmap_item_pb2.RoadmapItem, name: str) -> str:
    value = getattr(item, name)
    if name == "stage":
        return enum_text(item, name)
    if name == "due_at":
        return time_text(item, name)
    if name == "cost_of_delay_per_week":
        return money_text(item, name)
    if name == "effort_estimate":
        return estimate_text(item)
    if name == "cost_of_delay_changes":
        return ", ".join(_change(each) for each in item.cost_of_delay_changes)
    if name == "skills":
        return ", ".join(f"{each.skill} {hours_text(each.hours)}" for each in item.skills)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return hours_text(value) if isinstance(value, float) else value if isinstance(value, str) else ", ".join(_id(each) for each in value)


def _change(change: roadmap_item_pb2.CostOfDelayChange) -> str:
    fades = f", halved every {duration_text(change.half_life)}" if change.HasField("half_life") else ""
    return f"{money_text(change, 'cost_per_week')} from {stamp_text(change.from_at)[:10]}{fades}"


def _waits(item: roadmap_item_pb2.RoadmapItem) -> int:
    return len(item.dependencies) + len(item.cross_team_dependencies)


def _id(name: str) -> str:
    return name.partition("/")[2] or name
