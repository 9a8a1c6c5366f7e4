"""The split of a running allocation, with its cache present, emptied, behind and away."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from ballast.allocation.v1 import allocation_messages_pb2 as pb

from services.allocation.settings import AllocationSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import NotFound
from tests.support.allocating import Suite, allocating, assessment, made, team


@pytest.fixture(scope="module")
def settings(urls: dict[str, str], engines: Engines) -> AllocationSettings:
    return AllocationSettings(port=0, database_url=urls["allocation"], cache_url=engines.cache_url, subscribers={})


@pytest.fixture(scope="module")
async def suite(settings: AllocationSettings, clock: SimulatedClock) -> AsyncIterator[Suite]:
    async with allocating(settings, clock) as running:
        yield running


async def test_a_decision_is_seen_at_once_by_every_replica(suite: Suite, settings: AllocationSettings) -> None:
    await suite.store_team("seen")
    async with allocating(settings, suite.clock) as other:
        assert (await other.split("seen")).remediation_share == 0.333333
        await suite.deliver(made(assessment("seen", at=suite.clock.now())))
        for each in (suite, other):
            assert (await each.split("seen")).remediation_share == 0.383333


async def test_emptying_the_cache_loses_nothing(suite: Suite) -> None:
    await suite.store_team("emptied")
    before = await suite.split("emptied")
    await suite.app.cache.client.flushdb()
    assert await suite.split("emptied") == before
    assert await suite.app.cache.client.keys("*:split-read:teams/emptied")  # and it is cached again


async def test_without_a_cache_splits_are_decided_and_read_all_the_same(settings: AllocationSettings, clock: SimulatedClock) -> None:
    nowhere = settings.model_copy(update={"cache_url": "redis://127.0.0.1:1"})
    async with allocating(nowhere, clock) as suite:
        await suite.store_team("away")
        await suite.deliver(made(assessment("away", at=clock.now())))
        assert (await suite.split("away")).remediation_share == 0.383333


async def test_a_split_that_is_not_decided_yet_is_told_from_a_team_that_does_not_exist(suite: Suite) -> None:
    await suite.allocation.UpsertTeams(pb.UpsertTeamsRequest(teams=[team("waits", suite.clock.now() + timedelta(days=1))]))
    for name, reason in (("waits", "SPLIT_NOT_DECIDED"), ("none", "TEAM_NOT_FOUND")):
        with pytest.raises(NotFound) as refused:
            await suite.split(name)
        assert refused.value.reason == reason
