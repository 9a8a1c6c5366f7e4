"""Who called what is counted as calls end, and told by one event every so often."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from ballast.events.v1 import event_sink_service_pb2
from ballast.events.v1.access_observed_pb2 import AccessObserved, AccessRow
from ballast.events.v1.cloudevents_pb2 import CloudEvent
from ballast.events.v1.event_sink_service_pb2_grpc import EventSinkServiceStub
from ballast.intake.v1 import alert_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceStub
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from sqlalchemy import text

from services.intake.app import build
from services.intake.settings import IntakeSettings
from shared.app import App
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import BallastError
from shared.rpc.client import ClientCredentials, connect
from shared.storage.database import Database
from tests.support.certificates import HERE, Authority, spiffe
from tests.support.tokens import ISSUER, Issuer
from tests.support.waiting import until

LIST = "ballast.intake.v1.IntakeService/ListIncidents"
REPORT = "ballast.intake.v1.IntakeService/ReportAlerts"
DELIVER = "ballast.events.v1.EventSinkService/Deliver"
REPORTED = alert_pb2.AlertReport(labels={"a": "b"})
OFTEN = {"access_log_seconds": 0.05}
NEVER_BY_ITSELF = {"access_log_seconds": 86_400}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    return Issuer(tmp_path_factory.mktemp("issuer"))


class Doors:
    """An intake that knows services by certificate and people by token."""

    def __init__(self, app: App, authority: Authority, issuer: Issuer) -> None:
        self.app = app
        self._authority = authority
        self._issuer = issuer

    async def call(self, role: str, method: str) -> None:
        """Calls as ada with a token of this role, or without one; whatever comes of it."""
        token = self._issuer.token(role) if role else ""
        await self._made(self.app.server.token_address, ClientCredentials(ca=self._authority.cert, token=token), method)

    async def call_as_service(self, name: str, method: str) -> None:
        await self._made(self.app.server.address, self._authority.client(name, spiffe(name)), method)

    async def _made(self, address: str, credentials: ClientCredentials, method: str) -> None:
        channel = connect(address, credentials=credentials, deadline_seconds=5)
        calls: dict[str, Any] = {
            LIST: lambda: IntakeServiceStub(channel.grpc).ListIncidents(pb.ListIncidentsRequest(page_token=method.partition("?")[2])),
            REPORT: lambda: IntakeServiceStub(channel.grpc).ReportAlerts(pb.ReportAlertsRequest(source="test", reports=[REPORTED])),
            DELIVER: lambda: EventSinkServiceStub(channel.grpc).Deliver(event_sink_service_pb2.DeliverRequest(batch={})),  # type: ignore[arg-type]
            "health": lambda: HealthStub(channel.grpc).Check(health_pb2.HealthCheckRequest()),
        }
        try:
            await calls[method.partition("?")[0]]()
        except BallastError:
            pass
        finally:
            await channel.close()

    async def rows(self) -> list[AccessRow]:
        """Has what was counted told, and returns it."""
        known = len(await observed(self.app.database))
        await self.app.access_reports.tell()
        return [row for each in (await observed(self.app.database))[known:] for row in each.rows]


async def observed(database: Database) -> list[AccessObserved]:
    async with database.transaction() as connection:
        statement = text("select payload from outbox where type = :type order by position")
        rows = await connection.execute(statement, {"type": AccessObserved.DESCRIPTOR.full_name})
        return [AccessObserved.FromString(CloudEvent.FromString(row.payload).proto_data.value) for row in rows]


def intake_settings(urls: dict[str, str], engines: Engines, **changes: Any) -> IntakeSettings:
    usual = {"port": 0, "database_url": urls["intake"], "cache_url": engines.cache_url, "subscribers": {}}
    return IntakeSettings(**usual | changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
async def doors(
    urls: dict[str, str], engines: Engines, clock: SimulatedClock, authority: Authority, issuer: Issuer
) -> AsyncIterator[Doors]:
    cert, key = authority.issue("server", *HERE)
    known: dict[str, Any] = {"tls_cert": cert, "tls_key": key, "tls_client_ca": authority.cert, "oidc_issuer": ISSUER}
    settings = intake_settings(urls, engines, oidc_jwks=str(issuer.jwks), drain_seconds=0, **known, **NEVER_BY_ITSELF)
    app = await build(settings, clock)
    await app.start()
    await app.open()
    yield Doors(app, authority, issuer)
    await app.stop()


async def test_calls_are_counted_by_who_made_them_and_what_came_of_it(doors: Doors) -> None:
    for _ in range(3):
        await doors.call("viewer", LIST)
    await doors.call("viewer", f"{LIST}?nonsense")
    await doors.call_as_service("triage", LIST)
    found = {(row.principal, row.method, row.role, row.code, row.count, row.peer, row.reason) for row in await doors.rows()}
    assert found == {
        ("ada", LIST, "viewer", "OK", 3, "", ""),
        ("ada", LIST, "viewer", "INVALID_ARGUMENT", 1, "", ""),
        ("spiffe://ballast/triage", LIST, "viewer", "OK", 1, "", ""),
    }


async def test_a_denied_call_is_counted_with_reason_address_and_trace(doors: Doors) -> None:
    await doors.call("viewer", REPORT)
    await doors.call("viewer", REPORT)
    (row,) = await doors.rows()
    assert (row.principal, row.method, row.role, row.code, row.count) == ("ada", REPORT, "responder", "PERMISSION_DENIED", 2)
    assert (row.reason, row.peer) == ("ROLE_MISSING", "127.0.0.1")
    assert len(row.last_trace_id) == 32


async def test_who_cannot_be_made_out_is_anonymous(doors: Doors) -> None:
    await doors.call("", LIST)
    (row,) = await doors.rows()
    assert (row.principal, row.code, row.reason, row.peer) == ("anonymous", "UNAUTHENTICATED", "CREDENTIALS_MISSING", "127.0.0.1")


async def test_health_and_deliveries_are_left_out_unless_they_are_denied(doors: Doors) -> None:
    await doors.call("", "health")
    await doors.call_as_service("triage", DELIVER)
    assert await doors.rows() == []
    await doors.call("viewer", DELIVER)
    (row,) = await doors.rows()
    assert (row.principal, row.method, row.code) == ("ada", DELIVER, "PERMISSION_DENIED")


async def test_nothing_is_told_where_nothing_happened(doors: Doors) -> None:
    await doors.rows()
    before = len(await observed(doors.app.database))
    await doors.app.access_reports.tell()
    assert len(await observed(doors.app.database)) == before


async def test_what_cannot_be_recorded_is_told_later(doors: Doors) -> None:
    await doors.rows()
    async with doors.app.database.transaction() as connection:
        await connection.execute(text("alter table outbox rename to away"))
    await doors.call("viewer", LIST)
    await doors.app.access_reports.tell()
    async with doors.app.database.transaction() as connection:
        await connection.execute(text("alter table away rename to outbox"))
    (row,) = await doors.rows()
    assert (row.method, row.count) == (LIST, 1)


async def test_it_is_told_every_so_often_and_the_last_calls_when_the_service_stops(
    own_urls: dict[str, str], engines: Engines, clock: SimulatedClock
) -> None:
    reader = Database(own_urls["intake"], "intake", pool_size=2)
    for settings, needs_stop in ((OFTEN, False), (NEVER_BY_ITSELF, True)):
        app = await build(intake_settings(own_urls, engines, **settings), clock)
        await app.start()
        await app.open()
        before = len(await observed(reader))
        channel = connect(app.server.address, credentials=ClientCredentials(local_name="bo"))
        await IntakeServiceStub(channel.grpc).ListIncidents(pb.ListIncidentsRequest())

        async def is_told(known: int = before) -> bool:
            return len(await observed(reader)) == known + 1

        if not needs_stop:
            await until(is_told)
        await channel.close()
        await app.stop()
        assert await is_told()
        (row,) = (await observed(reader))[-1].rows
        assert (row.principal, row.method, row.count) == ("bo", LIST, 1)
    await reader.close()


async def test_a_service_that_is_told_never_to_tell_does_not(own_urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> None:
    app = await build(intake_settings(own_urls, engines, access_log_seconds=0), clock)
    await app.start()
    await app.open()
    channel = connect(app.server.address)
    await IntakeServiceStub(channel.grpc).ListIncidents(pb.ListIncidentsRequest())
    await channel.close()
    await app.access_reports.tell()
    assert await observed(app.database) == []
    await app.stop()
