"""A triage that already held components when it was brought to the newest version: they are there, and have a first revision."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from ballast.triage.v1 import catalogue_pb2
from ballast.triage.v1 import catalogue_service_pb2 as pb
from ballast.triage.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from ballast.triage.v1.triage_service_pb2 import GetComponentRequest
from ballast.triage.v1.triage_service_pb2_grpc import TriageServiceStub
from google.type.money_pb2 import Money

from services.triage.app import build
from services.triage.settings import TriageSettings
from services.triage.storage.tables import MIGRATIONS
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.storage.database import connect_raw
from shared.storage.migrations import migrate
from shared.storage.provision import provision
from tests.conftest import START
from tests.support.serving import Served, serving

_COMPONENTS = """
    insert into component (name, version, display_name, owner_team, revenue_amount, revenue_currency, dependencies, created_at, updated_at)
    values ('components/old', 4, 'Old', 'teams/old', 1.5, 'USD', array['components/older'], $1, $1),
           ('components/older', 1, '', '', null, null, '{}', $1, $1)
"""


@pytest.fixture
async def upgraded(engines: Engines, clock: SimulatedClock, tmp_path: Path) -> AsyncIterator[Served]:
    (tmp_path / "versions").mkdir()
    shutil.copy(next(MIGRATIONS.glob("versions/0001_*.py")), tmp_path / "versions")
    url = (await provision(engines.database_url, "triage_upgraded", ["triage"], fresh=True))["triage"]
    await migrate(url, "triage", tmp_path)
    connection = await connect_raw(url, "triage")
    await connection.execute(_COMPONENTS, START)
    await connection.close()
    settings = TriageSettings(port=0, database_url=url, cache_url=engines.cache_url, subscribers={})
    async with serving(build(settings, clock), []) as served:
        yield served


async def test_components_of_before_are_there_with_the_version_they_had_as_their_first_revision(upgraded: Served) -> None:
    triage, catalogue = TriageServiceStub(upgraded.channel.grpc), CatalogueServiceStub(upgraded.channel.grpc)
    component = (await triage.GetComponent(GetComponentRequest(name="components/old"))).component
    assert (component.etag, component.lifecycle, component.revenue_per_minute.units) == ("v4", "", 1)
    (revision,) = (await catalogue.ListComponentRevisions(pb.ListComponentRevisionsRequest(name="components/old"))).revisions
    assert (revision.revision, revision.change, revision.author) == (4, catalogue_pb2.COMPONENT_CHANGE_UNSPECIFIED, "")
    assert revision.component == component
    assert revision.component.revenue_per_minute == Money(currency_code="USD", units=1, nanos=500_000_000)
    radius = await catalogue.GetBlastRadius(pb.GetBlastRadiusRequest(name="components/older"))
    assert [each.name for each in radius.dependents] == ["components/old"]
