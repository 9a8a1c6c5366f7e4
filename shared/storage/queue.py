"""PgQueuer in a service's own schema: one queue for each service, no configuration from the environment."""

from datetime import timedelta
from functools import cache
from typing import Any

import asyncpg
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.domain.settings import DBSettings
from pgqueuer.domain.types import Channel, QueueEntrypoint


def queue_channel(schema: str) -> Channel:
    """Name of the NOTIFY channel on which this schema's queue tells of new jobs."""
    return Channel(f"ballast_{schema}_queue")


@cache
def queue_settings(schema: str) -> DBSettings:
    """Names of the queue's tables; kept, because making them reads the whole environment."""
    return DBSettings(db_schema=schema, channel=queue_channel(schema))


class PolledQueries(Queries):
    """PgQueuer's statements for a worker that looks for deferred jobs often enough by itself."""

    async def next_deferred_eta(self, entrypoints: list[QueueEntrypoint]) -> timedelta:
        """Says, unasked, that no deferred job is near: asking at every wait, and what follows from it, was a tenth of all statements."""
        del entrypoints
        return timedelta.max


def queue_queries(connection: "asyncpg.Connection[Any]", schema: str) -> Queries:
    settings = queue_settings(schema)
    return PolledQueries(
        AsyncpgDriver(connection),
        qbe=QueryBuilderEnvironment(settings),
        qbq=QueryQueueBuilder(settings),
        qbs=QuerySchedulerBuilder(settings),
    )
