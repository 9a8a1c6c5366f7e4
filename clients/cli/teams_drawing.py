"""Teams, leave, capacity and adherence as tables."""

import re
from collections.abc import Iterable, Sequence

from ballast.allocation.v1 import adherence_pb2, adherence_service_pb2, calendar_pb2, capacity_pb2, capacity_service_pb2, team_pb2
from ballast.allocation.v1 import allocation_messages_pb2 as pb
from google.type.date_pb2 import Date
from rich.console import RenderableType

from clients.cli.formats import (
    count_text,
    day_text,
    digits_that_add_up,
    duration_text,
    enum_text,
    hours_text,
    number_text,
    percent_text,
    time_text,
)
from clients.cli.output import Column, cell, facts, table, total

_TERMS = ("working_hours", "holidays", "not_a_member", "leave", "focus", "other_teams")
_STYLES = {
    adherence_pb2.ADHERENCE_STATE_FOLLOWED: "green",
    adherence_pb2.ADHERENCE_STATE_DRIFTING: "red",
    adherence_pb2.ADHERENCE_STATE_CANNOT_TELL: "yellow",
}


def draw_teams(response: pb.ListTeamsResponse) -> Iterable[RenderableType]:
    columns = (Column("team", whole=True), "name", Column("members", right=True), Column("sprint", right=True), "policy")
    rows = [(each.name, each.display_name, len(each.members), duration_text(each.sprint_length), each.policy) for each in response.teams]
    yield table("", columns, rows)
    yield total(len(response.teams), "team", response.next_page_token)


def draw_team(team: team_pb2.Team) -> Iterable[RenderableType]:
    yield facts(
        [
            ("team", team.name),
            ("name", team.display_name),
            ("sprints", f"{duration_text(team.sprint_length)} from {time_text(team, 'first_sprint_at')}"),
            ("policy", team.policy),
            ("version", team.etag),
        ]
    )
    columns = (
        Column("member", whole=True), Column("hours a week", right=True), Column("focus", right=True), Column("share", right=True),
        "person", "calendar", "since", "until", "skills",
    )  # fmt: skip
    yield table("Members", columns, [_member(each) for each in team.members])


def _member(each: team_pb2.Member) -> tuple[object, ...]:
    share = percent_text(each.allocation_share, 0) if each.HasField("allocation_share") else ""
    since, until = (time_text(each, field)[:10] for field in ("joined_at", "left_at"))
    focus = percent_text(each.focus_factor, 0)
    return each.id, number_text(each.weekly_hours), focus, share, each.person, each.calendar, since, until, ", ".join(each.skills)


def draw_stored(
    calendars: Sequence[calendar_pb2.WorkCalendar], teams: Sequence[team_pb2.Team], leaves: Sequence[calendar_pb2.Leave]
) -> Iterable[RenderableType]:
    rows = [(each.name, each.etag, time_text(each, "update_time")) for part in (calendars, teams, leaves) for each in part]
    yield table("Stored", (Column("name", whole=True), "version", "last changed"), rows)


def draw_leaves(leaves: Sequence[calendar_pb2.Leave], next_page_token: str = "") -> Iterable[RenderableType]:
    rows = [
        (each.name, each.member, day_text(each.first_day), day_text(each.last_day),
         f"{number_text(each.hours_per_day)} h a day" if each.hours_per_day else "whole days", each.note)
        for each in leaves
    ]  # fmt: skip
    yield table("", (Column("leave", whole=True), "member", "first day", "last day", "away", "note"), rows)
    yield total(len(leaves), "leave", next_page_token, "leaves")


def draw_removed(response: capacity_service_pb2.DeleteLeaveResponse, name: str) -> Iterable[RenderableType]:
    if response.HasField("leave"):
        yield cell(f"taken back: {response.leave.name}")
    else:
        yield cell(f"there is no leave {name}: nothing was changed", "yellow")


def leave_id(member: str, first: Date) -> str:
    """Returns an id for leave that names none: the same for the same member and first day."""
    readable = re.sub(r"[^a-z0-9]+", "-", member.lower()).strip("-")[:50].strip("-")
    return f"{readable or 'member'}-{day_text(first)}"


