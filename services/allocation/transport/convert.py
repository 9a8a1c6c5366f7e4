"""Teams, roadmap items, policies and work to protobuf and back."""

from datetime import UTC, datetime
from decimal import Decimal

from ballast.allocation.v1 import allocation_policy_pb2, roadmap_item_pb2, team_pb2

from services.allocation.domain.decision import Split
from services.allocation.domain.policy import AllocationPolicy, IncidentFrequencyTrigger, OpenIncidentTrigger, TimeToRestoreTrigger
from services.allocation.domain.quantity import hours, share_from_float, share_to_float
from services.allocation.domain.roadmap import RoadmapItem, RoadmapStage
from services.allocation.domain.sprint import sprint_name
from services.allocation.domain.team import DEFAULT_POLICY, Team
from services.allocation.storage.team_store import SprintFacts
from services.allocation.transport.capacity_convert import member_from_pb, member_to_pb
from services.allocation.transport.guards import breaker_from_pb, dwell_from_pb, put_guards, thresholds_from_pb
from services.allocation.transport.item_details import details_from_pb, details_to_pb
from services.allocation.transport.policy_rules import history_from_pb, put_rules, reserve_from_pb, rules_from_pb
from shared.rpc.wellknown import duration_to_pb, money_from_pb, money_to_pb, time_from_pb, time_to_pb
from shared.storage.etags import etag_of

# What the service sets is not read from a request; a value of these times is never stored.
_UNSET = datetime(1970, 1, 1, tzinfo=UTC)


def team_from_pb(team: team_pb2.Team) -> Team:
    return Team(
        name=team.name,
        display_name=team.display_name,
        members=tuple(member_from_pb(member) for member in team.members),
        sprint_length=team.sprint_length.ToTimedelta(),
        first_sprint_at=team.first_sprint_at.ToDatetime(tzinfo=UTC),
        policy=team.policy or DEFAULT_POLICY,
        version=0,
        created_at=_UNSET,
        updated_at=_UNSET,
    )


def team_to_pb(team: Team) -> team_pb2.Team:
    return team_pb2.Team(
        name=team.name,
        display_name=team.display_name,
        members=[member_to_pb(each) for each in team.members],
        sprint_length=duration_to_pb(team.sprint_length),
        first_sprint_at=time_to_pb(team.first_sprint_at),
        policy=team.policy,
        etag=etag_of(team.version),
        create_time=time_to_pb(team.created_at),
        update_time=time_to_pb(team.updated_at),
    )


def sprint_to_pb(team: Team, facts: SprintFacts) -> team_pb2.Sprint:
    return team_pb2.Sprint(
        name=sprint_name(team.name, facts.sprint.number),
        number=facts.sprint.number,
        begin_at=time_to_pb(facts.sprint.begin_at),
        end_at=time_to_pb(facts.sprint.end_at),
        # A past sprint had the capacity its split stood on; without one, today's members are all there is to go by.
        capacity_hours=float(facts.split.capacity_hours if facts.split else team.capacity_in(facts.sprint)),
        split=split_to_pb(facts.split) if facts.split else None,
        remediation_recorded_hours=float(facts.remediation_hours),
        roadmap_recorded_hours=float(facts.roadmap_hours),
        other_recorded_hours=float(facts.other_hours),
    )


def split_to_pb(split: Split) -> team_pb2.Split:
    return team_pb2.Split(
        team=split.team,
        sprint=sprint_name(split.team, split.sprint_number),
        remediation_share=share_to_float(split.remediation_share),
        roadmap_share=share_to_float(split.roadmap_share),
        capacity_hours=float(split.capacity_hours),
        remediation_hours=float(split.remediation_hours),
        roadmap_hours=float(split.roadmap_hours),
        decision=split.decision,
        policy=split.policy,
        policy_revision=split.policy_revision,
        effective_at=time_to_pb(split.effective_at),
    )


def item_from_pb(item: roadmap_item_pb2.RoadmapItem) -> RoadmapItem:
    return RoadmapItem(
        name=item.name,
        title=item.title,
        team=item.team,
        effort_hours=hours(item.effort_hours),
        recorded_hours=Decimal(0),
        cost_of_delay_per_week=money_from_pb(item.cost_of_delay_per_week),
        dependencies=tuple(item.dependencies),
        due_at=time_from_pb(item, "due_at"),
        protected=item.protected,
        stage=RoadmapStage(item.stage or RoadmapStage.PLANNED),
        version=0,
        created_at=_UNSET,
        updated_at=_UNSET,
        details=details_from_pb(item),
    )


