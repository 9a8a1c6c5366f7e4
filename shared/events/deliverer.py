"""Delivery: one worker a service takes queued deliveries and hands them to their subscribers until they say yes."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from ballast.events.v1.cloudevents_pb2 import CloudEvent, CloudEventBatch
from ballast.events.v1.event_sink_service_pb2 import DeliverRequest
from ballast.events.v1.event_sink_service_pb2_grpc import EventSinkServiceStub
from opentelemetry import trace
from pgqueuer.core.applications import PgQueuer
from pgqueuer.domain.errors import RetryRequested
from pgqueuer.domain.models import Job, Schedule
from sqlalchemy import text

from shared.errors import BallastError, InvalidInput, Unavailable
from shared.events.outbox import ENTRYPOINT, Outbox
from shared.rpc.client import Channel
from shared.storage.database import Database
from shared.storage.queue import queue_channel, queue_queries
from shared.telemetry import Telemetry, context_from_traceparent

if TYPE_CHECKING:
    from ballast.events.v1.event_sink_service_pb2_grpc import EventSinkServiceAsyncStub  # exists for the type checker only

_FIRST_DELAY_SECONDS = 0.2
_LONGEST_DELAY_SECONDS = 300.0
_DEADLINE_SECONDS = 30.0
_RECONNECT_SECONDS = 1.0
# New deliveries announce themselves; those to be retried or replayed are found by looking again.
_POLL = timedelta(seconds=1)
_RETENTION = timedelta(days=14)
# How long a delivery may seem stuck before another worker takes it over: after a crash this is the longest wait.
_HEARTBEAT_TIMEOUT = timedelta(seconds=10)
# An event whose delivery still waits, or failed for good, stays: it may yet be replayed. The last manifest stays too: the next goes on
# from it.
_PRUNE = (
    text(
        """
        delete from outbox where recorded_at < clock_timestamp() - cast(:retention as interval) and not exists
            (select 1 from pgqueuer q where q.headers ->> 'event' = outbox.id::text)
            and position is distinct from (select max(position) from outbox where type = 'ballast.events.v1.OutboxManifest')
        """
    ),
    text("delete from inbox where received_at < clock_timestamp() - cast(:retention as interval)"),
    text("delete from request where created_at < clock_timestamp() - cast(:retention as interval)"),
    # PgQueuer keeps its log for good; a dead letter finds its last error there.
    text(
        """
        delete from pgqueuer_log where created < clock_timestamp() - cast(:retention as interval)
            and not exists (select 1 from pgqueuer q where q.id = pgqueuer_log.job_id)
        """
    ),
    text("delete from pgqueuer_statistics where created < clock_timestamp() - cast(:retention as interval)"),
)

_WAITING = text("select id from pgqueuer where status in ('queued', 'picked') and entrypoint = :entrypoint")

_log = structlog.get_logger(__name__)


class Deliverer:
    """Delivers the events of one service, and prunes what it no longer needs. Several replicas share the work."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        telemetry: Telemetry,
        *,
        concurrency: int = 10,
        max_attempts: int = 12,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._stubs: dict[str, EventSinkServiceAsyncStub] = {}
        self._telemetry = telemetry
        self._concurrency = concurrency
        self._max_attempts = max_attempts
        self._task: asyncio.Task[None] | None = None
        self._queue: PgQueuer | None = None
        self._stopping = False
        self._schedules: list[tuple[str, str, Callable[[], Awaitable[object]]]] = [("prune", "17 * * * *", self._prune)]
        self._done_ids: set[int] = set()  # ended, not yet taken out of the queue by PgQueuer's buffered log
        self._found_count = 0  # deliveries that waited when the worker started
        self._ended_count = 0  # deliveries made, or given up, since then

    def schedule(self, name: str, expression: str, call: Callable[[], Awaitable[object]]) -> None:
        """Runs `call` at the times of a cron expression (UTC), once among all replicas. To be called before start."""
        self._schedules.append((name, expression, call))

    async def start(self, channels: Mapping[str, Channel]) -> None:
        """Begins to deliver; `channels` maps each subscriber's name to the connection to it."""
        self._stubs = {name: EventSinkServiceStub(channel.grpc) for name, channel in channels.items()}
        self._task = asyncio.create_task(self._run(), name=f"deliverer-{self._database.schema}")

    async def stop(self) -> None:
        """Stops taking deliveries and lets those under way end."""
        if self._task is None:
            return
        self._stopping = True
        if self._queue is not None:
            self._queue.shutdown.set()
        _, pending = await asyncio.wait({self._task}, timeout=_DEADLINE_SECONDS / 3)
        for task in pending:
            task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None

    @property
    def is_quiet(self) -> bool:
        """Whether every delivery this process knows of was made or given up. Costs nothing, and knows nothing of other replicas."""
        return self._ended_count >= self._found_count + self._outbox.queued_count

    async def pending_count(self) -> int:
        """Returns how many deliveries wait or are under way, in any replica."""
        async with self._database.transaction() as connection:
            waiting = {row.id for row in await connection.execute(_WAITING, {"entrypoint": ENTRYPOINT})}
        self._done_ids &= waiting
        return len(waiting - self._done_ids)

    async def _run(self) -> None:
        """Runs the queue's worker, and starts it anew whenever the database went away."""
        while not self._stopping:
            try:
                connection = await self._database.listener()
            except Exception as error:  # noqa: BLE001 - whatever keeps us from the database, the answer is to try again
                _log.warning("delivery waits for the database", error=str(error))
                await asyncio.sleep(_RECONNECT_SECONDS)
                continue
            try:
                self._found_count = await self.pending_count() + self._ended_count - self._outbox.queued_count
                self._queue = self._worker(
                    PgQueuer(
                        connection=(queries := queue_queries(connection, self._database.schema)).driver,
                        channel=queue_channel(self._database.schema),
                        queries=queries,
                    )
                )
                if self._stopping:  # since we began to connect: this queue was not there yet to be told
                    break
                await self._queue.run(
                    batch_size=self._concurrency,
                    max_concurrent_tasks=self._concurrency * 2,
                    heartbeat_timeout=_HEARTBEAT_TIMEOUT,
                    dequeue_timeout=_POLL * random.uniform(0.8, 1.2),  # noqa: S311 - no replica may always look before the others
                    shutdown_on_listener_failure=True,
                )
            except Exception as error:  # noqa: BLE001 - as above; a worker that fails is started again
                _log.warning("delivery stopped and starts again", error=str(error))
                await asyncio.sleep(_RECONNECT_SECONDS)
            finally:
                with contextlib.suppress(Exception):
                    await connection.close(timeout=2)

    def _worker(self, queue: PgQueuer) -> PgQueuer:
        queue.entrypoint(ENTRYPOINT, on_failure="hold")(self._deliver)
        for name, expression, call in self._schedules:
            queue.schedule(name, expression)(_scheduled(call))
        return queue

    async def _deliver(self, job: Job) -> None:
        try:
            await self._hand_over(job.payload or b"", str((job.headers or {}).get("subscriber", "")))
        except InvalidInput:
            self._ended(job)
            raise  # no retry can mend it: a dead letter, for a person to see
        except Exception as error:
            if job.attempts + 1 >= self._max_attempts:
                self._ended(job)
                raise
            delay = min(_LONGEST_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2**job.attempts) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
            reason = error.message if isinstance(error, BallastError) else repr(error)
            raise RetryRequested(delay=timedelta(seconds=delay), reason=reason) from error
        self._ended(job)

    def _ended(self, job: Job) -> None:
        self._done_ids.add(job.id)
        self._ended_count += 1

    async def _hand_over(self, payload: bytes, subscriber: str) -> None:
        stub = self._stubs.get(subscriber)
        if stub is None:
            # To be retried: while settings are being rolled out, another replica may know it already.
            raise Unavailable(f"{subscriber} is no longer a subscriber; add it to the settings and replay", reason="SUBSCRIBER_UNKNOWN")
        event = CloudEvent.FromString(payload)
        parent = context_from_traceparent(event.attributes["traceparent"].ce_string if "traceparent" in event.attributes else "")
        with self._telemetry.tracer.start_as_current_span(f"deliver {event.type}", context=parent, kind=trace.SpanKind.PRODUCER):
            await stub.Deliver(DeliverRequest(batch=CloudEventBatch(events=[event])), timeout=_DEADLINE_SECONDS)

    async def _prune(self) -> None:
        """Deletes what delivery and idempotency no longer need; what must be kept for good is for a subscriber to keep."""
        for statement in _PRUNE:
            async with self._database.transaction() as connection:
                await connection.execute(statement, {"retention": _RETENTION})


def _scheduled(call: Callable[[], Awaitable[object]]) -> Callable[[Schedule], Awaitable[None]]:
    async def run(_: Schedule) -> None:
        await call()

    return run
