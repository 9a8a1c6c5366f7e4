"""Splits listed, and told as they change: the present first, then every change once, without gap from any token on."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from ballast.allocation.v1 import allocation_messages_pb2
from ballast.allocation.v1 import split_service_pb2 as pb
from ballast.allocation.v1.split_service_pb2_grpc import SplitServiceStub
from sqlalchemy import text

from services.allocation.settings import AllocationSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import DeadlineExceeded, InvalidInput, NotFound, Unavailable
from shared.rpc.client import connect
from tests.support.allocating import Suite, allocating, assessment, made, team
from tests.support.waiting import SECONDS

BASE, RAISED = 0.333333, 0.383333


@pytest.fixture
def settings(own_urls: dict[str, str], engines: Engines) -> AllocationSettings:
    return AllocationSettings(port=0, database_url=own_urls["allocation"], cache_url=engines.cache_url, subscribers={})


@pytest.fixture
async def suite(settings: AllocationSettings, clock: SimulatedClock) -> AsyncIterator[Suite]:
    async with allocating(settings, clock) as running:
        yield running


class Watch:
    """A stream of splits under way, read one by one."""

    def __init__(self, suite: Suite, team: str = "", token: str = "") -> None:
        self._channel = connect(suite.app.server.address, [pb.DESCRIPTOR.services_by_name["SplitService"]])
        self._answers = aiter(SplitServiceStub(self._channel.grpc).WatchSplits(pb.WatchSplitsRequest(team=team, resume_token=token)))
        self.token = token

    async def next(self) -> pb.WatchSplitsResponse:
        async with asyncio.timeout(SECONDS):
            answer: pb.WatchSplitsResponse = await anext(self._answers)
            self.token = answer.resume_token or self.token
            return answer

    async def present(self) -> dict[str, float]:
        """Returns the shares told first, by team."""
        found: dict[str, float] = {}
        while (answer := await self.next()).HasField("split"):
            assert not answer.resume_token
            found[answer.split.team.removeprefix("teams/")] = answer.split.remediation_share
        assert answer.resume_token
        return found

    async def change(self) -> tuple[str, float]:
        while not (answer := await self.next()).HasField("split"):
            pass
        assert answer.resume_token
        return answer.split.team.removeprefix("teams/"), answer.split.remediation_share

    async def close(self) -> None:
        await self._channel.close()


async def raise_share(suite: Suite, *teams: str) -> None:
    await suite.deliver(made(assessment(*teams, at=suite.clock.now())))


@pytest.fixture
async def splits(suite: Suite) -> AsyncIterator[Any]:
    channel = connect(suite.app.server.address, [pb.DESCRIPTOR.services_by_name["SplitService"]])
    yield SplitServiceStub(channel.grpc)
    await channel.close()


async def test_splits_are_listed_by_team_page_after_page(suite: Suite, splits: Any) -> None:
    for name in ("c", "a", "b"):
        await suite.store_team(name)
    await raise_share(suite, "b")
    first = await splits.ListSplits(pb.ListSplitsRequest(page_size=2))
    second = await splits.ListSplits(pb.ListSplitsRequest(page_size=2, page_token=first.next_page_token))
    found = [(each.team, each.remediation_share) for page in (first, second) for each in page.splits]
    assert found == [("teams/a", BASE), ("teams/b", RAISED), ("teams/c", BASE)]
    assert (len(first.splits), second.next_page_token) == (2, "")
    assert first.splits[0] == await suite.split("a")
    with pytest.raises(InvalidInput) as refused:
        await splits.ListSplits(pb.ListSplitsRequest(page_token="guess"))
    assert refused.value.reason == "PAGE_TOKEN_INVALID"


async def test_a_stream_begins_with_what_holds_and_then_tells_each_change_within_a_second(suite: Suite) -> None:
    await suite.store_team("web")
    await suite.store_team("api")
    watch = Watch(suite)
    assert await watch.present() == {"api": BASE, "web": BASE}
    await raise_share(suite, "web")
    async with asyncio.timeout(1):
        assert await watch.change() == ("web", RAISED)
    await raise_share(suite, "web", "api")
    assert {await watch.change(), await watch.change()} == {("web", 0.433333), ("api", RAISED)}
    await watch.close()


async def test_a_stream_of_one_team_tells_of_no_other(suite: Suite) -> None:
    await suite.store_team("web")
    await suite.store_team("api")
    watch = Watch(suite, "teams/web")
    assert await watch.present() == {"web": BASE}
    await raise_share(suite, "api")
    await raise_share(suite, "web")
    assert await watch.change() == ("web", RAISED)
    await watch.close()


async def test_a_decision_that_holds_the_split_is_not_told(suite: Suite) -> None:
    await suite.store_team("web")
    watch = Watch(suite)
    await watch.present()
    request = allocation_messages_pb2.DecideSplitRequest(team="teams/web")
    assert (await suite.allocation.DecideSplit(request)).decision.after.decision != (await suite.decisions("web"))[0].name
    await raise_share(suite, "web")
    assert await watch.change() == ("web", RAISED)
    await watch.close()


async def test_a_stream_goes_on_right_after_its_token(suite: Suite) -> None:
    await suite.store_team("web")
    watch = Watch(suite)
    await watch.present()
    begin = watch.token
    await raise_share(suite, "web")
    await watch.change()
    middle = watch.token
    await watch.close()
    await raise_share(suite, "web")
    for token, expected in ((middle, [0.433333]), (begin, [RAISED, 0.433333])):
        again = Watch(suite, token=token)
        assert [(await again.change())[1] for _ in expected] == expected
        await again.close()


async def test_who_watches_in_pieces_ends_with_what_holds_and_saw_versions_grow(suite: Suite) -> None:
    """Streams are broken off at random while three teams' splits change, some in one transaction beside others."""
    chance = random.Random(3)
    names = ("a", "b", "c")
    for name in names:
        await suite.store_team(name)
    held: dict[str, pb.WatchSplitsResponse] = {}
    over = asyncio.Event()

    async def watch() -> None:
        token = ""
        while True:
            stream = Watch(suite, token=token)
            for _ in range(chance.randint(1, 6)):
                answer = await stream.next()
                if answer.HasField("split") and answer.version > (held[answer.split.team].version if answer.split.team in held else 0):
                    held[answer.split.team] = answer
                token = answer.resume_token or token
                now = {name: (await suite.split(name)).decision for name in names} if over.is_set() else {}
                if now and now == {team.removeprefix("teams/"): each.split.decision for team, each in held.items()}:
                    await stream.close()
                    return
            await stream.close()

    watching = asyncio.create_task(watch())
    for _ in range(12):
        await asyncio.gather(*(_change(suite, name) for name in names))
    over.set()
    await _change(suite, "a")  # for a last answer to be told
    async with asyncio.timeout(SECONDS):
        await watching


