"""Builders for the demo: outages, examples, and what services would answer about them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ballast.allocation.v1.decision_pb2 import (
    DECISION_OUTCOME_HELD,
    DECISION_OUTCOME_LOWERED,
    DECISION_OUTCOME_RAISED,
    Decision,
    DecisionTerm,
)
from ballast.allocation.v1.roadmap_item_pb2 import DisplacedItem
from ballast.allocation.v1.team_pb2 import Split, Sprint
from ballast.intake.v1.incident_pb2 import Incident
from ballast.triage.v1.assessment_pb2 import Assessment
from google.type.money_pb2 import Money

from clients.cli.demo.cadence import Cadence
from clients.cli.demo.catalogue import ItemEntry, WorkRule
from clients.cli.demo.example import Example, read_example
from clients.cli.demo.outage_file import Impact, Outage
from clients.cli.demo.requests import stamp
from clients.cli.demo.year import Year

CLOUD_YEAR = Path(__file__).parents[2] / "examples" / "cloud-year"
BEGIN = datetime(2021, 7, 5, tzinfo=UTC)
CADENCE = Cadence(BEGIN, timedelta(days=14), 26)
RULE = WorkRule(responders=2, restore_hours_at_most=10, follow_up_hours=3)
BASELINE = 0.333333


def after(hours: float) -> datetime:
    return BEGIN + timedelta(hours=hours)


def outage(begin: float = 1, end: float = 3, told: float | None = None, number: str = "1", products: Sequence[str] = ("Apigee",)) -> Outage:
    """Builds an outage; times in hours after BEGIN."""
    return Outage(
        number=number,
        begin=after(begin),
        end=after(end),
        first_update=after(begin if told is None else told),
        severity="medium",
        impact=Impact.DISRUPTION,
        updates=2,
        locations=1,
        products=tuple(products),
    )


def item(identifier: str, effort: float = 100, cost: int = 1000, needs: Sequence[str] = (), team: str = "network") -> ItemEntry:
    return ItemEntry(
        id=identifier, team=team, title=identifier, effort_hours=effort, cost_of_delay_per_week_usd=cost, dependencies=tuple(needs)
    )


def cloud_year(sprints: int = 2) -> Example:
    return read_example(CLOUD_YEAR, sprints)


def incident(number: str, opened: float, resolved: float | None) -> Incident:
    built = Incident(name=f"incidents/{number}", title=f"outage {number}", opened_at=stamp(after(opened)), group_labels={"outage": number})
    if resolved is not None:
        built.resolved_at.CopyFrom(stamp(after(resolved)))
    return built


def assessment(number: str, severity: int = 3, score: float = 40.0) -> Assessment:
    return Assessment(name=f"assessments/{number}", incident=f"incidents/{number}", severity=severity, score=score)  # type: ignore[arg-type]


def decision(
    at: float, shares: tuple[float | None, float], team: str = "network", of: str = "", at_risk: int = 0, fired: Iterable[str] = ()
) -> Decision:
    """Builds a decision `at` hours after BEGIN; `shares` before and after, `of` the outage that triggered it, value at risk in dollars."""
    before, share = shares
    sprint = f"teams/{team}/sprints/{CADENCE.number_at(after(at))}"
    started = BASELINE if before is None else before
    outcome = DECISION_OUTCOME_HELD
    if share != started:
        outcome = DECISION_OUTCOME_RAISED if share > started else DECISION_OUTCOME_LOWERED
    terms = [("baseline", BASELINE), *((name, 0.1) for name in fired)]
    built = Decision(
        team=f"teams/{team}",
        sprint=sprint,
        outcome=outcome,
        assessment=f"assessments/{of}" if of else "",
        before=None if before is None else Split(remediation_share=before),
        after=Split(remediation_share=share),
        terms=[DecisionTerm(term=name, share=part, fired=True) for name, part in terms],
        create_time=stamp(after(at)),
        in_force_time=stamp(after(at)),
    )
    if at_risk:
        money = Money(currency_code="USD", units=at_risk)
        built.impact.displaced.append(DisplacedItem(roadmap_item="roadmapItems/net-psc", value_at_risk=money))
        built.impact.value_at_risk.CopyFrom(money)
    return built


def year(
    incidents: Sequence[Incident] = (), assessments: Sequence[Assessment] = (), decisions: Sequence[Decision] = (), sprints: int = 2
) -> Year:
    """Builds a year of the first `sprints` sprints in which every team has a hundred hours, the network team three hundred."""
    example = cloud_year(sprints)
    numbered = {each.group_labels["outage"]: each for each in incidents}
    found = {each.incident.removeprefix("incidents/"): each for each in assessments}
    return Year(
        example=example,
        until=example.cadence.end(sprints) - timedelta(seconds=1),
        incidents=numbered,
        assessments={number: found.get(number, assessment(number)) for number in numbered},
        decisions=tuple(decisions),
        sprints={
            (team.id, number): Sprint(number=number, capacity_hours=300 if team.id == "network" else 100, remediation_recorded_hours=number)
            for team in example.teams
            for number in example.cadence.numbers
        },
        done_in={"net-psc": 2},
    )
