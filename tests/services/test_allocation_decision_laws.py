"""Whatever people, incidents, approvers and the clock do at once: one decision of a team is in force, and the split is its split."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from ballast.allocation.v1 import allocation_messages_pb2 as pb
from ballast.allocation.v1 import allocation_policy_pb2, decision_pb2
from ballast.allocation.v1 import decision_service_pb2 as ds
from ballast.events.v1 import event_sink_service_pb2 as sink
from ballast.events.v1.cloudevents_pb2 import CloudEventBatch
from ballast.governance.v1 import approval_messages_pb2
from google.protobuf.duration_pb2 import Duration

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import BallastError
from tests.conftest import START
from tests.support.allocating import assessment, made, team
from tests.support.amending import Chamber, amending
from tests.support.decision_laws import check_decisions

D = decision_pb2
TEAMS = ("a", "b")
ROUNDS, AT_ONCE = 25, 3


@pytest.fixture
async def chamber(own_urls: dict[str, str], engines: Engines) -> AsyncIterator[Chamber]:
    async with amending(own_urls, engines, SimulatedClock(START), approved=()) as running:
        yield running


class Crowd:
    """People, triage and time, each doing at random what they may."""

    def __init__(self, chamber: Chamber, chance: random.Random) -> None:
        self._chamber = chamber
        self._chance = chance
        self._allocation, self._decisions = chamber.allocation(), chamber.decisions()
        self._approvals, self._sink = chamber.approvals("bo"), chamber.sink("allocation")
        self._open: list[Any] = []
        self.done: set[str] = set()

    async def found(self) -> None:
        policy = (await self._allocation.GetAllocationPolicy(pb.GetAllocationPolicyRequest(name="allocationPolicies/default"))).policy
        policy.MergeFrom(allocation_policy_pb2.AllocationPolicy(name="allocationPolicies/asks", reason="Tried.", quiet_sprints=1))
        policy.approval_thresholds.share_change = 0.05
        policy.etag = ""
        await self._allocation.UpdateAllocationPolicy(pb.UpdateAllocationPolicyRequest(policy=policy))
        begin = self._chamber.clock.now()
        stored = [team("a", begin, policy=policy.name), team("b", begin)]  # of one its approvers are asked, of the other nobody
        await self._allocation.UpsertTeams(pb.UpsertTeamsRequest(teams=stored))
        await self._chamber.apps["allocation"].tick()

    async def act(self) -> None:
        """Does one thing; that it is refused is nothing against it."""
        act = self._chance.choice(
            (self.decide, self.incident, self.incident, self.ended, self.approve, self.reject, self.take_back, self.retire)
        )
        with suppress(BallastError):
            await act(self._chance.choice(TEAMS))
            self.done.add(act.__name__)

    async def decide(self, name: str) -> None:
        await self._allocation.DecideSplit(pb.DecideSplitRequest(team=f"teams/{name}"))

    async def retire(self, name: str) -> None:
        """Somebody joins or leaves, on which the next decision sets another split of the same share."""
        found = (await self._allocation.GetTeam(pb.GetTeamRequest(name=f"teams/{name}"))).team
        found.members[0].weekly_hours = self._chance.choice((20, 30, 40))
        await self._allocation.UpsertTeams(pb.UpsertTeamsRequest(teams=[found]))

    async def incident(self, name: str) -> None:
        told = assessment(name, at=self._chamber.clock.now())
        self._open.append(told)
        await self._tell(told)

    async def ended(self, name: str) -> None:
        del name
        if self._open:
            told = self._open.pop(self._chance.randrange(len(self._open)))
            told.revision += 1
            told.resolved_at.FromDatetime(self._chamber.clock.now())
            await self._tell(told)

    async def _tell(self, told: Any) -> None:
        await self._sink.Deliver(sink.DeliverRequest(batch=CloudEventBatch(events=[made(told)])))

    async def approve(self, name: str) -> None:
        await self._approvals.Approve(approval_messages_pb2.ApproveRequest(name=await self._asked(name)))

    async def reject(self, name: str) -> None:
        await self._approvals.Reject(approval_messages_pb2.RejectRequest(name=await self._asked(name), reason="Not now."))

    async def _asked(self, name: str) -> str:
        chosen = pb.DecisionFilter(team=f"teams/{name}", states=[D.DECISION_STATE_PROPOSED])
        return next(
            (each.approval for each in (await self._allocation.ListDecisions(pb.ListDecisionsRequest(filter=chosen))).decisions), ""
        )

    async def take_back(self, name: str) -> None:
        outcomes = [D.DECISION_OUTCOME_RAISED, D.DECISION_OUTCOME_LOWERED]
        chosen = pb.DecisionFilter(team=f"teams/{name}", states=[D.DECISION_STATE_IN_FORCE, D.DECISION_STATE_SUPERSEDED], outcomes=outcomes)
        found = (await self._allocation.ListDecisions(pb.ListDecisionsRequest(filter=chosen))).decisions
        request = ds.RollbackDecisionRequest(name=found[0].name if found else "", reason="It was wrong.", force=self._chance.random() < 0.7)
        await self._decisions.RollbackDecision(request)

    async def split(self, name: str, *, anew: bool) -> Any:
        request = pb.GetSplitRequest(team=f"teams/{name}", max_staleness=Duration() if anew else None)
        return (await self._allocation.GetSplit(request)).split


@pytest.mark.parametrize("seed", range(2))
async def test_one_decision_is_in_force_and_the_split_is_its_split_whatever_happens_at_once(chamber: Chamber, seed: int) -> None:
    crowd = Crowd(chamber, random.Random(seed))
    app = chamber.apps["allocation"]
    await crowd.found()
    over = asyncio.Event()

    async def watch() -> int:
        """Looks also while things are being done: each of them is there whole or not at all."""
        looks = 0
        while not over.is_set():
            await check_decisions(app)
            looks += 1
            await asyncio.sleep(0.005)
        return looks

    watching = asyncio.create_task(watch())
    for number in range(ROUNDS):
        await asyncio.gather(*(crowd.act() for _ in range(AT_ONCE)))
        if number % 5 == 4:
            await chamber.tick(days=3)
    over.set()
    assert await watching > ROUNDS
    held = await check_decisions(app)
    for name in TEAMS:
        for anew in (True, False):
            split = await crowd.split(name, anew=anew)
            expected = held[f"teams/{name}"]
            assert (split.decision, round(split.remediation_share * 1e6)) == (expected["decision"], expected["remediation_share"])
    assert crowd.done >= {"decide", "incident", "approve", "take_back"}, crowd.done


async def test_a_proposal_leaves_the_split_as_it_is_to_the_last_byte(chamber: Chamber) -> None:
    crowd = Crowd(chamber, random.Random(0))
    await crowd.found()
    before = await crowd.split("a", anew=True)
    await crowd.incident("a")
    chosen = pb.DecisionFilter(team="teams/a", states=[D.DECISION_STATE_PROPOSED])
    assert (await chamber.allocation().ListDecisions(pb.ListDecisionsRequest(filter=chosen))).decisions
    assert [await crowd.split("a", anew=anew) for anew in (True, False)] == [before, before]
