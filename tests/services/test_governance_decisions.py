"""Where decisions stand, in the lineage of a running governance: proposals displace nothing, and what was taken back no longer does."""

import itertools
from collections.abc import AsyncIterator, Sequence

import pytest
from ballast.allocation.v1 import decision_pb2
from ballast.events.v1.cloudevents_pb2 import CloudEvent
from ballast.governance.v1 import governance_service_pb2 as pb
from ballast.governance.v1 import lineage_pb2
from ballast.governance.v1.impact_pb2 import GetImpactRequest

from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.governance import Governance, decision_changed, decision_made, governing

PROPOSED, IN_FORCE = decision_pb2.DECISION_STATE_PROPOSED, decision_pb2.DECISION_STATE_IN_FORCE
REJECTED, ROLLED_BACK = decision_pb2.DECISION_STATE_REJECTED, decision_pb2.DECISION_STATE_ROLLED_BACK
DISPLACES, APPROVED, TAKEN_BACK = (
    lineage_pb2.LINEAGE_RELATION_DISPLACES,
    lineage_pb2.LINEAGE_RELATION_APPROVED_BY,
    lineage_pb2.LINEAGE_RELATION_TAKEN_BACK_BY,
)
WITHDRAWN = lineage_pb2.LINK_STANDING_WITHDRAWN


@pytest.fixture(scope="module")
async def governance(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Governance]:
    async with governing(urls, engines, clock) as running:
        yield running


def life(key: str, *states: "decision_pb2.DecisionState.ValueType", **fields: str) -> list[CloudEvent]:
    """The events of a decision that went through these states."""
    common = (f"decisions/{key}", f"assessments/{key}", f"roadmapItems/{key}")
    first = decision_made(*common, state=states[0], **fields)
    reason = "Put back." if states[-1] == ROLLED_BACK else "Said so."
    later = [decision_changed(*common, number, state=each, state_reason=reason, **fields) for number, each in enumerate(states[1:], 2)]
    return [first, *later]


async def downstream(governance: Governance, name: str, *, with_denied: bool = False) -> pb.TraceLineageResponse:
    request = pb.TraceLineageRequest(name=name, direction=pb.LINEAGE_DIRECTION_DOWNSTREAM, max_depth=1, include_denied=with_denied)
    return await governance.rpc.TraceLineage(request)


def edges(found: pb.TraceLineageResponse) -> Sequence[tuple[str, int]]:
    return [(edge.to_name, edge.relation) for edge in found.edges]


async def displaced(governance: Governance, key: str) -> list[str]:
    found = await governance.lineage.GetImpact(GetImpactRequest(decision=f"decisions/{key}"))
    return [each.item.name for each in found.displaced]


async def test_a_proposal_displaces_nothing_until_it_comes_in_force(governance: Governance) -> None:
    made, changed = life("waits", PROPOSED, IN_FORCE, approval="approvals/waits")
    await governance.deliver(made)
    found = await downstream(governance, "decisions/waits")
    assert edges(found) == [("approvals/waits", APPROVED)]
    assert found.nodes[0].title.endswith("(proposed)")
    assert await displaced(governance, "waits") == []
    await governance.deliver(changed)
    found = await downstream(governance, "decisions/waits")
    assert set(edges(found)) == {("approvals/waits", APPROVED), ("roadmapItems/waits", DISPLACES)}
    assert found.nodes[0].title.endswith("(in force)")
    assert await displaced(governance, "waits") == ["roadmapItems/waits"]


async def test_what_was_refused_says_so_and_never_displaced_anything(governance: Governance) -> None:
    await governance.deliver(*life("refused", PROPOSED, REJECTED))
    found = await downstream(governance, "decisions/refused", with_denied=True)
    assert (edges(found), found.nodes[0].title[-10:]) == ([], "(rejected)")
    assert await displaced(governance, "refused") == []


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
async def test_what_was_rolled_back_no_longer_displaces_in_whatever_order_that_is_told(
    governance: Governance, order: tuple[int, ...], together: bool
) -> None:
    key = f"back-{'-'.join(map(str, order))}-{together}"
    events = life(key, PROPOSED, IN_FORCE, ROLLED_BACK)
    for batch in [order] if together else [(each,) for each in order]:
        await governance.deliver(*(events[each] for each in batch))
    assert edges(await downstream(governance, f"decisions/{key}")) == []
    found = await downstream(governance, f"decisions/{key}", with_denied=True)
    (edge,) = found.edges
    assert (edge.to_name, edge.standing, edge.attributes["withdrawn_because"]) == (f"roadmapItems/{key}", WITHDRAWN, "Put back.")
    assert edge.attributes["delay_days"] == "14"
    assert found.nodes[0].title.endswith("(rolled back)")
    assert await displaced(governance, key) == []


async def test_a_rollback_leads_on_from_the_decision_it_takes_back_once_it_is_in_force(governance: Governance) -> None:
    await governance.deliver(*life("first", IN_FORCE, ROLLED_BACK))
    made, changed = life("second", PROPOSED, IN_FORCE, rolls_back="decisions/first")
    await governance.deliver(made)
    assert edges(await downstream(governance, "decisions/first")) == []
    await governance.deliver(changed)
    assert edges(await downstream(governance, "decisions/first")) == [("decisions/second", TAKEN_BACK)]
