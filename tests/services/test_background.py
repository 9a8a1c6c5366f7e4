"""Background work of a service: it runs while the service is open, and ends only after its server has drained."""

import asyncio

from services.intake.app import build
from services.intake.settings import IntakeSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.waiting import until


async def test_background_work_begins_at_the_opening_and_ends_after_the_server(
    urls: dict[str, str], engines: Engines, clock: SimulatedClock
) -> None:
    app = await build(IntakeSettings(port=0, database_url=urls["intake"], cache_url=engines.cache_url, subscribers={}), clock)
    told: list[str] = []

    async def work() -> None:
        told.append(f"began, server {await listens()}")
        try:
            await asyncio.Event().wait()
        finally:
            told.append(f"ended, server {await listens()}")

    async def listens() -> str:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", app.server.port)
        except ConnectionRefusedError:
            return "away"
        writer.close()
        return "there"

    app.background("work", work)
    await app.start()
    await asyncio.sleep(0)
    assert told == []
    await app.open()
    await until(lambda: told == ["began, server there"])
    await app.stop()
    assert told == ["began, server there", "ended, server away"]
