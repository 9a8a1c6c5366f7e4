"""Operating the outbox over the wire: backlog, dead letters, replay."""

import json
from typing import Any

from ballast.events.v1 import event_admin_service_pb2 as pb
from ballast.events.v1.event_admin_service_pb2_grpc import (
    EventAdminServiceServicer,
    add_EventAdminServiceServicer_to_server,
)
from sqlalchemy import text

from shared.events.deliverer import Deliverer
from shared.events.outbox import ENTRYPOINT
from shared.paging import page_query
from shared.rpc.once import once
from shared.rpc.server import GrpcService
from shared.storage.database import Database, raw
from shared.storage.queue import queue_queries

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["EventAdminService"], add_EventAdminServiceServicer_to_server)
_BACKLOG = text(
    """
    select count(*) filter (where status = 'failed') as dead, min(created) filter (where status <> 'failed') as oldest
    from pgqueuer where entrypoint = :entrypoint
    """
)
# Of the deliveries that failed, the one that did so last; a queue has few of them, whatever its log holds.
_LAST_ERROR = text(
    """
    select q.headers ->> 'subscriber' as subscriber, l.traceback as failure, l.created from (
        select id, headers from pgqueuer where entrypoint = :entrypoint and (attempts > 0 or status = 'failed')
        order by updated desc limit 20
    ) as q join pgqueuer_log l on l.job_id = q.id where l.traceback is not null order by l.id desc limit 1
    """
)
_DEAD_LETTERS = text(
    """
    select q.id, q.attempts, q.headers ->> 'subscriber' as subscriber, q.headers ->> 'event' as event_id,
           o.type, o.aggregateid, o.recorded_at,
           (select l.traceback from pgqueuer_log l where l.job_id = q.id and l.traceback is not null order by l.id desc limit 1) as failure
    from pgqueuer q left join outbox o on o.id = (q.headers ->> 'event')::uuid
    where q.status = 'failed' and q.entrypoint = :entrypoint and q.id > :after order by q.id limit :limit
    """
)
_DEAD_IDS = text("select id from pgqueuer where status = 'failed' and entrypoint = :entrypoint and (:every or id = any(:ids)) order by id")


class EventAdminServicer(EventAdminServiceServicer):
    """Shows and repairs the deliveries of one service."""

    def __init__(self, database: Database, deliverer: Deliverer) -> None:
        self.database = database
        self._deliverer = deliverer

    async def GetBacklog(self, request: pb.GetBacklogRequest, context: object) -> pb.GetBacklogResponse:
        del request, context
        async with self.database.transaction() as connection:
            row = (await connection.execute(_BACKLOG, {"entrypoint": ENTRYPOINT})).one()
            failed = (await connection.execute(_LAST_ERROR, {"entrypoint": ENTRYPOINT})).first()
        pending = await self._deliverer.pending_count()
        response = pb.GetBacklogResponse(pending_count=pending, dead_letter_count=row.dead)
        if pending and row.oldest:
            response.oldest_pending_time.FromDatetime(row.oldest)
        if failed is not None:
            response.last_error, response.last_error_subscriber = _error(failed.failure), failed.subscriber or ""
            response.last_error_time.FromDatetime(failed.created)
        return response

    async def ListDeadLetters(self, request: pb.ListDeadLettersRequest, context: object) -> pb.ListDeadLettersResponse:
        del context
        query = page_query(request.page_size, request.page_token, "ListDeadLetters")
        after = int(query.cursor[0]) if query.cursor else 0
        async with self.database.transaction() as connection:
            rows = list(await connection.execute(_DEAD_LETTERS, {"entrypoint": ENTRYPOINT, "after": after, "limit": query.limit}))
        page = query.page(rows, [(str(row.id),) for row in rows])
        return pb.ListDeadLettersResponse(dead_letters=[_dead_letter(row) for row in page.items], next_page_token=page.next_page_token)

    @once(pb.ReplayDeadLettersResponse)
    async def ReplayDeadLetters(self, request: pb.ReplayDeadLettersRequest, context: object) -> pb.ReplayDeadLettersResponse:
        del context
        wanted = [int(name.rsplit("/", 1)[1]) for name in request.names]
        async with self.database.transaction() as connection:
            result = await connection.execute(_DEAD_IDS, {"entrypoint": ENTRYPOINT, "every": not wanted, "ids": wanted})
            found = [row.id for row in result]
            if found:
                await queue_queries(await raw(connection), self.database.schema).requeue_jobs(found)
        return pb.ReplayDeadLettersResponse(replayed_count=len(found), skipped_count=max(0, len(wanted) - len(found)))


def _dead_letter(row: Any) -> pb.DeadLetter:
    letter = pb.DeadLetter(
        name=f"deadLetters/{row.id}",
        event_id=str(row.event_id or ""),
        event_type=row.type or "",
        subject=row.aggregateid or "",
        subscriber=row.subscriber or "",
        attempts=row.attempts + 1,
        last_error=_error(row.failure),
    )
    if row.recorded_at:
        letter.create_time.FromDatetime(row.recorded_at)
    return letter


def _error(logged: Any) -> str:
    """Returns what the queue logged of a failure, in one line."""
    failure = logged if isinstance(logged, dict) else json.loads(logged or "{}")
    return " ".join(str(failure.get("exception_message", "")).split())
