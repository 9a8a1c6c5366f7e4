"""The catalogue of a running triage: imports, revisions, cycles, and how far a failure reaches."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from ballast.intake.v1 import incident_pb2
from ballast.triage.v1 import business_hours_pb2, catalogue_pb2, component_pb2, triage_events_pb2, triage_service_pb2
from ballast.triage.v1 import catalogue_service_pb2 as pb
from ballast.triage.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from ballast.triage.v1.triage_service_pb2_grpc import TriageServiceStub
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from google.type.money_pb2 import Money
from google.type.timeofday_pb2 import TimeOfDay
from sqlalchemy import text

from services.triage.app import build
from services.triage.settings import TriageSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import BallastError, Conflict, InvalidInput, NotFound
from tests.support.catalogue import component, entity
from tests.support.serving import Served, serving

if TYPE_CHECKING:  # exist for the type checker only
    from ballast.triage.v1.catalogue_service_pb2_grpc import CatalogueServiceAsyncStub
    from ballast.triage.v1.triage_service_pb2_grpc import TriageServiceAsyncStub

SERVICES = [triage_service_pb2.DESCRIPTOR.services_by_name["TriageService"], pb.DESCRIPTOR.services_by_name["CatalogueService"]]


@dataclass(frozen=True)
class Running:
    """A running triage and two ways into it."""

    served: Served
    catalogue: "CatalogueServiceAsyncStub"
    triage: "TriageServiceAsyncStub"

    async def land(self, *texts: str, **more: Any) -> pb.ImportSummary:
        files = [catalogue_pb2.CatalogueFile(name=f"{index}.yaml", yaml=each) for index, each in enumerate(texts, 1)]
        return (await self.answers(pb.ImportCatalogueRequest(files=files, **more)))[-1].summary

    async def answers(self, request: pb.ImportCatalogueRequest) -> list[pb.ImportCatalogueResponse]:
        return [each async for each in self.catalogue.ImportCatalogue(request)]

    async def get(self, name: str) -> component_pb2.Component:
        return (await self.triage.GetComponent(triage_service_pb2.GetComponentRequest(name=f"components/{name}"))).component

    async def upsert(self, *components: component_pb2.Component) -> None:
        await self.triage.UpsertComponents(triage_service_pb2.UpsertComponentsRequest(components=components))

    async def revisions(self, name: str, **more: Any) -> pb.ListComponentRevisionsResponse:
        return await self.catalogue.ListComponentRevisions(pb.ListComponentRevisionsRequest(name=f"components/{name}", **more))

    async def blast(self, name: str, **more: Any) -> pb.GetBlastRadiusResponse:
        return await self.catalogue.GetBlastRadius(pb.GetBlastRadiusRequest(name=f"components/{name}", **more))

    async def told(self, name: str) -> list[tuple[int, component_pb2.Component]]:
        """Returns the versions told of a component, with what was told."""
        async with self.served.app.database.transaction() as connection:
            rows = await connection.execute(
                text("select aggregate_version, payload from outbox where aggregateid = :name order by position"),
                {"name": f"components/{name}"},
            )
            return [(row.aggregate_version, _told(row.payload)) for row in rows]


def _told(payload: bytes) -> component_pb2.Component:
    from ballast.events.v1.cloudevents_pb2 import CloudEvent

    changed = triage_events_pb2.ComponentChanged()
    assert CloudEvent.FromString(payload).proto_data.Unpack(changed)
    return changed.component


def settings_of(urls: dict[str, str], engines: Engines) -> TriageSettings:
    return TriageSettings(port=0, database_url=urls["triage"], cache_url=engines.cache_url, subscribers={})


def running_on(served: Served) -> Running:
    return Running(served, CatalogueServiceStub(served.channel.grpc), TriageServiceStub(served.channel.grpc))


@pytest.fixture(scope="module")
async def running(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Running]:
    async with serving(build(settings_of(urls, engines), clock), SERVICES) as served:
        yield running_on(served)


@pytest.fixture
async def alone(own_urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Running]:
    """A triage with a catalogue of this test's own: for what concerns all components, such as cycles."""
    async with serving(build(settings_of(own_urls, engines), clock), SERVICES) as served:
        yield running_on(served)


def made(name: str, *needs: str, **more: Any) -> component_pb2.Component:
    return component_pb2.Component(name=f"components/{name}", dependencies=[f"components/{each}" for each in needs], **more)


def counts(summary: pb.ImportSummary) -> dict[str, tuple[int, int, int]]:
    return {each.kind: (each.created_count, each.changed_count, each.unchanged_count) for each in summary.counts}