async def _change(suite: Suite, name: str) -> None:
    """Sets another split: a person more or less in the team, and a decision on that."""
    found = (await suite.allocation.GetTeam(allocation_messages_pb2.GetTeamRequest(name=f"teams/{name}"))).team
    found.members[0].weekly_hours = 20 + (found.members[0].weekly_hours + 1) % 20
    await suite.allocation.UpsertTeams(allocation_messages_pb2.UpsertTeamsRequest(teams=[found]))
    await suite.allocation.DecideSplit(allocation_messages_pb2.DecideSplitRequest(team=found.name))


async def test_a_change_that_another_overtook_is_not_told_after_it(suite: Suite) -> None:
    """As when the transaction of the later change began to write first: the feed goes by that."""
    await suite.store_team("web")
    watch = Watch(suite)
    await watch.present()
    await raise_share(suite, "web")
    assert await watch.change() == ("web", RAISED)
    again = """
        insert into outbox (id, aggregatetype, aggregateid, type, payload, aggregate_version, headers, event_time)
        select gen_random_uuid(), aggregatetype, aggregateid, type, payload, aggregate_version, headers, event_time
        from outbox where type = 'ballast.allocation.v1.DecisionMade' order by position
    """
    async with suite.app.database.transaction() as connection:
        await connection.execute(text(again))
    await raise_share(suite, "web")
    assert await watch.change() == ("web", 0.433333)
    await watch.close()


async def test_a_slow_caller_is_waited_for_and_misses_nothing(suite: Suite) -> None:
    await suite.store_team("slow")
    watch = Watch(suite)
    await watch.present()
    expected = []
    for _ in range(30):  # while nobody reads
        await _change(suite, "slow")
        expected.append((await suite.split("slow")).decision)
    found = [(await watch.next()).split.decision for _ in expected]
    assert found == expected
    await watch.close()


async def test_what_cannot_be_watched_is_refused_with_a_reason(suite: Suite) -> None:
    for name, token, kind, reason in (
        ("teams/nobody", "", NotFound, "TEAM_NOT_FOUND"),
        ("", "guess", InvalidInput, "RESUME_TOKEN_INVALID"),
        ("Web", "", InvalidInput, "FIELD_INVALID"),
    ):
        watch = Watch(suite, name, token)
        with pytest.raises(kind) as refused:
            await watch.next()
        assert refused.value.reason == reason
        await watch.close()


async def test_a_stream_ends_with_its_callers_deadline_and_with_its_service(
    suite: Suite, splits: Any, settings: AllocationSettings, clock: SimulatedClock
) -> None:
    await suite.store_team("ends")
    with pytest.raises(DeadlineExceeded):
        await _to_the_end(splits.WatchSplits(pb.WatchSplitsRequest(), timeout=0.5))
    async with allocating(settings, clock) as other:
        watch = Watch(other)
        await watch.present()
    with pytest.raises(Unavailable) as ended:
        await watch.next()
    assert ended.value.reason == "STREAM_ENDED"
    again = Watch(suite, token=watch.token)  # at another replica
    await raise_share(suite, "ends")
    assert await again.change() == ("ends", RAISED)
    await again.close()
    await watch.close()


async def test_a_team_that_has_not_begun_is_watched_from_its_first_split_on(suite: Suite) -> None:
    later = team("later", suite.clock.now() + timedelta(days=1))
    await suite.allocation.UpsertTeams(allocation_messages_pb2.UpsertTeamsRequest(teams=[later]))
    watch = Watch(suite, "teams/later")
    assert await watch.present() == {}
    await suite.advance(timedelta(days=2))
    assert await watch.change() == ("later", BASE)
    await watch.close()


async def _to_the_end(call: Any) -> None:
    async with asyncio.timeout(SECONDS):
        async for _ in call:
            pass
