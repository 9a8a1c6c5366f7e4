"""`ballast simulate`: what would be if, beside what is."""

import re
from typing import Annotated

import typer
from ballast.allocation.v1 import roadmap_item_pb2, scenario_pb2
from ballast.allocation.v1 import scenario_service_pb2 as pb

from clients.cli.documents import read_document
from clients.cli.message_file import read_message
from clients.cli.names import team_name
from clients.cli.policy_arguments import policy_and_revision
from clients.cli.session import Session, with_session
from clients.cli.simulate_drawing import draw_scenario
from shared.errors import invalid_field

_LARGEST_BYTES = 1_000_000
_SPIKE = re.compile(r"(?P<sign>[x×+])(?P<size>\d+(?:\.\d+)?)")
_AWAY = re.compile(r"(?P<member>[^:]+)(?::(?P<sprints>\d{1,2}))?")
_JOINING = re.compile(r"(?P<member>[^:]+):(?P<weekly>\d+(?:\.\d+)?)(?::(?P<focus>\d+(?:\.\d+)?))?")


@with_session()
async def simulate(
    session: Session,
    team: Annotated[str, typer.Argument(metavar="TEAM", help="teams/{id}, or the id.")],
    spike: Annotated[str, typer.Option(metavar="xN|+N", help="So many times the incidents, or so many more a sprint.")] = "",
    spike_sprints: Annotated[int, typer.Option("--spike-sprints", metavar="N", help="For how many sprints.")] = 1,
    severity: Annotated[int, typer.Option(metavar="1-5", help="How grave those are.")] = 3,
    away: Annotated[
        list[str] | None, typer.Option(metavar="MEMBER[:SPRINTS]", help="A member who is away, for so many sprints or for good.")
    ] = None,
    joining: Annotated[list[str] | None, typer.Option(metavar="ID:HOURS[:FOCUS]", help="A member who joins, with weekly hours.")] = None,
    item: Annotated[list[str] | None, typer.Option(metavar="FILE", help="A roadmap item, new or changed, as YAML.")] = None,
    without: Annotated[list[str] | None, typer.Option("--without-item", metavar="ITEM", help="A roadmap item to leave out.")] = None,
    policy: Annotated[str, typer.Option(metavar="POLICY[@REVISION]", help="Another policy.")] = "",
    policy_file: Annotated[str, typer.Option("--policy-file", metavar="FILE", help="Another policy that is not stored, as YAML.")] = "",
    backlog: Annotated[float, typer.Option(metavar="HOURS", help="Remediation left over from before.")] = 0.0,
    sprints: Annotated[int, typer.Option(metavar="N", help="Sprints to look ahead; the policy's horizon when 0.")] = 0,
) -> None:
    """Says what a change would do to a team's split, roadmap and backlog, beside how things are. Nothing is stored."""
    scenario = scenario_pb2.Scenario(
        away=[_away(each) for each in away or []],
        without_items=[each if each.startswith("roadmapItems/") else f"roadmapItems/{each}" for each in without or []],
    )
    if spike:
        scenario.spike.CopyFrom(_spike(spike, spike_sprints, severity))
    for each in joining or []:
        _join(scenario, each)
    for file in item or []:
        scenario.items.append(read_message(read_document(file, session, _LARGEST_BYTES, "FILE_INVALID"), roadmap_item_pb2.RoadmapItem()))
    if policy_file:
        read_message(read_document(policy_file, session, _LARGEST_BYTES, "FILE_INVALID"), scenario.policy_body)
    elif policy:
        scenario.policy, scenario.policy_revision = policy_and_revision("--policy", policy)
    request = pb.SimulateScenarioRequest(team=team_name("TEAM", team), scenario=scenario, horizon_sprints=sprints, backlog_hours=backlog)
    response = await session.connection.scenarios.SimulateScenario(request)
    session.output.answer(response, lambda: draw_scenario(response))


def _spike(text: str, sprints: int, severity: int) -> scenario_pb2.IncidentSpike:
    found = _SPIKE.fullmatch(text)
    if found is None:
        rule = f"{text!r} is no spike; write x3 for three times as many, or +2 for two more a sprint"
        raise invalid_field("--spike", rule, reason="SPIKE_INVALID")
    size = float(found["size"])
    told = {"plus": size} if found["sign"] == "+" else {"times": size}
    return scenario_pb2.IncidentSpike(**told, sprint_count=sprints, severity=severity)


def _away(text: str) -> scenario_pb2.MemberAway:
    found = _AWAY.fullmatch(text)
    if found is None:
        raise invalid_field("--away", f"{text!r} is no member; write the id, with :2 for two sprints", reason="MEMBER_INVALID")
    return scenario_pb2.MemberAway(member=found["member"], sprint_count=int(found["sprints"] or 0))


def _join(scenario: scenario_pb2.Scenario, text: str) -> None:
    found = _JOINING.fullmatch(text)
    if found is None:
        rule = f"{text!r} is nobody who joins; write id:hours or id:hours:focus, such as kim:40:0.7"
        raise invalid_field("--joining", rule, reason="MEMBER_INVALID")
    scenario.joining.add(id=found["member"], weekly_hours=float(found["weekly"]), focus_factor=float(found["focus"] or 1))
