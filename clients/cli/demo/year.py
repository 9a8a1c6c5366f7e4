"""The year as the services tell it afterwards: incidents, assessments, decisions and sprints, read back over the wire."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ballast.allocation.v1 import allocation_messages_pb2 as allocation_pb
from ballast.allocation.v1.decision_pb2 import Decision
from ballast.allocation.v1.team_pb2 import Sprint
from ballast.intake.v1 import intake_service_pb2 as intake_pb
from ballast.intake.v1.incident_pb2 import Incident
from ballast.triage.v1 import triage_service_pb2 as triage_pb
from ballast.triage.v1.assessment_pb2 import Assessment

from clients.cli.connection import Connection, every_page
from clients.cli.demo.example import Example
from clients.cli.demo.requests import GROUP_LABEL
from shared.ids import id_of


@dataclass(frozen=True, slots=True)
class Year:
    """What the services hold when the replay is over."""

    example: Example
    until: datetime
    incidents: Mapping[str, Incident]  # by outage number
    assessments: Mapping[str, Assessment]  # the newest revision, by outage number
    decisions: tuple[Decision, ...]  # oldest first; a team decides at most once at a moment
    sprints: Mapping[tuple[str, int], Sprint]  # by team id and number
    done_in: Mapping[str, int]  # sprint, by roadmap item id

    @property
    def came_in_force(self) -> tuple[Decision, ...]:
        """The decisions that ever changed or kept a split, in the order they came in force; proposals that nobody agreed to are none."""
        came = (each for each in self.decisions if each.HasField("in_force_time"))
        return tuple(sorted(came, key=lambda each: (each.in_force_time.ToNanoseconds(), each.team)))

    def outage_of(self, incident: str) -> str:
        """Returns the status page's number of an incident, by its resource name."""
        return next(number for number, each in self.incidents.items() if each.name == incident)

    def outage_assessed(self, assessment: str) -> str:
        """Returns the status page's number by the name of its assessment; empty when it is of none."""
        return next((number for number, each in self.assessments.items() if each.name == assessment), "")


async def read_year(connection: Connection, example: Example, until: datetime, done_in: Mapping[str, int]) -> Year:
    """Reads it back."""
    teams = [team.id for team in example.teams]
    incidents = await every_page(connection.intake.ListIncidents, intake_pb.ListIncidentsRequest(), "incidents", 0)
    assessments = await every_page(connection.triage.ListAssessments, triage_pb.ListAssessmentsRequest(), "assessments", 0)
    decisions = await every_page(connection.allocation.ListDecisions, allocation_pb.ListDecisionsRequest(), "decisions", 0)
    sprints = await asyncio.gather(*(_sprints(connection, team) for team in teams))
    by_incident = {each.incident: each for each in assessments.assessments}
    by_number = {each.group_labels[GROUP_LABEL]: each for each in incidents.incidents}
    return Year(
        example=example,
        until=until,
        incidents=by_number,
        assessments={number: by_incident[each.name] for number, each in by_number.items()},
        decisions=tuple(sorted(decisions.decisions, key=lambda each: (moment_of(each), each.team))),
        sprints={(team, sprint.number): sprint for team, found in zip(teams, sprints, strict=True) for sprint in found},
        done_in=done_in,
    )


async def _sprints(connection: Connection, team: str) -> list[Sprint]:
    request = allocation_pb.ListSprintsRequest(team=f"teams/{team}")
    return list((await every_page(connection.allocation.ListSprints, request, "sprints", 0)).sprints)


def moment_of(decision: Decision) -> datetime:
    return decision.create_time.ToDatetime(tzinfo=UTC)


def team_of(decision: Decision) -> str:
    """Returns the id of the team decided for."""
    return id_of(decision.team)


def sprint_of(decision: Decision) -> int:
    """Returns the number of the sprint decided for."""
    return int(id_of(decision.sprint))
