"""A service put together: what every service opens, starts and stops in the same order, whatever it does."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from shared.amendments import servicer as amendments
from shared.amendments.approvals import AmendmentApprovals
from shared.amendments.control import AmendmentControl
from shared.amendments.document import DocumentKind
from shared.amendments.ownership import DocumentOwners
from shared.amendments.registry import Registry
from shared.approvals.client import ApprovalClient
from shared.background import Background, Work
from shared.cache import Cache
from shared.cache import connect as connect_cache
from shared.clock import Clock
from shared.events import admin_servicer, sink
from shared.events.access_report import AccessReports
from shared.events.admin_servicer import EventAdminServicer
from shared.events.call_record import CallRecords
from shared.events.deliverer import Deliverer
from shared.events.event import EncodedEvent
from shared.events.feed import Feed
from shared.events.manifest import Manifests
from shared.events.outbox import Outbox
from shared.events.sink import EventSinkServicer, GroupHandler, Handler
from shared.rpc.access_log import AccessLog
from shared.rpc.client import ClientCredentials, connect
from shared.rpc.server import GrpcService, Server
from shared.settings import ServiceSettings
from shared.storage.database import Database
from shared.storage.migrations import migrate
from shared.telemetry import setup

Tick = Callable[[datetime], Awaitable[object]]


class App:
    """One service, built and not yet started. Everything it opens is closed by `stop`, last in, first out."""

    def __init__(
        self,
        name: str,
        settings: ServiceSettings,
        clock: Clock,
        *,
        encode: Callable[[Any], EncodedEvent],
        migrations: Path,
    ) -> None:
        self.name = name
        self.settings = settings
        self.clock = clock
        self._migrations = migrations
        self._stack = AsyncExitStack()
        self._ticks: list[Tick] = []
        self._background = Background()
        self._approvals: ApprovalClient | None = None  # of a service that asks for some
        self.telemetry = setup(name, endpoint=settings.otlp_endpoint, log_format=settings.log_format)
        self.database = Database(settings.database_url, name, pool_size=settings.database_pool_size)
        self.outbox = Outbox(self.database, encode, {key: each.types for key, each in settings.subscribers.items()})
        self.cache: Cache = connect_cache(settings.cache_url, meter=self.telemetry.meter)
        self.feed = Feed(self.database, self.outbox)
        self.deliverer = Deliverer(
            self.database,
            self.outbox,
            self.telemetry,
            concurrency=settings.delivery_concurrency,
            max_attempts=settings.delivery_max_attempts,
        )
        self.manifests = Manifests(self.database, self.outbox)
        self.every("* * * * *", "manifest", self.manifests.tick)
        self.database.witness = CallRecords(self.database, self.outbox, clock)
        access_log = AccessLog(clock, self.telemetry.meter)
        self.access_reports = AccessReports(access_log, self.database, self.outbox, clock, settings.access_log_seconds)
        self.background("access log", self.access_reports.run)
        self.server = Server(name, settings, self.telemetry, access_log)
        self.serve(admin_servicer.SERVICE, EventAdminServicer(self.database, self.deliverer))

    def serve(self, service: GrpcService, servicer: object) -> None:
        """Adds a gRPC service."""
        self.server.add(service, servicer)

    def receive(self, handlers: Mapping[str, Handler], grouped: Mapping[str, GroupHandler] | None = None) -> None:
        """Takes events from other services: a handler for each type, or for `*`; `grouped` those that come often, many at once."""
        self.serve(sink.SERVICE, EventSinkServicer(self.database, handlers, grouped))

    def control(self, *kinds: DocumentKind) -> AmendmentControl:
        """Puts documents under change control. What others must agree about comes in force once they did, when governance says so."""
        registry = Registry(kinds, self.settings.approved_documents)
        control = AmendmentControl(self.database, self.outbox, registry, AmendmentApprovals(self.approvals), self.clock)
        owners = DocumentOwners(self.database, self.outbox, registry, self.clock)
        self.serve(amendments.SERVICE, amendments.AmendmentServicer(self.database, control, owners, self.feed))
        self.every("* * * * *", "amendments", control.progress.tick)
        return control

    @property
    def approvals(self) -> ApprovalClient:
        """Governance's approvals, connected once the service is open."""
        if self._approvals is None:
            self._approvals = ApprovalClient()
        return self._approvals

    def every(self, expression: str, name: str, tick: Tick) -> None:
        """Runs `tick(now)` at the times of a cron expression (UTC), once among all replicas; and whenever a simulated clock moves."""
        self._ticks.append(tick)
        self.deliverer.schedule(name, expression, lambda: tick(self.clock.now()))

    def background(self, name: str, work: Work) -> None:
        """Runs `work()` from `open` on, and cancels it once calls under way have ended at `stop`: they may wait for what it does."""
        self._background.add(name, work)

    def closing(self, close: Callable[[], Awaitable[object]]) -> None:
        """Calls `close()` at `stop`, after everything that was opened since has been closed."""
        self._stack.push_async_callback(close)

    async def tick(self) -> None:
        """Runs all that is scheduled, as a simulated clock asks for."""
        for tick in self._ticks:
            await tick(self.clock.now())

    async def start(self) -> None:
        """Migrates, and listens. Not ready yet: see `open`."""
        # In a thread: it waits for the collector, which a test may run on this very loop.
        self._stack.push_async_callback(asyncio.to_thread, self.telemetry.shutdown)
        self._stack.push_async_callback(self.database.close)
        self._stack.push_async_callback(self.cache.close)
        try:
            await migrate(self.settings.database_url, self.name, self._migrations)
            self._stack.push_async_callback(self._background.stop)
            self._stack.push_async_callback(self.access_reports.tell)  # of the last calls, once they have ended
            await self.server.start()
            self._stack.push_async_callback(self.server.stop)
        except BaseException:
            await self._stack.aclose()
            raise

    async def open(self, addresses: Mapping[str, str] | None = None) -> None:
        """Begins to deliver events, and says ready. `addresses` overrides where other services are, by name."""
        credentials = _credentials(self.settings)
        if self._approvals is not None:
            address = (addresses or {}).get("governance", self.settings.governance_address)
            # Without certificates a name for the record: approvers are not to take what a service asks for as a person's wish.
            self._approvals.open(address, credentials if credentials.cert else replace(credentials, local_name=self.name))
            self._stack.push_async_callback(self._approvals.close)
        channels = {}
        for name, subscriber in self.settings.subscribers.items():
            channel = connect((addresses or {}).get(name, subscriber.address), [sink.SERVICE.descriptor], credentials=credentials)
            self._stack.push_async_callback(channel.close)
            channels[name] = channel
        await self.feed.start()
        self._stack.push_async_callback(self.feed.stop)
        await self.deliverer.start(channels)
        self._stack.push_async_callback(self.deliverer.stop)
        self._background.start()
        await self.server.set_ready(ready=True)

    async def stop(self) -> None:
        """Says NOT_SERVING, lets calls and deliveries under way end, and closes everything."""
        await self.server.set_ready(ready=False)
        await self._stack.aclose()


def _credentials(settings: ServiceSettings) -> ClientCredentials:
    if not settings.has_credentials:
        return ClientCredentials(local_name="")
    return ClientCredentials(ca=settings.tls_client_ca, cert=settings.tls_cert, key=settings.tls_key)
