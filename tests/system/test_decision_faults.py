"""Allocation killed while it decides and approvers agree: none is lost or half done, events are told once, proposals are asked."""

import asyncio
import json
import random
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ballast.allocation.v1 import allocation_events_pb2, allocation_policy_pb2, decision_pb2
from ballast.allocation.v1 import allocation_messages_pb2 as pb
from ballast.allocation.v1.allocation_service_pb2_grpc import AllocationServiceStub
from ballast.events.v1 import event_sink_service_pb2 as sink
from ballast.events.v1.cloudevents_pb2 import CloudEvent, CloudEventBatch
from ballast.events.v1.event_sink_service_pb2_grpc import EventSinkServiceStub
from ballast.governance.v1 import approval_messages_pb2, approval_pb2
from ballast.governance.v1.approval_service_pb2_grpc import ApprovalServiceStub

from bench.processes import Child
from services.allocation import app as allocation
from services.allocation.settings import AllocationSettings
from services.governance import app as governance
from services.governance.settings import GovernanceSettings
from shared.app import App
from shared.embedded import Engines
from shared.errors import BallastError, NotFound, PreconditionFailed, Unavailable
from shared.rpc.client import ClientCredentials, connect
from tests.support.allocating import assessment, made, team
from tests.support.decision_laws import check_decisions
from tests.support.relay import Relay, relaying
from tests.support.waiting import until

D = decision_pb2
TEAMS = tuple(f"t{number}" for number in range(4))
KILLS, CALLS = 3, 40  # calls of each team


class Allocation:
    """Allocation as a process, behind an address that stays."""

    def __init__(self, urls: dict[str, str], engines: Engines, governance_address: str, folder: Path, relay: Relay) -> None:
        subscribers = {"governance": {"address": governance_address, "types": ["*"]}}
        values = {
            "PORT": "0",
            "DATABASE_URL": urls["allocation"],
            "CACHE_URL": engines.cache_url,
            "STATE_DIR": str(folder),
            "GOVERNANCE_ADDRESS": governance_address,
            "SUBSCRIBERS": json.dumps(subscribers),
        }
        environment = {f"BALLAST_ALLOCATION_{key}": value for key, value in values.items()}
        command = [sys.executable, "-m", "services.allocation"]
        self._child = Child(command, r"^allocation serves on (\S+)$", folder / "allocation.log", environment)
        self._relay = relay

    def start(self) -> None:
        self._relay.target = self._child.start()

    def kill(self) -> None:
        self._child.kill()

    def stop(self) -> None:
        self._child.stop()


@pytest.fixture
async def ledger(own_urls: dict[str, str], engines: Engines, tmp_path: Path) -> AsyncIterator[tuple[App, Relay]]:
    """A governance that tells allocation of approvals at an address that stays."""
    with relaying("127.0.0.1:1") as relay:
        subscribers = {
            "allocation": {"address": relay.address, "types": ["ballast.governance.v1.ApprovalChanged"]},
            "governance": {"address": ""},
        }
        settings = GovernanceSettings(
            port=0, database_url=own_urls["governance"], cache_url=engines.cache_url, state_dir=tmp_path, subscribers=subscribers
        )
        app = await governance.build(settings)
        await app.start()
        await app.open({"governance": app.server.address})
        yield app, relay
        await app.stop()


@asynccontextmanager
async def stubs(address: str, name: str, *kinds: Any) -> AsyncIterator[list[Any]]:
    channel = connect(address, credentials=ClientCredentials(local_name=name), deadline_seconds=10)
    try:
        yield [kind(channel.grpc) for kind in kinds]
    finally:
        await channel.close()