# Imports.


async def test_good_documents_land_and_each_bad_one_says_where_and_why(running: Running) -> None:
    good = component("Land-Web", "land-db", annotations={"ballast.dev/tier": "high", "ballast.dev/users": "'5'"}, spec="system: land")
    bad = entity("Component", "land-bad", spec="type: service")
    summary = await running.land(
        good + bad + entity("System", "land"), "a: [\n" + entity("Group", "land-people") + entity("API", "land-api")
    )
    assert summary.document_count == 6
    assert counts(summary) == {"Component": (1, 0, 0), "System": (1, 0, 0), "Group": (1, 0, 0)}
    told = [(each.file, each.document, each.entity, [(it.field, it.line) for it in each.problems]) for each in summary.refusals]
    assert told == [("1.yaml", 2, "land-bad", [("spec.owner", 22)]), ("2.yaml", 1, "", [("", 2)])]
    assert [(each.file, each.document, each.kind, each.entity) for each in summary.kept_out] == [("2.yaml", 3, "API", "land-api")]
    assert (summary.refused_count, summary.kept_out_count) == (2, 1)
    stored = await running.get("land-web")
    assert (stored.owner_team, stored.tier, stored.users, stored.system) == ("teams/shop", component_pb2.TIER_HIGH, 5, "systems/land")
    assert (stored.lifecycle, list(stored.dependencies)) == ("production", ["components/land-db"])
    assert "components/land-db" in summary.missing
    with pytest.raises(NotFound):
        await running.get("land-bad")


async def test_importing_the_same_again_changes_nothing_and_tells_nobody(running: Running) -> None:
    file = component("again-a") + component("again-b") + entity("System", "again")
    first = await running.land(file)
    await running.land(component("again-b", "again-a"))
    second = await running.land(file)
    assert counts(first)["Component"] == (2, 0, 0)
    assert (counts(second)["Component"], counts(second)["System"]) == ((0, 1, 1), (0, 0, 1))
    assert [version for version, _ in await running.told("again-a")] == [1]
    assert [(version, len(it.dependencies)) for version, it in await running.told("again-b")] == [(1, 0), (2, 1), (3, 0)]


async def test_what_was_told_by_rpc_stays_where_the_file_says_nothing_of_it(running: Running) -> None:
    dear = Money(currency_code="USD", units=7)
    await running.upsert(made("mixed", tier=component_pb2.TIER_CRITICAL, revenue_per_minute=dear, users=3, display_name="Old"))
    await running.land(component("mixed", annotations={"ballast.dev/users": "unknown"}))
    after = await running.get("mixed")
    assert (after.tier, after.revenue_per_minute, after.display_name) == (component_pb2.TIER_CRITICAL, dear, "mixed")
    assert not after.HasField("users")


async def test_an_import_only_checked_says_the_same_and_stores_nothing(running: Running) -> None:
    file = component("check-a", "check-b") + component("check-b", "check-a") + entity("System", "check") + "---\n- x\n"
    checked = await running.land(file, validate_only=True)
    assert (checked.validate_only, counts(checked)["Component"], checked.refused_count) == (True, (2, 0, 0), 1)
    assert ["components/check-a", "components/check-b"] in [list(each.members) for each in checked.cycles]
    with pytest.raises(NotFound):
        await running.get("check-a")
    systems = await running.catalogue.ListSystems(pb.ListSystemsRequest(page_size=1000))
    assert "systems/check" not in [each.name for each in systems.systems]


async def test_a_request_id_repeated_returns_the_first_summary_alone(running: Running) -> None:
    files = [catalogue_pb2.CatalogueFile(name="f", yaml=component("repeated"))]
    request = pb.ImportCatalogueRequest(request_id=str(uuid.uuid4()), files=files)
    first = await running.answers(request)
    again = await running.answers(request)
    assert len(first) > 1
    assert again == first[-1:]
    assert [version for version, _ in await running.told("repeated")] == [1]
    with pytest.raises(InvalidInput) as refused:
        await running.answers(pb.ImportCatalogueRequest(request_id=request.request_id, files=[*files, *files]))
    assert refused.value.reason == "REQUEST_ID_REUSED"


async def test_progress_rises_to_the_end_and_the_summary_comes_last(running: Running) -> None:
    file = "".join(component(f"many-{number}", f"many-{number // 2}") for number in range(1, 1500))
    answers = await running.answers(pb.ImportCatalogueRequest(files=[catalogue_pb2.CatalogueFile(yaml=file)]))
    seen = [(each.progress.phase, each.progress.done_count) for each in answers]
    assert seen == sorted(seen)
    assert seen[-1] == (pb.IMPORT_PHASE_DONE, 1499)
    assert {phase for phase, _ in seen} >= {pb.IMPORT_PHASE_READING, pb.IMPORT_PHASE_DONE}
    assert [each.HasField("summary") for each in answers] == [False] * (len(answers) - 1) + [True]
    assert (await running.blast("many-1")).extent.dependent_count == 1498
    assert (await running.blast("many-1")).extent.depth == 10


