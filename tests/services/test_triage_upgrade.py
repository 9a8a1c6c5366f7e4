"""A triage that already held something when it was brought to the newest version: it is there, as the newest version has it."""

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


_INCIDENTS = """
    insert into assessment
        (id, incident, incident_version, revision, severity, incident_state, teams, component_names, opened_at, class, snapshot)
    values
        (gen_random_uuid(), 'incidents/1', 1, 1, 2, 3, '{}', '{}', $1, 'abcdef0123456789', '{"signal": "", "title": "Disk 95% full"}')
"""
_BUDGET_INCIDENTS = """
    insert into budget_incident (incident, version, incident_class, cause, cause_ref, components, opened_at)
    values ('incidents/1', 1, 'team=shop, component=web', 1, '', array['components/web'], $1),
           ('incidents/2', 1, 'team=shop', 1, '', '{}', $1)
"""
_DUTIES = """
    insert into budget_duty (slo, objective, kind, about, raised_at)
    values ('slos/web', 0, 2, '2026Q1 team=shop, component=web', $1), ('slos/web', 0, 1, 'incidents/1', $1)
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


async def test_what_budgets_held_of_classes_has_the_class_that_assessments_have(engines: Engines, tmp_path: Path) -> None:
    (tmp_path / "versions").mkdir()
    for released in sorted(MIGRATIONS.glob("versions/*.py"))[:7]:
        shutil.copy(released, tmp_path / "versions")
    url = (await provision(engines.database_url, "triage_classes", ["triage"], fresh=True))["triage"]
    await migrate(url, "triage", tmp_path)
    connection = await connect_raw(url, "triage")
    for statement in (_INCIDENTS, _BUDGET_INCIDENTS, _DUTIES):
        await connection.execute(statement, START)
    await migrate(url, "triage", MIGRATIONS)
    held = await connection.fetch("select incident, incident_class, class_title from budget_incident order by incident")
    raised = await connection.fetch("select about from budget_duty where kind = 2 order by about")
    await connection.close()
    assert [tuple(row) for row in held] == [("incidents/1", "abcdef0123456789", "disk #% full of web"), ("incidents/2", "", "")]
    # A duty raised for it before is not raised again under its new name.
    assert "2026Q1 abcdef0123456789" in [row[0] for row in raised]
