"""The ledger's peer: an audit log as one usually is, a service that inserts each event it is delivered into a table as one row.

It is served by a bare grpc.aio, takes the same `Deliver` with the same bytes as the ledger, and answers once its transaction has
committed, each delivery in one of its own, over as many connections as there are callers. A row has what an entry of the ledger has:
who did what to which resource, by which RPC, when, why and within which trace, the event's data and its SHA-256 (what was before is
the last row about the same resource), with an index for each way that entries are found. An event that comes twice is one row. It
proves nothing, draws no lineage, checks no shape and asks nobody who calls.

`columns_of` beforehand and `insert` alone are the ceiling: ready-made rows put in by the driver.
"""

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg
import grpc
import uvloop
from ballast.events.v1.cloudevents_pb2 import CloudEvent
from ballast.events.v1.event_sink_service_pb2 import DELIVERY_OUTCOME_ACCEPTED, DeliverRequest, DeliverResponse
from ballast.events.v1.event_sink_service_pb2_grpc import EventSinkServiceServicer, add_EventSinkServiceServicer_to_server

TABLE = """
    create table audit (
        id bigint generated always as identity primary key, event_id text not null, source text not null, type text not null,
        subject text not null, principal text not null, event_time timestamptz not null, recorded_at timestamptz not null default now(),
        trace_id text not null, method text not null, reason text not null, payload bytea not null, digest bytea not null);
    create unique index audit_by_event on audit (source, event_id);
    create index audit_by_subject on audit (subject, id);
    create index audit_by_type on audit (type, id);
    create index audit_by_trace on audit (trace_id, id);
    create index audit_by_principal on audit (principal, id);
"""
_INSERT = """
    insert into audit (event_id, source, type, subject, principal, event_time, trace_id, method, reason, payload, digest)
    select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::text[], $9::text[],
                         $10::bytea[], $11::bytea[])
    on conflict do nothing
"""
Columns = Sequence[Sequence[object]]


def columns_of(events: Sequence[CloudEvent]) -> Columns:
    """Returns the rows of these events, column by column."""
    return list(zip(*map(_row, events), strict=True))


def _row(event: CloudEvent) -> tuple[object, ...]:
    attributes, payload = event.attributes, event.proto_data.value
    subject, principal, trace, method, reason = (
        attributes[name].ce_string if name in attributes else "" for name in ("subject", "principal", "traceparent", "method", "reason")
    )
    time = attributes["time"].ce_timestamp.ToDatetime(tzinfo=UTC) if "time" in attributes else datetime.now(UTC)
    digest = hashlib.sha256(payload).digest()
    return event.id, event.source, event.type, subject, principal, time, trace[3:35], method, reason, payload, digest


@asynccontextmanager
async def audit_pool(url: str, connections: int) -> "AsyncIterator[asyncpg.Pool[Any]]":
    """Opens connections to the database at this URL of SQLAlchemy's for the length of the block."""
    address = url.replace("postgresql+asyncpg://", "postgresql://", 1)
    async with asyncpg.create_pool(address, min_size=connections, max_size=connections) as pool:
        yield pool


async def insert(pool: "asyncpg.Pool[Any]", columns: Columns) -> None:
    """Inserts the rows in a transaction of their own; they are durable when it returns."""
    await pool.execute(_INSERT, *columns)


class Audit(EventSinkServiceServicer):
    """Takes events of any type."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        self._pool = pool

    async def Deliver(self, request: DeliverRequest, context: object) -> DeliverResponse:
        del context
        await insert(self._pool, columns_of(request.batch.events))
        return DeliverResponse(outcomes=[DELIVERY_OUTCOME_ACCEPTED] * len(request.batch.events))


async def main(url: str, connections: int) -> None:
    async with audit_pool(url, connections) as pool:
        server = grpc.aio.server(options=[("grpc.max_receive_message_length", 64 * 1024 * 1024)])
        add_EventSinkServiceServicer_to_server(Audit(pool), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        sys.stdout.write(f"audit serves on 127.0.0.1:{port}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2])))
