"""The outbox: events recorded in the transaction that caused them, one delivery queued for each subscriber."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from pgqueuer.adapters.persistence.queries import Queries
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.events.event import EncodedEvent, cloud_event
from shared.ids import new_id
from shared.principal import current_cause, current_principal_name
from shared.storage.database import Database, raw
from shared.storage.queue import queue_queries
from shared.telemetry import current_traceparent

ENTRYPOINT = "deliver"
# Through the driver itself, as whole columns: where every call causes events this is a tenth of what a call costs.
_COLUMNS = {
    "id": "uuid",
    "aggregatetype": "text",
    "aggregateid": "text",
    "type": "text",
    "payload": "bytea",
    "aggregate_version": "bigint",
    "headers": "text",
    "event_time": "timestamptz",
}
_RECORD = f"""
    insert into outbox ({", ".join(_COLUMNS)})
    select {", ".join(f"{name}::jsonb" if name == "headers" else name for name in _COLUMNS)}
    from unnest({", ".join(f"${number}::{kind}[]" for number, kind in enumerate(_COLUMNS.values(), 1))}) as new({", ".join(_COLUMNS)})
"""  # noqa: S608 - column names of this module


Headers = dict[str, str]


def current_headers() -> Headers:
    """Returns what the call under way leaves in the events it causes: its trace, its caller, its RPC and the reason given."""
    cause = current_cause()
    headers = {"traceparent": current_traceparent(), "principal": current_principal_name(), "method": cause.method}
    return headers | {"reason": cause.reason} if cause.reason else headers


def trace_of(headers: Headers) -> str:
    """Returns the id of the trace, 32 hex digits; empty where there is none."""
    return headers.get("traceparent", "")[3:35]


def feed_channel(schema: str) -> str:
    """Name of the NOTIFY channel on which this schema's outbox tells that it grew."""
    return f"ballast_{schema}_outbox"


class Outbox:
    """Records a service's events. `encode` turns the service's own event into its wire form."""

    def __init__(self, database: Database, encode: Callable[[Any], EncodedEvent], subscribers: Mapping[str, Sequence[str]]) -> None:
        """`subscribers` maps the name of each subscriber to the types of events it wants; `*` means every type."""
        self.source = f"/ballast/{database.schema}"
        self._database = database
        self._schema = database.schema
        self._encode = encode
        # Set when a transaction that recorded events has committed; the feed tells other replicas.
        self.grew = asyncio.Event()
        # Deliveries queued by this process since it started, for who waits until all were made.
        self.queued_count = 0
        self._subscribers = {name: frozenset(types) for name, types in subscribers.items()}

    async def record(self, connection: AsyncConnection, events: Sequence[object], headers: Sequence[Headers] | None = None) -> None:
        """Records events and queues their deliveries, in the caller's `Database.transaction()`: all commits with the change, or none.

        `headers` says for each event what caused it; without them it is the call under way.
        """
        if not events:
            return
        if headers is None:
            current_cause().is_told = True
        causes = headers or [current_headers()] * len(events)
        encoded = [event if isinstance(event, EncodedEvent) else self._encode(event) for event in events]
        rows = [self._row(event, cause) for event, cause in zip(encoded, causes, strict=True)]
        driver = await raw(connection)
        await driver.execute(_RECORD, *([row[name] for row in rows] for name in _COLUMNS))
        jobs = [(name, row) for row in rows for name, types in self._subscribers.items() if "*" in types or row["type"] in types]
        if jobs:
            queue: Queries = queue_queries(driver, self._schema)
            payloads: list[bytes | None] = [row["payload"] for _, row in jobs]
            notes: list[dict[str, str] | None] = [{"event": str(row["id"]), "subscriber": name} for name, row in jobs]
            await queue.enqueue([ENTRYPOINT] * len(jobs), payloads, [0] * len(jobs), headers=notes)

        async def committed() -> None:
            self.queued_count += len(jobs)
            self.grew.set()

        self._database.after_commit(committed)

    def _row(self, event: EncodedEvent, headers: Headers) -> dict[str, Any]:
        event_id: UUID = new_id(event.time)
        return {
            "id": event_id,
            "aggregatetype": event.subject.rsplit("/", 1)[0],
            "aggregateid": event.subject,
            "type": event.data.DESCRIPTOR.full_name,
            "payload": cloud_event(str(event_id), self.source, event, headers).SerializeToString(deterministic=True),
            "aggregate_version": event.version,
            "headers": json.dumps(headers),
            "event_time": event.time,
        }
