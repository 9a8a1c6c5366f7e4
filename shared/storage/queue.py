"""PgQueuer in a service's own schema: one queue for each service, no configuration from the environment."""

from functools import cache
from typing import Any

import asyncpg
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.domain.settings import DBSettings
from pgqueuer.domain.types import Channel


def queue_channel(schema: str) -> Channel:
    """Name of the NOTIFY channel on which this schema's queue tells of new jobs."""
    return Channel(f"ballast_{schema}_queue")


@cache
def queue_settings(schema: str) -> DBSettings:
    """Names of the queue's tables; kept, because making them reads the whole environment."""
    return DBSettings(db_schema=schema, channel=queue_channel(schema))


def queue_queries(connection: "asyncpg.Connection[Any]", schema: str) -> Queries:
    settings = queue_settings(schema)
    return Queries(
        AsyncpgDriver(connection),
        qbe=QueryBuilderEnvironment(settings),
        qbq=QueryQueueBuilder(settings),
        qbs=QuerySchedulerBuilder(settings),
    )