async def test_more_documents_than_an_import_may_have_are_refused_whole(running: Running) -> None:
    with pytest.raises(InvalidInput) as refused:
        await running.land("--- a\n" * 50_001)
    assert refused.value.reason == "CATALOGUE_TOO_LARGE"


async def test_an_entity_of_another_namespace_does_not_take_the_place_of_one_held(running: Running) -> None:
    await running.land(component("spaced", metadata="namespace: one"), entity("Group", "spaced", metadata="namespace: one"))
    summary = await running.land(component("spaced", metadata="namespace: two"), entity("Group", "spaced"))
    assert [(each.file, "namespace one" in each.problems[0].description) for each in summary.refusals] == [
        ("2.yaml", True),
        ("1.yaml", True),
    ]
    assert (await running.get("spaced")).namespace == "one"


async def test_an_import_broken_off_by_its_caller_leaves_nothing(alone: Running) -> None:
    file = "".join(component(f"gone-{number}") for number in range(2000))
    call = alone.catalogue.ImportCatalogue(pb.ImportCatalogueRequest(files=[catalogue_pb2.CatalogueFile(yaml=file)]))
    async for _ in call:
        call.cancel()
        break
    await asyncio.sleep(0.2)
    summary = await alone.land(component("stays"))
    assert counts(summary)["Component"] == (1, 0, 0)
    listed = await alone.triage.ListComponents(triage_service_pb2.ListComponentsRequest())
    assert [each.name for each in listed.components] == ["components/stays"]


# Cycles.


async def test_cycles_land_are_listed_and_stop_no_other_change(alone: Running) -> None:
    await alone.land(component("x", "y") + component("y", "x") + component("self", "self") + component("plain", "x"))
    pages, token = [], ""
    while True:
        page = await alone.catalogue.ListDependencyCycles(pb.ListDependencyCyclesRequest(page_size=1, page_token=token))
        pages += [[(list(each.members), list(each.path)) for each in page.cycles]]
        token = page.next_page_token
        if not token:
            break
    assert pages == [
        [(["components/self"], ["components/self", "components/self"])],
        [(["components/x", "components/y"], ["components/x", "components/y", "components/x"])],
    ]
    await alone.upsert(made("x", "y", display_name="X"), made("other", "x"))
    with pytest.raises(InvalidInput) as refused:
        await alone.upsert(made("y", "x", "other"))
    assert refused.value.reason == "DEPENDENCY_CYCLE"
    assert [each.name for each in (await alone.blast("x")).dependents] == ["components/other", "components/plain", "components/y"]
    await alone.upsert(made("y"))
    left = (await alone.catalogue.ListDependencyCycles(pb.ListDependencyCyclesRequest())).cycles
    assert [list(each.members) for each in left] == [["components/self"]]


# Blast radius.


async def test_the_blast_radius_is_paged_with_the_whole_extent_on_every_page(running: Running) -> None:
    await running.upsert(
        made("b-db", owner_team="teams/b-data", users=5),
        made("b-cart", "b-db", owner_team="teams/b-shop", users=10, revenue_per_minute=Money(currency_code="USD", units=100)),
        made("b-web", "b-cart", tier=component_pb2.TIER_HIGH, owner_team="teams/b-shop"),
        made("b-app", "b-web", "b-db"),
        made("b-report", "b-web", revenue_per_minute=Money(currency_code="EUR", nanos=500_000_000)),
    )
    first = await running.blast("b-db", page_size=3)
    second = await running.blast("b-db", page_size=3, page_token=first.next_page_token)
    found = [
        (each.name.removeprefix("components/b-"), each.depth, each.via.removeprefix("components/b-"))
        for each in [*first.dependents, *second.dependents]
    ]
    assert found == [("app", 1, "db"), ("cart", 1, "db"), ("web", 2, "cart"), ("report", 3, "web")]
    assert second.next_page_token == ""
    extent = first.extent
    assert second.extent == extent
    assert (extent.dependent_count, extent.depth, extent.unowned_count, extent.unknown) == (4, 3, 2, False)
    assert [(each.team, each.component_count) for each in extent.teams] == [("teams/b-shop", 2), ("teams/b-data", 1)]
    assert [(each.tier, each.component_count) for each in extent.tiers] == [
        (component_pb2.TIER_HIGH, 1),
        (component_pb2.TIER_UNSPECIFIED, 4),
    ]
    assert (extent.users, extent.users_unknown_count, extent.revenue_unknown_count) == (15, 3, 3)
    assert [(each.currency_code, each.units, each.nanos) for each in extent.revenue_per_minute] == [
        ("EUR", 0, 500_000_000),
        ("USD", 100, 0),
    ]
    assert (await running.blast("b-db", max_depth=1)).extent.dependent_count == 2


