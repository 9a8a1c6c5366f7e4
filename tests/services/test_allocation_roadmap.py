"""Roadmap items in a running allocation."""

from collections.abc import AsyncIterator

import pytest
from ballast.allocation.v1 import allocation_events_pb2, roadmap_item_pb2
from ballast.allocation.v1 import allocation_messages_pb2 as pb

from services.allocation.settings import AllocationSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import BallastError, Conflict, InvalidInput, NotFound
from tests.support.allocating import Suite, allocating, item


@pytest.fixture(scope="module")
async def suite(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    settings = AllocationSettings(port=0, database_url=urls["allocation"], cache_url=engines.cache_url, subscribers={})
    async with allocating(settings, clock) as running:
        await running.store_team("web")
        await running.store_team("app")
        yield running


async def test_an_item_comes_back_as_it_was_stored(suite: Suite) -> None:
    sent = item("whole", "web", 12.5, 900, protected=True)
    sent.due_at.FromDatetime(suite.clock.now())
    stored = (await suite.store_items(sent))[0]
    assert (stored.stage, stored.remaining_hours, stored.etag) == (roadmap_item_pb2.ROADMAP_STAGE_PLANNED, 12.5, "v1")
    assert (stored.cost_of_delay_per_week, stored.due_at, stored.protected) == (sent.cost_of_delay_per_week, sent.due_at, True)
    assert (await suite.allocation.GetRoadmapItem(pb.GetRoadmapItemRequest(name=sent.name))).item == stored
    assert [event.item for event in await suite.recorded(allocation_events_pb2.RoadmapItemChanged, sent.name)] == [stored]


async def test_items_of_one_request_may_depend_on_each_other(suite: Suite) -> None:
    stored = await suite.store_items(item("later", "web", 1, 1, "sooner"), item("sooner", "web"))
    assert stored[0].dependencies == ["roadmapItems/sooner"]


@pytest.mark.parametrize(
    ("bad", "kind", "reason", "told"),
    [
        (item("bad", "nowhere"), NotFound, "TEAM_NOT_FOUND", "teams/nowhere"),
        (item("bad", "web", 1, 1, "ghost"), InvalidInput, "DEPENDENCY_UNKNOWN", "roadmapItems/ghost"),
        (item("bad", "app", 1, 1, "held-a"), InvalidInput, "DEPENDENCY_UNKNOWN", "belongs to teams/web"),
        (item("held-a", "web", 1, 1, "held-b"), InvalidInput, "DEPENDENCY_CYCLE", "roadmapItems/held-a → roadmapItems/held-b"),
        (item("bad", "web", currency="EUR"), InvalidInput, "CURRENCY_MISMATCH", "EUR"),
        (item("bad", "web", currency="dollars"), InvalidInput, "INVALID_INPUT", "ISO 4217"),
    ],
)
async def test_one_bad_item_keeps_all_from_being_stored(
    suite: Suite, bad: roadmap_item_pb2.RoadmapItem, kind: type[BallastError], reason: str, told: str
) -> None:
    await suite.store_items(item("held-a", "web"), item("held-b", "web", 1, 1, "held-a"))
    with pytest.raises(kind) as refused:
        await suite.store_items(item("innocent", "web"), bad)
    assert refused.value.reason == reason
    assert told in refused.value.message
    with pytest.raises(NotFound):
        await suite.allocation.GetRoadmapItem(pb.GetRoadmapItemRequest(name="roadmapItems/innocent"))


async def test_an_item_changed_meanwhile_is_not_overwritten(suite: Suite) -> None:
    first = (await suite.store_items(item("etag", "web", 10)))[0]
    await suite.store_items(item("etag", "web", 20))
    with pytest.raises(Conflict):
        await suite.store_items(first)


async def test_items_are_listed_by_team(suite: Suite) -> None:
    await suite.store_items(item("app-b", "app"), item("app-a", "app"))
    listed = await suite.allocation.ListRoadmapItems(pb.ListRoadmapItemsRequest(team="teams/app"))
    assert [each.name for each in listed.items] == ["roadmapItems/app-a", "roadmapItems/app-b"]