def item_to_pb(item: RoadmapItem) -> roadmap_item_pb2.RoadmapItem:
    message = roadmap_item_pb2.RoadmapItem(
        name=item.name,
        title=item.title,
        team=item.team,
        effort_hours=float(item.effort_hours),
        cost_of_delay_per_week=money_to_pb(item.cost_of_delay_per_week),
        dependencies=item.dependencies,
        due_at=time_to_pb(item.due_at),
        protected=item.protected,
        stage=item.stage.value,  # type: ignore[arg-type]  # the numbers are the contract's
        remaining_hours=float(item.remaining_hours),
        etag=etag_of(item.version),
        create_time=time_to_pb(item.created_at),
        update_time=time_to_pb(item.updated_at),
    )
    details_to_pb(item, message)
    return message


def policy_from_pb(policy: allocation_policy_pb2.AllocationPolicy) -> AllocationPolicy:
    frequency, restore, grave = policy.incident_frequency, policy.time_to_restore, policy.open_incidents
    return AllocationPolicy(
        name=policy.name,
        revision=0,
        baseline_share=share_from_float(policy.baseline_share),
        floor_share=share_from_float(policy.floor_share),
        cap_share=share_from_float(policy.cap_share),
        largest_step=share_from_float(policy.largest_step),
        quiet_sprints=policy.quiet_sprints,
        incident_frequency=IncidentFrequencyTrigger(
            frequency.history_sprints,
            Decimal(str(frequency.ratio)),
            frequency.minimum_count,
            share_from_float(frequency.raise_by),
            frequency.severity_at_most,
        )
        if policy.HasField("incident_frequency")
        else None,
        time_to_restore=TimeToRestoreTrigger(
            restore.history_sprints, Decimal(str(restore.ratio)), restore.minimum_count, share_from_float(restore.raise_by)
        )
        if policy.HasField("time_to_restore")
        else None,
        open_incidents=OpenIncidentTrigger(grave.severity_at_most, share_from_float(grave.raise_by), share_from_float(grave.raise_at_most))
        if policy.HasField("open_incidents")
        else None,
        horizon_sprints=policy.horizon_sprints,
        author="",
        reason=policy.reason,
        created_at=_UNSET,
        approval_thresholds=thresholds_from_pb(policy),
        circuit_breaker=breaker_from_pb(policy),
        shortest_dwell=dwell_from_pb(policy),
        reserve=reserve_from_pb(policy),
        rules=rules_from_pb(policy),
        history_sprints=history_from_pb(policy),
    )


def policy_to_pb(policy: AllocationPolicy) -> allocation_policy_pb2.AllocationPolicy:
    message = allocation_policy_pb2.AllocationPolicy(
        name=policy.name,
        revision=policy.revision,
        baseline_share=share_to_float(policy.baseline_share),
        floor_share=share_to_float(policy.floor_share),
        cap_share=share_to_float(policy.cap_share),
        largest_step=share_to_float(policy.largest_step),
        quiet_sprints=policy.quiet_sprints,
        horizon_sprints=policy.horizon_sprints,
        author=policy.author,
        reason=policy.reason,
        etag=etag_of(policy.revision),
        create_time=time_to_pb(policy.created_at),
    )
    if frequency := policy.incident_frequency:
        message.incident_frequency.history_sprints = frequency.history_sprints
        message.incident_frequency.ratio = float(frequency.ratio)
        message.incident_frequency.minimum_count = frequency.minimum_count
        message.incident_frequency.raise_by = share_to_float(frequency.raise_by)
        message.incident_frequency.severity_at_most = frequency.severity_at_most
    if restore := policy.time_to_restore:
        message.time_to_restore.history_sprints = restore.history_sprints
        message.time_to_restore.ratio = float(restore.ratio)
        message.time_to_restore.minimum_count = restore.minimum_count
        message.time_to_restore.raise_by = share_to_float(restore.raise_by)
    if grave := policy.open_incidents:
        message.open_incidents.severity_at_most = grave.severity_at_most
        message.open_incidents.raise_by = share_to_float(grave.raise_by)
        message.open_incidents.raise_at_most = share_to_float(grave.raise_at_most)
    put_guards(message, policy)
    put_rules(message, policy)
    return message
