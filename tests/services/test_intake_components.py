"""Dependencies of components as intake hears of them: the newest version counts, and the graph moves on with it."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from ballast.events.v1 import event_sink_service_pb2 as sink_pb
from ballast.events.v1.event_sink_service_pb2_grpc import EventSinkServiceStub
from ballast.triage.v1 import triage_events_pb2, triage_service_pb2
from ballast.triage.v1.component_pb2 import Component
from ballast.triage.v1.triage_service_pb2_grpc import TriageServiceStub

from services.intake.app import build
from services.intake.settings import IntakeSettings
from services.intake.storage.dependency_store import DependencyStore
from services.intake.storage.grouping_store import GroupingStore
from services.intake.storage.routing_store import RoutingStore
from services.intake.usecases.grouping import GroupingRules
from services.triage import app as triage
from services.triage.settings import TriageSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput
from shared.events.event import EncodedEvent, Outcome, cloud_event
from shared.settings import Subscriber
from tests.support.serving import Served, serving
from tests.support.waiting import until

SINK = sink_pb.DESCRIPTOR.services_by_name["EventSinkService"]
TRIAGE = triage_service_pb2.DESCRIPTOR.services_by_name["TriageService"]
TYPE = triage_events_pb2.ComponentChanged.DESCRIPTOR.full_name


@pytest.fixture(scope="module")
async def served(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Served]:
    settings = IntakeSettings(port=0, database_url=urls["intake"], cache_url=engines.cache_url, subscribers={})
    async with serving(build(settings, clock), [SINK]) as running:
        yield running


async def tell(served: Served, component: str, *needs: str, version: int, event_id: str = "") -> int:
    """Delivers an event on this component; returns what became of it."""
    name = f"components/{component}" if component else ""
    data = triage_events_pb2.ComponentChanged(component=Component(name=name, dependencies=[f"components/{each}" for each in needs]))
    event = cloud_event(event_id or str(uuid.uuid4()), "/ballast/triage", EncodedEvent(name, version, data, datetime.now(UTC)), {})
    request = sink_pb.DeliverRequest()
    request.batch.events.append(event)
    return (await EventSinkServiceStub(served.channel.grpc).Deliver(request)).outcomes[0]


async def version(served: Served) -> int:
    return (await RoutingStore(served.app.database).versions())["dependency"]


async def needed(served: Served, component: str) -> tuple[str, ...]:
    return (await DependencyStore(served.app.database).graph()).dependencies_of(component)


async def test_what_a_component_needs_is_kept_and_the_version_moves_on(served: Served) -> None:
    before = await version(served)
    assert await tell(served, "web", "api", "cdn", version=1) == Outcome.ACCEPTED
    assert await tell(served, "api", "db", version=1) == Outcome.ACCEPTED
    assert await needed(served, "web") == ("api", "cdn", "db")
    assert await version(served) == before + 2


async def test_an_older_version_changes_nothing(served: Served) -> None:
    await tell(served, "late", "new", version=5)
    before = await version(served)
    assert await tell(served, "late", "old", version=4) == Outcome.STALE
    assert await needed(served, "late") == ("new",)
    assert await version(served) == before


async def test_a_change_of_something_else_leaves_the_version_alone(served: Served) -> None:
    await tell(served, "same", "db", version=1)
    await tell(served, "alone", version=1)
    before = await version(served)
    assert await tell(served, "same", "db", version=2) == Outcome.ACCEPTED
    assert await tell(served, "alone", version=2) == Outcome.ACCEPTED
    assert await version(served) == before
    assert await tell(served, "same", version=3) == Outcome.ACCEPTED
    assert await needed(served, "same") == ()
    assert await version(served) == before + 1


async def test_an_event_delivered_twice_counts_once(served: Served) -> None:
    event_id = str(uuid.uuid4())
    assert await tell(served, "twice", "a", version=1, event_id=event_id) == Outcome.ACCEPTED
    assert await tell(served, "twice", "b", version=9, event_id=event_id) == Outcome.ACCEPTED
    assert await needed(served, "twice") == ("a",)


async def test_a_component_without_a_name_is_refused(served: Served) -> None:
    with pytest.raises(InvalidInput) as refused:
        await tell(served, "", "db", version=1)
    assert refused.value.reason == "EVENT_MALFORMED"
    assert [each.field for each in refused.value.violations] == ["component.name"]


async def test_the_graph_is_read_again_only_when_it_changed(served: Served, clock: SimulatedClock) -> None:
    store = GroupingStore(served.app.database, served.app.outbox)
    rules = GroupingRules(store, DependencyStore(served.app.database), clock, ("component",))
    await tell(served, "read", "one", version=1)
    first = await rules.graph(await version(served))
    assert await rules.graph(await version(served)) is first
    await tell(served, "read", "two", version=2)
    assert (await rules.graph(await version(served))).dependencies_of("read") == ("two",)


async def test_what_triage_stores_reaches_intake(served: Served, urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> None:
    wanted = TriageSettings(port=0).subscribers["intake"]
    assert (wanted.address, wanted.types) == ("127.0.0.1:7101", (TYPE,))
    subscribers = {"intake": Subscriber(address=served.app.server.address, types=wanted.types)}
    settings = TriageSettings(port=0, database_url=urls["triage"], cache_url=engines.cache_url, subscribers=subscribers)
    async with serving(triage.build(settings, clock), [TRIAGE]) as running:
        component = Component(name="components/stored", dependencies=["components/stored-db"])
        request = triage_service_pb2.UpsertComponentsRequest(components=[component])
        await TriageServiceStub(running.channel.grpc).UpsertComponents(request)

        async def arrived() -> bool:
            return await needed(served, "stored") == ("stored-db",)

        await until(arrived)
