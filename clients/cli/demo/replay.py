"""The replay: walks the schedule through the running services, step by step."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING

from ballast.allocation.v1 import allocation_messages_pb2 as allocation_pb
from ballast.intake.v1 import intake_service_pb2 as intake_pb
from ballast.simulation.v1 import simulation_service_pb2 as simulation_pb
from ballast.triage.v1 import triage_service_pb2 as triage_pb

from clients.cli.connection import Connection
from clients.cli.demo.approvers import Approvers, proposals
from clients.cli.demo.effort import remediation_work, roadmap_hours, spend
from clients.cli.demo.example import Example
from clients.cli.demo.requests import (
    alert_reports,
    component_message,
    incident_records,
    item_message,
    policy_message,
    roadmap_records,
    stamp,
    team_message,
)
from clients.cli.demo.schedule import Step, StepKind, schedule
from shared.span import span_text

if TYPE_CHECKING:
    from ballast.simulation.v1.simulation_service_pb2_grpc import SimulationServiceAsyncStub  # exists for the type checker only

SOURCE = "status-page"
_MINUTE = timedelta(minutes=1)


class Replay:
    """One walk through an example. Every figure comes from the services; kept here is only what the replayed people would know."""

    def __init__(self, example: Example, connection: Connection, simulation: "SimulationServiceAsyncStub", approvers: Approvers) -> None:
        self._example = example
        self._approvers = approvers
        self._connection = connection
        self._simulation = simulation
        self.steps = schedule(example.outages, example.cadence)
        self.incidents: dict[str, str] = {}  # name by outage number
        self.done_in: dict[str, int] = {}  # sprint by id of roadmap item
        self._remaining = {item.id: item.effort_hours for item in example.items}
        self._remediation: defaultdict[tuple[str, int], float] = defaultdict(float)  # recorded hours by team and sprint

    async def prepare(self) -> None:
        """Stores the catalogue, the policy, the teams and the roadmap."""
        example, allocation = self._example, self._connection.allocation
        components = [component_message(entry) for entry in example.components]
        await self._connection.triage.UpsertComponents(triage_pb.UpsertComponentsRequest(components=components))
        policy = policy_message(example.policy.allocation)
        await allocation.UpdateAllocationPolicy(allocation_pb.UpdateAllocationPolicyRequest(policy=policy))
        teams = [team_message(entry, example) for entry in example.teams]
        await allocation.UpsertTeams(allocation_pb.UpsertTeamsRequest(teams=teams))
        items = [item_message(entry) for entry in example.items]
        await allocation.UpsertRoadmapItems(allocation_pb.UpsertRoadmapItemsRequest(items=items))
        await self._settle()

    async def walk(self, told: Callable[[Step], None]) -> None:
        """Takes every step, `told` of each before; after each one every event it caused was delivered."""
        takers = {
            StepKind.FIRES: self._fire,
            StepKind.ACKNOWLEDGED: self._acknowledge,
            StepKind.RESOLVES: self._resolve,
            StepKind.REMARKED: self._remark,
            StepKind.SPRINT_ENDS: self._end_sprint,
        }
        for step, following in zip_longest(self.steps, self.steps[1:]):
            told(step)
            await self._simulation.AdvanceClock(simulation_pb.AdvanceClockRequest(to=stamp(step.clock_at)))
            if step.kind in takers:
                await takers[step.kind](step)
                await self._settle()
            await self._agree(step, following.clock_at if following else None)

    async def _agree(self, step: Step, until: datetime | None) -> None:
        """Lets approvers agree to what waits. What a sprint's beginning proposes is put to them a minute later, if nothing comes before."""
        waiting = await proposals(self._connection)
        minute_later = step.clock_at + _MINUTE
        if any(not each.approval for each in waiting) and until and minute_later < until:
            await self._simulation.AdvanceClock(simulation_pb.AdvanceClockRequest(to=stamp(minute_later)))
            waiting = await proposals(self._connection)
        asked = [each for each in waiting if each.approval]
        if asked:
            await self._approvers.agree(asked)
            await self._settle()

    async def _settle(self) -> None:
        await self._simulation.Settle(simulation_pb.SettleRequest())

    async def _fire(self, step: Step) -> None:
        response = await self._report(step, over=False)
        self.incidents[step.of.number] = response.receipts[0].incident

    async def _report(self, step: Step, *, over: bool) -> intake_pb.ReportAlertsResponse:
        reports = alert_reports(step.of, self._example.components_of(step.of), over=over)
        return await self._connection.intake.ReportAlerts(intake_pb.ReportAlertsRequest(source=SOURCE, reports=reports))

    async def _acknowledge(self, step: Step) -> None:
        request = intake_pb.AcknowledgeIncidentRequest(
            name=self.incidents[step.of.number], occurred_at=stamp(step.happened_at), note="First update on the status page."
        )
        await self._connection.intake.AcknowledgeIncident(request)

    async def _remark(self, step: Step) -> None:
        late = span_text(step.happened_at - step.of.end)
        request = intake_pb.AddTimelineEntryRequest(
            incident=self.incidents[step.of.number],
            occurred_at=stamp(step.happened_at),
            text=f"First update on the status page, {late} after it had ended.",
        )
        await self._connection.intake.AddTimelineEntry(request)

    async def _resolve(self, step: Step) -> None:
        await self._report(step, over=True)
        outage, cadence = step.of, self._example.cadence
        teams = self._example.teams_of(outage)
        work = remediation_work(outage, self._example.policy.remediation.of(outage.impact), cadence)
        for team in teams:
            for part in work:
                self._remediation[team, cadence.number_at(part.worked_at)] += part.hours
        records = incident_records(teams, self.incidents[outage.number], work)
        await self._connection.allocation.RecordWork(allocation_pb.RecordWorkRequest(records=records))

    async def _end_sprint(self, step: Step) -> None:
        """Records what each team got done of its roadmap in the sprint, and marks what is finished."""
        teams = [team.id for team in self._example.teams]
        splits = await asyncio.gather(*(self._roadmap_hours(team, step.sprint) for team in teams))
        spent = {team: self._spend(team, hours) for team, hours in zip(teams, splits, strict=True)}
        records = [record for team in teams for record in roadmap_records(team, spent[team], step.clock_at)]
        if records:
            await self._connection.allocation.RecordWork(allocation_pb.RecordWorkRequest(records=records))
        done = [item for item in self._example.items if not self._remaining[item.id] and item.id not in self.done_in]
        self.done_in.update((item.id, step.sprint) for item in done)
        if done:
            items = [item_message(item, done=True) for item in done]
            await self._connection.allocation.UpsertRoadmapItems(allocation_pb.UpsertRoadmapItemsRequest(items=items))

    async def _roadmap_hours(self, team: str, sprint: int) -> float:
        response = await self._connection.allocation.GetSplit(allocation_pb.GetSplitRequest(team=f"teams/{team}"))
        split = response.split
        return roadmap_hours(split.capacity_hours, split.roadmap_hours, self._remediation[team, sprint])

    def _spend(self, team: str, hours: float) -> dict[str, float]:
        """Spends the hours on the team's items, and remembers what they still need."""
        items = [item for item in self._example.items if item.team == team]
        spent = spend(items, self._remaining, hours)
        for item, part in spent.items():
            self._remaining[item] = round(self._remaining[item] - part, 2)
        return spent

    def now(self) -> datetime:
        """Returns the moment the walk ends at."""
        return self.steps[-1].clock_at
