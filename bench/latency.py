"""From alert to bundle: how long it takes, on the whole suite at rest, until the playbook rendered on the decision can be read."""

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ballast.allocation.v1 import allocation_messages_pb2, roadmap_item_pb2, team_pb2
from ballast.allocation.v1.allocation_service_pb2_grpc import AllocationServiceStub
from ballast.intake.v1 import alert_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceStub
from ballast.playbook.v1 import playbook_service_pb2
from ballast.playbook.v1.playbook_service_pb2_grpc import PlaybookServiceStub
from ballast.triage.v1 import component_pb2, triage_service_pb2
from ballast.triage.v1.triage_service_pb2_grpc import TriageServiceStub
from google.type.money_pb2 import Money

from bench.figures import tail
from bench.ground import Ground
from bench.processes import Child, started
from bench.report import Section
from shared.rpc.client import connect

if TYPE_CHECKING:  # the async stubs exist for the type checker only
    from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceAsyncStub
    from ballast.playbook.v1.playbook_service_pb2_grpc import PlaybookServiceAsyncStub

_PATIENCE_SECONDS = 20.0
_ITEMS = 20


async def alert_to_bundle(ground: Ground) -> Section:
    """Measures on a suite of its own, with engines of its own, as `ballast up` runs them."""
    ground.progress("latency: starting the suite")
    state = ground.directory / "suite"
    command = [sys.executable, "-m", "services", "--state", str(state), "--free-ports", "--fresh"]
    with started(Child(command, r'^(\{.*"addresses".*\})$', ground.directory / "suite.log")) as ready:
        seconds = await _measured(ground, json.loads(ready.said)["addresses"])
    shutil.rmtree(state)
    found = tail(seconds)
    title = f"From alert to the bundle rendered on its decision, suite at rest, {len(seconds)} incidents"
    return Section(title, ("", "p50", "p99", "max"), [("alert to bundle", *found.cells())], {"alert_to_bundle": found})


async def _measured(ground: Ground, addresses: Mapping[str, str]) -> list[float]:
    """Returns seconds from sending an alert to reading the bundle rendered on its decision, once for each new incident."""
    names = [f"latency-{number}" for number in range(ground.sizes.bundles)]
    await _found(addresses, names)
    intake = connect(addresses["intake"])
    playbook = connect(addresses["playbook"])
    seconds: list[float] = []
    for name in names:
        ground.progress(f"latency: {len(seconds)} of {len(names)} incidents")
        seconds.append(await _once(IntakeServiceStub(intake.grpc), PlaybookServiceStub(playbook.grpc), name))
    await intake.close()
    await playbook.close()
    return seconds


async def _once(intake: "IntakeServiceAsyncStub", playbook: "PlaybookServiceAsyncStub", component: str) -> float:
    await asyncio.sleep(0.15)  # idle in between
    report = alert_pb2.AlertReport(labels={"component": component, "alertname": "Down"}, annotations={"ballast.service_impact": "outage"})
    begin = time.perf_counter()
    answer = await intake.ReportAlerts(pb.ReportAlertsRequest(source="bench", reports=[report]))
    wanted = playbook_service_pb2.ListBundlesRequest(filter=playbook_service_pb2.BundleFilter(incident=answer.receipts[0].incident))
    while time.perf_counter() - begin < _PATIENCE_SECONDS:
        if any(bundle.decision for bundle in (await playbook.ListBundles(wanted)).bundles):
            return time.perf_counter() - begin
        await asyncio.sleep(0.001)
    raise RuntimeError(f"no bundle within {_PATIENCE_SECONDS} s")


async def _found(addresses: Mapping[str, str], names: list[str]) -> None:
    """Stores a team with more roadmap than it can do, and a critical component for each incident."""
    allocation = connect(addresses["allocation"])
    triage = connect(addresses["triage"])
    members = [team_pb2.Member(id=name, weekly_hours=40, focus_factor=0.75) for name in ("ada", "bo", "cy")]
    team = team_pb2.Team(name="teams/bench", display_name="Bench", members=members)
    team.sprint_length.FromTimedelta(timedelta(days=14))
    team.first_sprint_at.FromDatetime(datetime.now(UTC) - timedelta(days=1))
    stub = AllocationServiceStub(allocation.grpc)
    await stub.UpsertTeams(allocation_messages_pb2.UpsertTeamsRequest(teams=[team]))
    items = [
        roadmap_item_pb2.RoadmapItem(
            name=f"roadmapItems/bench-{number}",
            title=f"Item {number}",
            team=team.name,
            effort_hours=30 + number,
            cost_of_delay_per_week=Money(currency_code="USD", units=20_000 - 500 * number),
        )
        for number in range(_ITEMS)
    ]
    await stub.UpsertRoadmapItems(allocation_messages_pb2.UpsertRoadmapItemsRequest(items=items))
    components = [
        component_pb2.Component(name=f"components/{name}", display_name=name, owner_team=team.name, tier=component_pb2.TIER_CRITICAL)
        for name in names
    ]
    await TriageServiceStub(triage.grpc).UpsertComponents(triage_service_pb2.UpsertComponentsRequest(components=components))
    await asyncio.sleep(1)  # until what this caused was delivered
    await allocation.close()
    await triage.close()