async def test_allocation_killed_under_load_loses_no_decision_and_asks_for_every_proposal(
    own_urls: dict[str, str], engines: Engines, tmp_path: Path, ledger: tuple[App, Relay]
) -> None:
    app, relay = ledger
    child = Allocation(own_urls, engines, app.server.address, tmp_path, relay)
    await asyncio.to_thread(child.start)
    promised: dict[str, str] = {}  # the decision answered for each request
    told: list[tuple[str, str]] = []  # team and assessment of what was taken
    over = asyncio.Event()
    try:
        async with stubs(relay.address, "ada", AllocationServiceStub, EventSinkServiceStub) as (rpc, events):
            await found_teams(rpc)
            async with stubs(app.server.address, "bo", ApprovalServiceStub) as (approvals,):
                agreeing = asyncio.create_task(agree(approvals, over))
                killing = asyncio.create_task(kill_and_restart(child, promised))
                await asyncio.gather(*(load(name, rpc, events, promised, told) for name in TEAMS))
                await killing
                over.set()
                agreed = await agreeing
            for request_id, name in list(promised.items())[::5]:
                asked = pb.DecideSplitRequest(team=f"teams/{request_id.partition('|')[0]}", request_id=request_id.partition("|")[2])
                assert (await rpc.DecideSplit(asked)).decision.name == name
    finally:
        child.stop()
    assert agreed > 0
    assert len(promised) + len(told) == CALLS * len(TEAMS)
    last = await settled(own_urls, engines, app, relay)
    try:
        await check_decisions(last)
        await check_promises(last, promised, told)
        await check_events(last, app)
        await check_proposals(last, app)
    finally:
        await last.stop()


async def found_teams(rpc: Any) -> None:
    policy = (await rpc.GetAllocationPolicy(pb.GetAllocationPolicyRequest(name="allocationPolicies/default"))).policy
    policy.MergeFrom(allocation_policy_pb2.AllocationPolicy(name="allocationPolicies/asks", reason="Tried."))
    policy.approval_thresholds.share_change = 0.05
    policy.etag = ""
    await rpc.UpdateAllocationPolicy(pb.UpdateAllocationPolicyRequest(policy=policy))
    begin = datetime.now(UTC) - timedelta(days=1)
    await rpc.UpsertTeams(pb.UpsertTeamsRequest(teams=[team(name, begin, policy=policy.name) for name in TEAMS]))
    for name in TEAMS:
        await rpc.DecideSplit(pb.DecideSplitRequest(team=f"teams/{name}"))


async def kill_and_restart(child: Allocation, promised: dict[str, str]) -> None:
    for number in range(1, KILLS + 1):
        reached = number * CALLS * len(TEAMS) // 2 // (KILLS + 1)
        await until(partial(_holds, promised, reached), seconds=120)
        child.kill()
        await asyncio.to_thread(child.start)


def _holds(promised: dict[str, str], count: int) -> bool:
    return len(promised) >= count


async def load(name: str, rpc: Any, events: Any, promised: dict[str, str], told: list[tuple[str, str]]) -> None:
    """Asks for decisions and tells of incidents, each again until it is answered."""
    chance = random.Random(name)
    for number in range(CALLS):
        if number % 2:
            built = assessment(name, at=datetime.now(UTC))
            event = made(built)
            await answered(partial(deliver, events, event))
            told.append((name, built.name))
        else:
            request = pb.DecideSplitRequest(team=f"teams/{name}", request_id=str(uuid.UUID(int=chance.getrandbits(128), version=4)))
            response = await answered(partial(rpc.DecideSplit, request))
            promised[f"{name}|{request.request_id}"] = response.decision.name


async def deliver(events: Any, event: CloudEvent) -> Any:
    return await events.Deliver(sink.DeliverRequest(batch=CloudEventBatch(events=[event])))


async def answered(call: Callable[[], Awaitable[Any]]) -> Any:
    async with asyncio.timeout(90):
        while True:
            with suppress(Unavailable, TimeoutError):
                return await call()
            await asyncio.sleep(0.05)


