"""Following the outbox: every event once, in one order, without gap, from any point on."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import structlog
from ballast.events.v1.cloudevents_pb2 import CloudEvent
from sqlalchemy import bindparam, text

from shared.errors import InvalidInput, Unavailable, invalid_field
from shared.events.event import ReceivedEvent, received_event
from shared.events.outbox import Outbox, feed_channel
from shared.paging import decode_token, encode_token
from shared.storage.database import Database

_BATCH = 200
_HEARTBEAT_SECONDS = 15.0
_POLL_SECONDS = 1.0
_RECONNECT_SECONDS = 1.0
_ANNOUNCE_SECONDS = 0.005
_log = structlog.get_logger(__name__)

# Rows of transactions that still run could yet commit below a higher position: only what lies below the oldest of them is final.
# Ordered by the column, named with its table: the bare name would be that of the text beside it, in which 1000 comes before 999.
_NEXT = text(
    """
    select transaction_id::text as transaction_id, position, payload from outbox
    where (transaction_id, position) > (cast(cast(:transaction_id as text) as xid8), :position)
      and transaction_id < pg_snapshot_xmin(pg_current_snapshot()) and type in :types
    order by outbox.transaction_id, position limit :batch
    """
).bindparams(bindparam("types", expanding=True))
_PRESENT = text("select pg_snapshot_xmin(pg_current_snapshot())::text")


@dataclass(frozen=True, slots=True)
class FeedItem:
    """An event, or None as a heartbeat, and the token that goes on after it."""

    event: ReceivedEvent | None
    resume_token: str


class Feed:
    """Lets any number of readers follow a service's outbox; one connection listens for all of them."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox
        self._waiters: set[asyncio.Event] = set()
        self._task: asyncio.Task[None] | None = None
        self._is_over = False

    async def start(self) -> None:
        self._task = asyncio.create_task(self._listen(), name=f"feed-{self._database.schema}")

    async def stop(self) -> None:
        """Ends every stream, so that none holds up a service that stops, and each reader finds another replica at once."""
        self._is_over = True
        self._wake()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def follow(self, resume_token: str, types: Sequence[str]) -> AsyncGenerator[FeedItem, None]:
        """Yields events of these types after the token, or from the present on, and a heartbeat when none came for a while.

        Never ends of itself. Raises InvalidInput with reason RESUME_TOKEN_INVALID, and Unavailable when the service stops. An event
        shows once every transaction older than its own has ended, which any transaction of the whole database server may delay.
        Transactions come in the order they began to write: of two changes of one aggregate made at the same moment the later may
        come first, as its version tells.
        """
        digest = _digest(self._database.schema, types)
        place = await self._place(digest, resume_token)
        woken = asyncio.Event()
        self._waiters.add(woken)
        try:
            yield FeedItem(None, encode_token(digest, (place[0], str(place[1]))))
            quiet = 0.0
            while not self._is_over:
                woken.clear()
                rows = await self._read(place, types)
                for row in rows:
                    place = (row.transaction_id, row.position)
                    token = encode_token(digest, (place[0], str(place[1])))
                    yield FeedItem(received_event(CloudEvent.FromString(row.payload)), token)
                if rows:
                    quiet = 0.0
                    continue
                # A poll beside the notification: it may have come while an older transaction was still running.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.02 if quiet == 0.0 else _POLL_SECONDS):
                        await woken.wait()
                quiet += _POLL_SECONDS
                if woken.is_set():
                    quiet = 0.0
                elif quiet >= _HEARTBEAT_SECONDS:
                    quiet = _POLL_SECONDS
                    yield FeedItem(None, encode_token(digest, (place[0], str(place[1]))))
            raise Unavailable("the service stops; go on with the last resume_token", reason="STREAM_ENDED")
        finally:
            self._waiters.discard(woken)

    async def _place(self, digest: str, token: str) -> tuple[str, int]:
        present = await self._present()
        if not token:
            return str(present), 0
        # Those given out before they were bound to a stream are taken from any.
        place = _place(digest, token) or _place(f"feed-{self._database.schema}", token)
        if place is None:
            raise _refused("is malformed or of another stream")
        # No token was given out beyond the present: the events came from a database that is gone, and those of this one would be missed.
        if place[0] > present:
            raise _refused("is of a time that has not come, so that the events it stands for are gone with their database")
        return str(place[0]), place[1]

    async def _present(self) -> int:
        async with self._database.transaction() as connection:
            # Everything below the oldest running transaction is past; start before its first row, which has position 1 or more.
            return int((await connection.execute(_PRESENT)).scalar_one())

    async def _read(self, place: tuple[str, int], types: Sequence[str]) -> list[Any]:
        async with self._database.transaction() as connection:
            values = {"transaction_id": place[0], "position": place[1], "types": list(types), "batch": _BATCH}
            return list(await connection.execute(_NEXT, values))

    async def _listen(self) -> None:
        while True:
            connection: asyncpg.Connection[Any] | None = None
            try:
                connection = await self._database.listener()
                await connection.add_listener(feed_channel(self._database.schema), self._wake)
                await self._announce(connection)
            except Exception as error:  # noqa: BLE001 - readers poll meanwhile; the listener comes back when the database does
                _log.warning("the feed waits for the database", error=str(error))
                await asyncio.sleep(_RECONNECT_SECONDS)
            finally:
                if connection is not None:
                    with contextlib.suppress(Exception):
                        await connection.close(timeout=2)

    async def _announce(self, connection: "asyncpg.Connection[Any]") -> None:
        """Tells all replicas that the outbox grew, until the connection is lost.

        Outside the transactions that made it grow: NOTIFY holds a lock until its transaction is on disk, so that within them
        every commit would wait for the one before.
        """
        while not connection.is_closed():
            # Not asyncio.wait_for: before Python 3.12 it loses a cancellation that comes as the outbox grows, and the service never stops.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POLL_SECONDS):
                    await self._outbox.grew.wait()
                self._outbox.grew.clear()
                await asyncio.sleep(_ANNOUNCE_SECONDS)
                await connection.execute("select pg_notify($1, '')", feed_channel(self._database.schema))

    def _wake(self, *_: object) -> None:
        for waiter in self._waiters:
            waiter.set()


def _digest(schema: str, types: Sequence[str]) -> str:
    """Returns what binds a token to its stream: the first of its types, so that tokens live on when others join it."""
    return f"feed-{schema}-{types[0]}"


def _place(digest: str, token: str) -> tuple[int, int] | None:
    try:
        transaction_id, position = (int(part) for part in decode_token(digest, token))
    except (InvalidInput, ValueError):
        return None
    return (transaction_id, position) if 0 <= transaction_id < 2**64 and 0 <= position < 2**63 else None


def _refused(why: str) -> InvalidInput:
    remedy = "send one as it was given, or leave it empty to start with the present"
    return invalid_field("resume_token", f"{why}; {remedy}", reason="RESUME_TOKEN_INVALID")
