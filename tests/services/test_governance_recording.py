"""Recording by many at once: who waits for whom."""

import asyncio
import contextvars
import uuid
from collections.abc import AsyncIterator

import pytest

from services.governance.domain.arrival import Arrival
from services.governance.domain.ledger import RecordedEvent
from services.governance.storage.ledger_store import LedgerStore
from services.governance.storage.record_store import RecordStore
from services.governance.usecases.ledger import Ledger
from services.governance.usecases.record_events import RecordEvents
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.conftest import START
from tests.support.governance import Governance, governing


@pytest.fixture(scope="module")
async def governance(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Governance]:
    async with governing(urls, engines, clock) as running:
        yield running


def arrival(subject: str) -> Arrival:
    return Arrival(RecordedEvent(str(uuid.uuid4()), "/ballast/test", "t", subject, "ada", START, "", b""), 1)


async def test_a_transaction_that_records_twice_does_not_wait_for_who_waits_for_it(governance: Governance) -> None:
    database = governance.served.app.database
    record = RecordEvents(RecordStore(database), Ledger(LedgerStore(database), 10), SimulatedClock(START))
    async with asyncio.timeout(20):
        async with database.transaction():
            assert await record([arrival("first")]) == 1
            beside = asyncio.get_running_loop().create_task(record([arrival("beside")]), context=contextvars.Context())
            while not record._turn.locked():  # noqa: ASYNC110 - a lock tells nobody that it is taken
                await asyncio.sleep(0.01)
            assert await record([arrival("second")]) == 1
        assert await beside == 1
    assert not (await governance.verify())[-1].HasField("fault")
