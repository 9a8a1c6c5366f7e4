"""The place of the endurance run: engines, intake as a process of its own, and the relay before it, each of which can break."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import redis.asyncio as redis

from bench.intake import SCHEMA, intake_child
from bench.processes import Child, NotStarted
from shared.embedded import Engines, running
from shared.storage.provision import provision
from soak.plan import Fault, Step
from soak.relay import Relay

DATABASE = "soak"


class Place:
    """Everything that can break, and the address that stays."""

    def __init__(self, engines: Engines, database_url: str, intake: Child, relay: Relay, address: str) -> None:
        self.database_url = database_url
        self.address = address
        self._engines = engines
        self._intake = intake
        self._relay = relay
        self._breaking: dict[Fault, Callable[[float], Awaitable[None]]] = {
            Fault.KILL: self._kill,
            Fault.AGAIN: self._kill_twice,
            Fault.DATABASE: self._restart_database,
            Fault.EMPTY: self._empty_cache,
            Fault.CACHE: self._restart_cache,
            Fault.CUT: self._cut,
        }

    async def start_intake(self) -> None:
        self._relay.target = await asyncio.to_thread(self._intake.start)

    async def suffer(self, step: Step) -> None:
        """Breaks what the step says and returns when it runs again."""
        await self._breaking[step.fault](step.down_seconds)

    async def _kill(self, down_seconds: float) -> None:
        self._relay.target = ""  # somebody else may get its port
        self._intake.kill()
        await asyncio.sleep(down_seconds)
        await self.start_intake()

    async def _kill_twice(self, down_seconds: float) -> None:
        self._relay.target = ""
        self._intake.kill()
        starting = asyncio.create_task(asyncio.to_thread(self._intake.start))
        await asyncio.sleep(2 * down_seconds)  # about as long as a start takes
        self._intake.kill()
        with suppress(NotStarted):
            await starting
        self._intake.kill()  # in case the first came too early to hit
        await self.start_intake()

    async def _restart_database(self, down_seconds: float) -> None:
        await asyncio.to_thread(self._engines.stop_database)
        await asyncio.sleep(down_seconds)
        await asyncio.to_thread(self._engines.start_database)

    async def _empty_cache(self, _: float) -> None:
        client = redis.Redis.from_url(self._engines.cache_url)
        try:
            await client.flushall()
        finally:
            await client.aclose()

    async def _restart_cache(self, down_seconds: float) -> None:
        await asyncio.to_thread(self._engines.stop_cache)
        await asyncio.sleep(down_seconds)
        await asyncio.to_thread(self._engines.start_cache)

    async def _cut(self, _: float) -> None:
        self._relay.cut()


@asynccontextmanager
async def running_place(directory: Path) -> AsyncIterator[Place]:
    """Runs durable engines, a fresh database and intake for the length of the block."""
    with running(directory / "state") as engines:
        url = (await provision(engines.database_url, DATABASE, [SCHEMA], fresh=True))[SCHEMA]
        intake = intake_child(url, engines.cache_url, directory / "intake.log")
        relay = Relay()
        place = Place(engines, url, intake, relay, await relay.start())
        try:
            await place.start_intake()
            yield place
        finally:
            intake.stop()
            await relay.stop()
