"""Requests: the example's entries and outages as the messages the services take."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from ballast.allocation.v1 import allocation_policy_pb2, policy_rule_pb2, roadmap_item_pb2, team_pb2
from ballast.intake.v1.alert_pb2 import AlertReport
from ballast.triage.v1 import component_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money

from clients.cli.demo.catalogue import AllocationEntry, ComponentEntry, ItemEntry, TeamEntry, ThresholdEntry
from clients.cli.demo.effort import Work
from clients.cli.demo.example import Example
from clients.cli.demo.outage_file import Impact, Outage

GROUP_LABEL = "outage"
_ALERTS = {
    Impact.OUTAGE: ("ServiceUnavailable", "ErrorBudgetBurnFast"),
    Impact.DISRUPTION: ("ErrorRateHigh",),
    Impact.INFORMATION: ("StatusNotice",),
}


def stamp(moment: datetime) -> Timestamp:
    built = Timestamp()
    built.FromDatetime(moment)
    return built


def component_message(entry: ComponentEntry) -> component_pb2.Component:
    return component_pb2.Component(
        name=f"components/{entry.id}",
        display_name=entry.product,
        owner_team=f"teams/{entry.team}",
        tier=component_pb2.Tier.Value(f"TIER_{entry.tier.upper()}"),
        revenue_per_minute=_dollars(entry.revenue_per_minute_usd),
        dependencies=[f"components/{needed}" for needed in entry.dependencies],
        users=entry.users,
    )


def team_message(entry: TeamEntry, example: Example) -> team_pb2.Team:
    length = Duration()
    length.FromTimedelta(example.cadence.length)
    return team_pb2.Team(
        name=f"teams/{entry.id}",
        display_name=entry.display_name,
        members=[team_pb2.Member(id=each.id, weekly_hours=each.weekly_hours, focus_factor=each.focus_factor) for each in entry.members],
        sprint_length=length,
        first_sprint_at=stamp(example.cadence.first_at),
        policy=f"allocationPolicies/{example.policy.allocation.id}",
    )


def item_message(entry: ItemEntry, *, done: bool = False) -> roadmap_item_pb2.RoadmapItem:
    stage = roadmap_item_pb2.ROADMAP_STAGE_DONE if done else roadmap_item_pb2.ROADMAP_STAGE_PLANNED
    return roadmap_item_pb2.RoadmapItem(
        name=f"roadmapItems/{entry.id}",
        title=entry.title,
        team=f"teams/{entry.team}",
        effort_hours=entry.effort_hours,
        cost_of_delay_per_week=_dollars(entry.cost_of_delay_per_week_usd),
        dependencies=[f"roadmapItems/{needed}" for needed in entry.dependencies],
        due_at=stamp(entry.due) if entry.due else None,
        protected=entry.protected,
        stage=stage,
    )


def policy_message(entry: AllocationEntry) -> allocation_policy_pb2.AllocationPolicy:
    frequency, restore, grave, asks = entry.incident_frequency, entry.time_to_restore, entry.open_incidents, entry.approval_thresholds
    return allocation_policy_pb2.AllocationPolicy(
        name=f"allocationPolicies/{entry.id}",
        reason=entry.reason,
        baseline_share=entry.baseline_share,
        floor_share=entry.floor_share,
        cap_share=entry.cap_share,
        largest_step=entry.largest_step,
        quiet_sprints=entry.quiet_sprints,
        horizon_sprints=entry.horizon_sprints,
        incident_frequency=allocation_policy_pb2.IncidentFrequencyTrigger(**frequency.model_dump()) if frequency else None,
        time_to_restore=allocation_policy_pb2.TimeToRestoreTrigger(**restore.model_dump()) if restore else None,
        open_incidents=allocation_policy_pb2.OpenIncidentTrigger(**grave.model_dump()) if grave else None,
        approval_thresholds=_thresholds(asks) if asks else None,
        rules=[policy_rule_pb2.PolicyRule(**each.model_dump(exclude_none=True)) for each in entry.rules],
    )


def _thresholds(entry: ThresholdEntry) -> allocation_policy_pb2.ApprovalThresholds:
    value = entry.value_at_risk_usd
    return allocation_policy_pb2.ApprovalThresholds(
        share_change=entry.share_change,
        value_at_risk=_dollars(value) if value else None,
        displaced_items=entry.displaced_items,
    )


def alert_reports(outage: Outage, components: Iterable[ComponentEntry], *, over: bool) -> list[AlertReport]:
    """Returns the alerts of an outage, firing or `over`: one for each product and kind of alert that its impact sets off."""
    summary = summary_of(outage)
    return [
        AlertReport(
            labels={"component": component.id, "alertname": alert, GROUP_LABEL: outage.number, "severity": outage.severity},
            annotations={
                "summary": summary,
                "description": f"{component.product}: {outage.impact}{_where(outage)}",
                "ballast.service_impact": outage.impact,
            },
            starts_at=stamp(outage.begin),
            ends_at=stamp(outage.end) if over else None,
        )
        for component in components
        for alert in _ALERTS[outage.impact]
    ]


def summary_of(outage: Outage) -> str:
    """Returns one line on what is affected: `Cloud Load Balancing and 22 more: outage`."""
    others = len(outage.products) - 1
    return f"{outage.products[0]}{f' and {others} more' if others else ''}: {outage.impact}"


def _where(outage: Outage) -> str:
    """Returns in how many locations it was seen; nothing when the page did not tell."""
    return f", seen in {outage.locations} location{'' if outage.locations == 1 else 's'}" if outage.locations else ""


def incident_records(teams: Iterable[str], incident: str, work: Iterable[Work]) -> list[team_pb2.WorkRecord]:
    """Returns the records of that work, once for each team."""
    parts = tuple(work)
    return [
        team_pb2.WorkRecord(team=f"teams/{team}", incident=incident, hours=part.hours, worked_at=stamp(part.worked_at), note=part.note)
        for team in teams
        for part in parts
    ]


def roadmap_records(team: str, spent: Mapping[str, float], worked_at: datetime) -> list[team_pb2.WorkRecord]:
    return [
        team_pb2.WorkRecord(team=f"teams/{team}", roadmap_item=f"roadmapItems/{item}", hours=hours, worked_at=stamp(worked_at))
        for item, hours in spent.items()
    ]


def _dollars(amount: int) -> Money:
    return Money(currency_code="USD", units=amount)
