"""Manifests: every event of a service stands in exactly one, whoever writes them and when."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from ballast.events.v1.cloudevents_pb2 import CloudEvent
from ballast.events.v1.outbox_manifest_pb2 import OutboxManifest
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import text

from shared.events.deliverer import _PRUNE, _RETENTION
from shared.events.event import EncodedEvent
from shared.events.manifest import LARGEST, MANIFEST_TYPE, Manifests
from shared.events.outbox import Outbox
from shared.storage.database import Database
from tests.conftest import START


class Service:
    """A database with an outbox, as any service has."""

    def __init__(self, url: str) -> None:
        self.database = Database(url, "triage")
        self.outbox = Outbox(self.database, lambda event: event, {})
        self.manifests = Manifests(self.database, self.outbox)

    async def record(self, count: int) -> None:
        async with self.database.transaction() as connection:
            await self.outbox.record(connection, [EncodedEvent("things/1", 1, Timestamp(seconds=n), START) for n in range(count)])

    async def events(self) -> dict[bytes, bytes]:
        """Returns the hash of each event's data by the event's id; of manifests too."""
        async with self.database.transaction() as connection:
            rows = await connection.execute(text("select id, payload from outbox order by position"))
            return {row.id.bytes: hashlib.sha256(CloudEvent.FromString(row.payload).proto_data.value).digest() for row in rows}

    async def said(self) -> list[OutboxManifest]:
        async with self.database.transaction() as connection:
            rows = await connection.execute(
                text("select payload from outbox where type = :type order by position"), {"type": MANIFEST_TYPE}
            )
            return [OutboxManifest.FromString(CloudEvent.FromString(row.payload).proto_data.value) for row in rows]

    async def write_all(self) -> None:
        while await self.manifests.write(START):
            pass


def pairs(manifests: list[OutboxManifest]) -> list[tuple[bytes, bytes]]:
    return [
        (each.event_ids[16 * at : 16 * at + 16], each.data_hashes[32 * at : 32 * at + 32])
        for each in manifests
        for at in range(len(each.event_ids) // 16)
    ]


@pytest.fixture
async def service(own_urls: dict[str, str]) -> AsyncIterator[Service]:
    running = Service(own_urls["triage"])
    yield running
    await running.database.close()


async def test_every_event_stands_in_one_manifest_with_the_hash_of_its_data(service: Service) -> None:
    await service.record(LARGEST + 5)
    await service.write_all()
    recorded = await service.events()
    said = await service.said()
    assert [each.number for each in said] == [1, 2]
    assert [len(each.event_ids) // 16 for each in said] == [LARGEST, 6]  # the first manifest is said by the second
    assert dict(pairs(said)).items() <= recorded.items()
    assert len(pairs(said)) == len(set(pairs(said))) == len(recorded) - 1


async def test_manifests_alone_are_no_reason_for_another(service: Service) -> None:
    await service.record(1)
    for _ in range(3):
        await service.write_all()
    assert len(await service.said()) == 1


async def test_what_is_new_goes_into_the_next_one(service: Service) -> None:
    for count in (1, 2, 3):
        await service.record(count)
        await service.write_all()
    said = await service.said()
    assert [(each.number, len(each.event_ids) // 16) for each in said] == [(1, 1), (2, 3), (3, 4)]


async def test_what_was_recorded_lately_waits(service: Service) -> None:
    await service.record(1)
    await service.manifests.tick(START)
    assert await service.said() == []
    await service.record(LARGEST)
    await service.manifests.tick(START)
    assert [len(each.event_ids) // 16 for each in await service.said()] == [LARGEST]


async def test_replicas_that_write_at_once_say_everything_once(service: Service, own_urls: dict[str, str]) -> None:
    other = Service(own_urls["triage"])
    await service.record(LARGEST * 3)
    await asyncio.gather(*(each.write_all() for each in (service, other, service, other)))
    said = await service.said()
    assert [each.number for each in said] == list(range(1, len(said) + 1))
    assert len(pairs(said)) == len(set(pairs(said)))
    assert {each for each, _ in pairs(said)} >= set(list(await service.events())[: LARGEST * 3])
    await other.database.close()


async def test_an_event_of_a_transaction_that_ends_late_is_said_later_and_none_is_passed_over(service: Service) -> None:
    async with service.database._engine.begin() as late:
        await late.execute(text("select pg_current_xact_id()"))
        await service.record(2)
        await service.write_all()
        assert await service.said() == []
    await service.write_all()
    assert len(pairs(await service.said())) == 2


async def test_transactions_are_said_by_their_number_and_not_by_its_digits(service: Service) -> None:
    """With 10 before 9 the place that a manifest reaches would leave out what lies between the two for good."""
    await service.record(2)
    async with service.database.transaction() as connection:
        for number, position in (("10", 2), ("9", 1)):
            await connection.execute(text(f"update outbox set transaction_id = '{number}' where position = {position}"))
    await service.write_all()
    recorded = list(await service.events())
    assert [each for each, _ in pairs(await service.said())] == recorded[:2]


async def test_pruning_leaves_the_last_manifest_to_go_on_from(service: Service) -> None:
    await service.record(2)
    await service.write_all()
    async with service.database.transaction() as connection:
        await connection.execute(text("update outbox set recorded_at = recorded_at - interval '30 days'"))
        await connection.execute(_PRUNE[0], {"retention": _RETENTION})
    assert len(await service.said()) == 1
    await service.record(1)
    await service.write_all()
    assert [each.number for each in await service.said()] == [1, 2]


async def test_longest_unsaid_is_by_the_clock_of_the_database(service: Service) -> None:
    await service.record(1)
    assert not await service.manifests.write(START, timedelta(hours=1))
    async with service.database.transaction() as connection:
        await connection.execute(text("update outbox set recorded_at = recorded_at - interval '2 hours'"))
    await service.manifests.write(START, timedelta(hours=1))
    assert len(await service.said()) == 1
