"""Storing and reading components of a running triage."""

import asyncio
import contextvars
import uuid
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest
from ballast.triage.v1 import component_pb2
from ballast.triage.v1 import triage_service_pb2 as pb
from ballast.triage.v1.triage_service_pb2_grpc import TriageServiceStub
from google.type.money_pb2 import Money

from services.triage.app import build
from services.triage.domain.component import Component
from services.triage.settings import TriageSettings
from services.triage.storage.component_store import ComponentStore
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import Conflict, InvalidInput, NotFound
from tests.conftest import START
from tests.support.serving import Served, serving

if TYPE_CHECKING:
    from ballast.triage.v1.triage_service_pb2_grpc import TriageServiceAsyncStub  # exists for the type checker only

TRIAGE = pb.DESCRIPTOR.services_by_name["TriageService"]


@pytest.fixture(scope="module")
async def served(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Served]:
    settings = TriageSettings(port=0, database_url=urls["triage"], cache_url=engines.cache_url, subscribers={})
    async with serving(build(settings, clock), [TRIAGE]) as running:
        yield running


@pytest.fixture(scope="module")
def triage(served: Served) -> "TriageServiceAsyncStub":
    return TriageServiceStub(served.channel.grpc)


def component(name: str, *needs: str, **more: Any) -> component_pb2.Component:
    return component_pb2.Component(name=f"components/{name}", dependencies=[f"components/{each}" for each in needs], **more)


async def upsert(triage: "TriageServiceAsyncStub", *components: component_pb2.Component) -> list[component_pb2.Component]:
    return list((await triage.UpsertComponents(pb.UpsertComponentsRequest(components=components))).components)


async def get(triage: "TriageServiceAsyncStub", name: str) -> component_pb2.Component:
    return (await triage.GetComponent(pb.GetComponentRequest(name=f"components/{name}"))).component


async def test_a_component_is_read_as_it_was_stored(triage: "TriageServiceAsyncStub") -> None:
    sent = component(
        "whole",
        "whole-db",
        display_name="Whole",
        owner_team="teams/whole",
        tier=component_pb2.TIER_CRITICAL,
        revenue_per_minute=Money(currency_code="EUR", units=12, nanos=500_000_000),
        users=0,
    )
    stored = (await upsert(triage, sent))[0]
    read = await get(triage, "whole")
    assert read == stored
    for field in ("display_name", "owner_team", "tier", "revenue_per_minute", "dependencies", "users"):
        assert getattr(read, field) == getattr(sent, field)
    assert read.HasField("users")


async def test_what_is_not_said_of_a_component_stays_unknown(triage: "TriageServiceAsyncStub") -> None:
    read = (await upsert(triage, component("bare")))[0]
    assert not read.HasField("users")
    assert not read.HasField("revenue_per_minute")
    assert read.tier == component_pb2.TIER_UNSPECIFIED


async def test_storing_the_same_again_changes_nothing(triage: "TriageServiceAsyncStub") -> None:
    first = await upsert(triage, component("same", "x", "y"))
    assert await upsert(triage, component("same", "y", "x")) == first


async def test_a_change_needs_the_etag_it_was_made_on(triage: "TriageServiceAsyncStub") -> None:
    first = (await upsert(triage, component("moved")))[0]
    await upsert(triage, component("moved", display_name="Moved"))
    with pytest.raises(Conflict) as refused:
        await upsert(triage, component("fresh"), component("moved", display_name="Late", etag=first.etag))
    assert refused.value.reason == "ETAG_MISMATCH"
    assert (await get(triage, "moved")).display_name == "Moved"
    with pytest.raises(NotFound):
        await get(triage, "fresh")


async def test_a_cycle_through_the_catalogue_is_refused_whole_and_named(triage: "TriageServiceAsyncStub") -> None:
    await upsert(triage, component("c-web", "c-cart"), component("c-cart", "c-db"))
    with pytest.raises(InvalidInput) as refused:
        await upsert(triage, component("c-new"), component("c-db", "c-web"))
    assert refused.value.reason == "DEPENDENCY_CYCLE"
    cycle = refused.value.metadata["cycle"].split(" -> ")
    assert set(cycle) == {"components/c-web", "components/c-cart", "components/c-db"}
    assert cycle[0] == cycle[-1]
    with pytest.raises(NotFound):
        await get(triage, "c-new")


async def test_a_cycle_is_broken_and_closed_elsewhere_in_one_batch(triage: "TriageServiceAsyncStub") -> None:
    await upsert(triage, component("t-a", "t-b"), component("t-b"))
    turned = await upsert(triage, component("t-b", "t-a"), component("t-a"))
    assert [list(each.dependencies) for each in turned] == [["components/t-a"], []]


async def test_two_changes_at_once_cannot_close_a_cycle_together(served: Served, triage: "TriageServiceAsyncStub") -> None:
    store = ComponentStore(served.app.database, served.app.outbox)
    async with served.app.database.transaction():
        await store.upsert([Component("components/r-a", dependencies=("components/r-b",))], {}, START)
        # In a context of its own: this one carries the open transaction.
        other = asyncio.create_task(upsert(triage, component("r-b", "r-a")), context=contextvars.Context())
        await asyncio.sleep(0.5)
        assert not other.done()
    with pytest.raises(InvalidInput) as refused:
        await other
    assert refused.value.reason == "DEPENDENCY_CYCLE"


async def test_a_component_that_is_not_there_says_so(triage: "TriageServiceAsyncStub") -> None:
    with pytest.raises(NotFound) as missing:
        await get(triage, "nowhere")
    assert missing.value.reason == "COMPONENT_NOT_FOUND"


async def test_negative_revenue_is_refused_by_field(triage: "TriageServiceAsyncStub") -> None:
    with pytest.raises(InvalidInput) as refused:
        await upsert(triage, component("debt", revenue_per_minute=Money(currency_code="USD", units=-1)))
    assert [each.field for each in refused.value.violations] == ["components[0].revenue_per_minute"]


async def test_components_of_a_team_are_listed_by_name_in_pages(triage: "TriageServiceAsyncStub") -> None:
    await upsert(triage, *(component(f"p-{letter}", owner_team="teams/pages") for letter in "cabed"))
    names, token = [], ""
    while True:
        page = await triage.ListComponents(pb.ListComponentsRequest(owner_team="teams/pages", page_size=2, page_token=token))
        names += [each.name for each in page.components]
        token = page.next_page_token
        if not token:
            break
    assert names == [f"components/p-{letter}" for letter in "abcde"]


async def test_a_page_token_of_another_list_is_refused(triage: "TriageServiceAsyncStub") -> None:
    await upsert(triage, *(component(f"q-{letter}", owner_team="teams/other") for letter in "ab"))
    page = await triage.ListComponents(pb.ListComponentsRequest(owner_team="teams/other", page_size=1))
    with pytest.raises(InvalidInput) as refused:
        await triage.ListComponents(pb.ListComponentsRequest(page_size=1, page_token=page.next_page_token))
    assert refused.value.reason == "PAGE_TOKEN_INVALID"


async def test_a_request_id_repeated_returns_the_first_answer(triage: "TriageServiceAsyncStub") -> None:
    request = pb.UpsertComponentsRequest(request_id=str(uuid.uuid4()), components=[component("once", display_name="First")])
    first = await triage.UpsertComponents(request)
    await upsert(triage, component("once", display_name="Second"))
    assert await triage.UpsertComponents(request) == first
    assert (await get(triage, "once")).display_name == "Second"