async def agree(approvals: Any, over: asyncio.Event) -> int:
    """Agrees to whatever waits; returns to how much."""
    pending = approval_messages_pb2.ListApprovalsRequest(states=[approval_pb2.APPROVAL_STATE_PENDING])
    count = 0
    while not over.is_set():
        for each in (await approvals.ListApprovals(pending)).approvals:
            with suppress(PreconditionFailed, NotFound, BallastError):
                await approvals.Approve(approval_messages_pb2.ApproveRequest(name=each.name))
                count += 1
        await asyncio.sleep(0.1)
    return count


async def settled(urls: dict[str, str], engines: Engines, ledger: App, relay: Relay) -> App:
    """Runs allocation here, and returns it once its tick was made and all its events were taken."""
    subscribers = {"governance": {"address": ledger.server.address, "types": ["*"]}}
    app = await allocation.build(
        AllocationSettings(port=0, database_url=urls["allocation"], cache_url=engines.cache_url, subscribers=subscribers)
    )
    await app.start()
    relay.target = app.server.address
    await app.open({"governance": ledger.server.address})
    await app.tick()

    async def is_quiet() -> bool:
        for each in (app, ledger):
            if (await each.database.ask("select count(*) as waiting from pgqueuer where entrypoint = 'deliver'"))[0]["waiting"]:
                return False
        return True

    await until(is_quiet, seconds=60)
    await app.tick()
    await until(is_quiet, seconds=60)
    return app


async def check_promises(app: App, promised: dict[str, str], told: list[tuple[str, str]]) -> None:
    rows = await app.database.ask("select 'decisions/' || id as name, team, assessment from decision")
    known = {row["name"] for row in rows}
    assert set(promised.values()) <= known
    assert len(set(promised.values())) == len(promised)
    decided = sorted((row["team"], row["assessment"]) for row in rows if row["assessment"])
    assert decided == sorted((f"teams/{name}", each) for name, each in told)  # each incident once


async def check_events(app: App, ledger: App) -> None:
    """Of each decision one DecisionMade and its changes without gap, in the order of their versions; and each once in the ledger."""
    rows = await app.database.ask(
        "select id, aggregateid, type, aggregate_version, payload from outbox where aggregateid like 'decisions/%' order by position"
    )
    seen: dict[str, list[Any]] = {}
    for row in rows:
        seen.setdefault(row["aggregateid"], []).append(row)
    stored = {row["name"]: row for row in await app.database.ask("select 'decisions/' || id as name, state, state_version from decision")}
    assert seen.keys() == stored.keys()
    for name, events in seen.items():
        versions = [event["aggregate_version"] for event in events]
        assert versions == list(range(1, stored[name]["state_version"] + 1)), (name, versions)
        assert [event["type"].rpartition(".")[2] for event in events] == ["DecisionMade", *["DecisionChanged"] * (len(events) - 1)]
        assert _state(events[-1]) == stored[name]["state"]
    entries = await ledger.database.ask(
        "select event_id from log_entry where source = '/ballast/allocation' and subject like 'decisions/%'"
    )
    assert sorted(row["event_id"] for row in entries) == sorted(str(row["id"]) for row in rows)


def _state(row: Any) -> int:
    kind = allocation_events_pb2.DecisionMade if row["type"].endswith("Made") else allocation_events_pb2.DecisionChanged
    data: Any = kind()
    CloudEvent.FromString(row["payload"]).proto_data.Unpack(data)
    return int(data.decision.state)


async def check_proposals(app: App, ledger: App) -> None:
    """What waits was asked for, once; what came in force after waiting was agreed to."""
    rows = await app.database.ask("select 'decisions/' || id as name, state, approval from decision where grounds <> '[]'")
    assert rows
    assert all(row["approval"] for row in rows if row["state"] == D.DECISION_STATE_PROPOSED)
    approvals = await ledger.database.ask("select 'approvals/' || id as name, subject from approval where subject like 'decisions/%'")
    assert len({row["subject"] for row in approvals}) == len(approvals)
    known = {row["name"]: row["subject"] for row in approvals}
    assert all(known[row["approval"]] == row["name"] for row in rows if row["approval"])
