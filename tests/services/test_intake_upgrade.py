"""An intake that already held alerts and incidents when it was brought to the newest version: nothing of them is lost."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from ballast.intake.v1 import incident_pb2
from ballast.intake.v1 import intake_service_pb2 as pb

from services.intake.storage.tables import MIGRATIONS
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.storage.database import connect_raw
from shared.storage.migrations import migrate
from shared.storage.provision import provision
from tests.conftest import START
from tests.support.intake import Intake, intake_serving, report

GROUP = '[["component","{}"]]'
OVER, OPEN, ALONE = (f"incidents/{UUID(int=number)}" for number in (1, 2, 3))
_INCIDENT = """
    insert into incident (id, version, state, title, summary, group_key, group_labels, components, opened_at, resolved_at, last_ended_at,
                          alert_count, firing_count, evidence, created_at, updated_at)
    values ($1, 3, $2, 'as it was', '', $3, '[]', $4, $5, $6, $6, 1, $7, '{}', $5, $5)
"""
_ALERT = """
    insert into alert (id, incident_id, fingerprint, source, labels, annotations, state, starts_at, ends_at, generator_url, report_count,
                       created_at, updated_at)
    values ($1, $1, $2, 'test', $3, '{}', $4, $5, $6, '', 1, $5, $5)
"""


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrations as they were before incidents had lives."""
    scripts: Path = tmp_path_factory.mktemp("first")
    (scripts / "versions").mkdir()
    shutil.copy(next(MIGRATIONS.glob("versions/0001_*.py")), scripts / "versions")
    return scripts


@pytest.fixture(scope="module")
async def intake(engines: Engines, clock: SimulatedClock, first: Path) -> AsyncIterator[Intake]:
    urls = await provision(engines.database_url, "upgraded", ["intake"], fresh=True)
    await migrate(urls["intake"], "intake", first)
    await _fill(urls["intake"])
    async with intake_serving(urls, engines, clock) as running:
        yield running


async def _fill(url: str) -> None:
    """Two incidents of one group, of which the one that is open began first, and one of another."""
    connection = await connect_raw(url, "intake")
    rows = ((1, 3, "web", 10, 20), (2, 1, "web", 5, None), (3, 3, "db", 7, 9))
    for number, state, component, begin, end in rows:
        opened, ended = report("x", begin).starts_at, None if end is None else report("x", end).starts_at
        times = opened.ToDatetime(tzinfo=START.tzinfo), None if ended is None else ended.ToDatetime(tzinfo=START.tzinfo)
        key = GROUP.format(component)
        await connection.execute(_INCIDENT, UUID(int=number), state, key, [component], *times, int(end is None))
        labels = f'{{"component": "{component}", "host": "{number}"}}'
        await connection.execute(_ALERT, UUID(int=number), UUID(int=number), labels, 1 if end is None else 2, *times)
    await connection.close()


async def test_incidents_are_as_they_were(intake: Intake) -> None:
    found = [await intake.incident(name) for name in (OVER, OPEN, ALONE)]
    assert [(each.title, each.etag, each.kind, each.alert_count) for each in found] == [
        ("as it was", "v3", incident_pb2.INCIDENT_KIND_ALERTS, 1)
    ] * 3
    assert [[alert.name.rpartition("/")[2] for alert in await intake.alerts(each.name)] for each in found] == [
        [name.rpartition("/")[2]] for name in (OVER, OPEN, ALONE)
    ]


async def test_incidents_are_found_by_component_and_state(intake: Intake) -> None:
    async def listed(**conditions: object) -> list[str]:
        request = pb.ListIncidentsRequest(filter=pb.IncidentFilter(**conditions))  # type: ignore[arg-type]
        return [each.name for each in (await intake.rpc.ListIncidents(request)).incidents]

    assert await listed(components=["web"]) == [OVER, OPEN]
    assert await listed(components=["web"], states=[incident_pb2.INCIDENT_STATE_OPEN]) == [OPEN]
    assert await listed(components=["db", "web"], states=[incident_pb2.INCIDENT_STATE_RESOLVED]) == [OVER, ALONE]


async def test_new_alerts_of_a_group_join_the_incident_that_was_open(intake: Intake) -> None:
    receipts = await intake.send(report("web", 30, host="other"), report("db", 500, host="other"))
    assert receipts[0].incident == OPEN
    assert receipts[1].incident not in {OVER, OPEN, ALONE}