async def test_the_blast_radius_of_what_nobody_knows_is_refused_and_that_of_what_is_only_needed_is_not(running: Running) -> None:
    with pytest.raises(NotFound) as missing:
        await running.blast("nobody")
    assert missing.value.reason == "COMPONENT_NOT_FOUND"
    await running.upsert(made("needs-ghost", "ghost"))
    assert (await running.blast("ghost")).extent.unknown
    page = await running.blast("ghost", page_size=1)
    with pytest.raises(InvalidInput) as refused:
        await running.blast("needs-ghost", page_token="bm9uZQ" + page.next_page_token)
    assert refused.value.reason == "PAGE_TOKEN_INVALID"


async def test_another_replica_sees_a_change_at_once_in_graph_and_score(
    running: Running, urls: dict[str, str], engines: Engines, clock: SimulatedClock
) -> None:
    async with serving(build(settings_of(urls, engines), clock), SERVICES) as served:
        peer = running_on(served)
        await running.upsert(made("peer-db"))
        assert (await peer.blast("peer-db")).extent.dependent_count == 0
        await running.upsert(made("peer-web", "peer-db"), made("peer-app", "peer-web"))
        assert (await peer.blast("peer-db")).extent.dependent_count == 2
        request = triage_service_pb2.SimulateAssessmentRequest(components=["peer-db"])
        term = {each.feature: each.value for each in (await peer.triage.SimulateAssessment(request)).assessment.terms}["dependents"]
        assert term == "2"
        await peer.catalogue.DeleteComponent(pb.DeleteComponentRequest(name="components/peer-app"))
        assert (await running.blast("peer-db")).extent.dependent_count == 1
        await running.land(component("peer-app", "peer-db", annotations={"ballast.dev/users": "'4'"}) + component("peer-web"))
        found = await peer.blast("peer-db")
        assert [(each.name, each.depth) for each in found.dependents] == [("components/peer-app", 1)]
        assert found.extent.users == 4


# Revisions.


async def test_every_change_of_a_component_stays_readable_with_who_made_it(running: Running, clock: SimulatedClock) -> None:
    await running.upsert(made("was", "was-db", display_name="One", revenue_per_minute=Money(currency_code="USD", units=10**11, nanos=1)))
    await running.land(component("was", metadata="labels: {a: b}"))
    await running.upsert(made("was", display_name="Three"))
    found = (await running.revisions("was")).revisions
    assert [(each.revision, each.change) for each in found] == [
        (3, catalogue_pb2.COMPONENT_CHANGE_UPSERTED),
        (2, catalogue_pb2.COMPONENT_CHANGE_IMPORTED),
        (1, catalogue_pb2.COMPONENT_CHANGE_UPSERTED),
    ]
    assert {each.author for each in found} == {"ada"}
    assert [each.component.display_name for each in found] == ["Three", "was", "One"]
    assert dict(found[1].component.labels) == {"a": "b"}
    assert found[2].component.revenue_per_minute == Money(currency_code="USD", units=10**11, nanos=1)
    assert found[0].component == await running.get("was")
    one = (await running.catalogue.GetComponentRevision(pb.GetComponentRevisionRequest(name="components/was", revision=2))).revision
    assert one == found[1]
    first = await running.revisions("was", page_size=2)
    rest = await running.revisions("was", page_size=2, page_token=first.next_page_token)
    assert [each.revision for each in [*first.revisions, *rest.revisions]] == [3, 2, 1]
    with pytest.raises(NotFound) as missing:
        await running.catalogue.GetComponentRevision(pb.GetComponentRevisionRequest(name="components/was", revision=4))
    assert missing.value.reason == "COMPONENT_REVISION_NOT_FOUND"