def draw_capacity(response: capacity_service_pb2.GetCapacityResponse) -> Iterable[RenderableType]:
    for sprint in response.sprints:
        yield _capacity(sprint)
        if sprint.skill_hours:
            yield facts([("with skill", ", ".join(f"{skill} {hours_text(hours)}" for skill, hours in sorted(sprint.skill_hours.items())))])
        for note in sprint.notes:
            yield cell(note, "yellow")


def _capacity(sprint: capacity_pb2.SprintCapacity) -> RenderableType:
    found = [{each.term: each.hours for each in member.terms} for member in sprint.members]
    shown = [term for term in _TERMS if any(terms.get(term) for terms in found)] or [_TERMS[0]]
    sums = [sum(terms.get(term, 0.0) for terms in found) for term in shown]
    digits = max([digits_that_add_up([terms.get(term, 0.0) for term in shown], member.capacity_hours)
                  for terms, member in zip(found, sprint.members, strict=True)], default=1)  # fmt: skip
    digits = max(digits, digits_that_add_up([each.capacity_hours for each in sprint.members], sprint.capacity_hours))
    columns = [
        Column("member", whole=True),
        *(Column(term.replace("_", " "), right=True) for term in shown),
        Column("capacity", right=True),
    ]
    rows = [
        (member.member, *(_signed(terms.get(term, 0.0), digits) for term in shown), f"{member.capacity_hours:,.{digits}f}")
        for terms, member in zip(found, sprint.members, strict=True)
    ]
    title = f"Sprint {sprint.number}, {time_text(sprint, 'begin_at')[:10]} to {time_text(sprint, 'end_at')[:10]}, hours"
    return table(title, columns, rows, ["", *(_signed(each, digits) for each in sums), f"{sprint.capacity_hours:,.{digits}f}"])


def _signed(hours: float, digits: int) -> str:
    return f"{hours:,.{digits}f}".replace("-", "−") if hours else ""


def draw_adherence(
    response: adherence_service_pb2.ListAdherenceResponse, drifts: adherence_service_pb2.ListDriftsResponse
) -> Iterable[RenderableType]:
    columns: tuple[Column | str, ...] = (
        Column("sprint", right=True), "begins", Column("capacity", right=True),
        Column("planned", right=True), Column("recorded", right=True),
        Column("remediation", right=True), Column("roadmap", right=True), Column("other", right=True), Column("unrecorded", right=True),
        Column("chart", right=True), Column("limit", right=True), "",
    )  # fmt: skip
    yield table("Planned and recorded share of remediation", columns, [_sprint(each) for each in response.sprints])
    yield total(len(response.sprints), "sprint", response.next_page_token)
    for drift in drifts.drifts:
        yield cell(f"{enum_text(drift, 'kind')} since sprint {drift.sprint.rpartition('/')[2]}: {drift.reason}", "red")
    newest = response.sprints[0] if response.sprints else None
    for note in newest.notes if newest else ():
        yield cell(f"sprint {newest.number if newest else ''}: {note}", "yellow")
    if response.sprints:
        yield cell(f"{count_text(len(drifts.drifts), 'drift')} under way", "dim")


def _sprint(each: adherence_pb2.SprintAdherence) -> tuple[object, ...]:
    def share(field: str) -> str:
        return percent_text(getattr(each, field)) if each.HasField(field) else "—"  # type: ignore[arg-type]  # named below

    hours = (hours_text(value) for value in (each.remediation_hours, each.roadmap_hours, each.other_hours, each.unrecorded_hours))
    limit = f"± {percent_text(each.chart_limit)}" if each.HasField("chart_limit") else "—"
    state = cell(enum_text(each, "state"), _STYLES.get(each.state, ""))
    shares = share("planned_remediation_share"), share("recorded_remediation_share")
    return (
        each.number,
        time_text(each, "begin_at")[:10],
        hours_text(each.capacity_hours),
        *shares,
        *hours,
        share("chart_value"),
        limit,
        state,
    )