async def test_a_deleted_component_is_gone_its_revisions_stay_and_a_new_one_goes_on_counting(running: Running) -> None:
    await running.upsert(made("late", "late-db", display_name="First"))
    request = pb.DeleteComponentRequest(request_id=str(uuid.uuid4()), name="components/late")
    with pytest.raises(Conflict):
        await running.catalogue.DeleteComponent(pb.DeleteComponentRequest(name="components/late", etag="v7"))
    gone = (await running.catalogue.DeleteComponent(request)).revision
    assert (gone.revision, gone.change, gone.component.display_name) == (2, catalogue_pb2.COMPONENT_CHANGE_DELETED, "First")
    assert (await running.catalogue.DeleteComponent(request)).revision == gone
    for call in (running.get("late"), running.catalogue.DeleteComponent(pb.DeleteComponentRequest(name="components/late"))):
        with pytest.raises(NotFound) as missing:
            await call
        assert missing.value.reason == "COMPONENT_NOT_FOUND"
    await running.upsert(made("late", display_name="Second"))
    assert (await running.get("late")).etag == "v3"
    assert [each.revision for each in (await running.revisions("late")).revisions] == [3, 2, 1]
    told = await running.told("late")
    assert [(version, it.display_name, len(it.dependencies)) for version, it in told] == [
        (1, "First", 1),
        (2, "First", 0),
        (3, "Second", 0),
    ]


async def test_revisions_of_a_component_that_never_was_are_refused(running: Running) -> None:
    with pytest.raises(NotFound):
        await running.revisions("never")


# Systems and groups.


async def test_systems_and_groups_are_listed_in_pages(running: Running) -> None:
    names = [f"list-{letter}" for letter in "bca"]
    await running.land(
        "".join(entity("System", each, spec="owner: listed\ndomain: d") + entity("Group", each, spec="type: team") for each in names)
    )
    first = await running.catalogue.ListSystems(pb.ListSystemsRequest(owner_team="teams/listed", page_size=2))
    rest = await running.catalogue.ListSystems(
        pb.ListSystemsRequest(owner_team="teams/listed", page_size=2, page_token=first.next_page_token)
    )
    assert [each.name for each in [*first.systems, *rest.systems]] == ["systems/list-a", "systems/list-b", "systems/list-c"]
    assert first.systems[0].domain == "domains/d"
    groups = (await running.catalogue.ListGroups(pb.ListGroupsRequest(page_size=1000))).groups
    assert [(each.name, each.type) for each in groups if each.name.startswith("teams/list-")] == [
        (f"teams/list-{letter}", "team") for letter in "abc"
    ]


# Business hours.


def hours(**more: Any) -> business_hours_pb2.BusinessHours:
    told: dict[str, Any] = {"time_zone": "Asia/Tokyo", "days": [6], "opens": TimeOfDay(hours=9), "closes": TimeOfDay(hours=24)}
    return business_hours_pb2.BusinessHours(**(told | more))


async def test_business_hours_are_kept_and_decide_that_term_of_the_score(running: Running) -> None:
    await running.upsert(made("tokyo", business_hours=hours(holidays=[Date(year=2026, month=3, day=14)])), made("plain"))
    stored = (await running.get("tokyo")).business_hours
    assert (stored.time_zone, list(stored.days), stored.opens.hours, stored.closes.hours) == ("Asia/Tokyo", [6], 9, 0)

    async def is_open(name: str, day: int, hour: int) -> str:
        at = Timestamp()
        at.FromJsonString(f"2026-03-{day:02}T{hour:02}:30:00Z")
        request = triage_service_pb2.SimulateAssessmentRequest(components=[name], opened_at=at, evidence=incident_pb2.Evidence())
        terms = (await running.triage.SimulateAssessment(request)).assessment.terms
        return {each.feature: each.value for each in terms}["business_hours"]

    yes, no = await is_open("plain", 9, 10), await is_open("plain", 7, 10)
    assert yes != no
    assert [await is_open("tokyo", 7, hour) for hour in (0, 14, 15)] == [yes, yes, no]  # a Saturday until midnight in Tokyo
    assert await is_open("tokyo", 14, 5) == no  # a holiday


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"opens": TimeOfDay(hours=24)}, "components[1].business_hours.opens"),
        ({"closes": TimeOfDay(hours=9, seconds=1)}, "components[1].business_hours.closes"),
        ({"time_zone": "Tokyo"}, "components[1].business_hours.time_zone"),
        ({"holidays": [Date(year=2026)]}, "components[1].business_hours.holidays[0]"),
        ({"days": []}, "components[1].business_hours.days"),
    ],
)
async def test_business_hours_that_cannot_be_are_refused_by_field(running: Running, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(BallastError) as refused:
        await running.upsert(made("fine"), made("odd", business_hours=hours(**wrong)))
    assert isinstance(refused.value, InvalidInput)
    assert [each.field for each in refused.value.violations] == [field]
