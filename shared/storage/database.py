"""The engine of one service: its schema, its transactions, and the raw connection for what wants asyncpg itself."""

import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from shared.errors import Unavailable
from shared.storage.failure import is_connection_failure

_CONNECT_TIMEOUT_SECONDS = 10.0
_STATEMENT_TIMEOUT_SECONDS = 60.0

AfterCommit = Callable[[], Awaitable[object]]
Witness = Callable[[Any, Any], Awaitable[object]]
"""Is told of a call, by its request and its answer, in the transaction that it ends in."""

_log = structlog.get_logger(__name__)


class Database:
    """One service's PostgreSQL: every connection has the service's schema, and only that, on its search path."""

    def __init__(self, url: str, schema: str, *, pool_size: int = 8) -> None:
        self.url = url
        self.schema = schema
        self.witness: Witness | None = None  # of every call that may change something
        self._engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=_CONNECT_TIMEOUT_SECONDS,
            # No ping before each use: it would cost a round trip a transaction. After a restart of the server each connection
            # fails once, as Unavailable, which callers retry; the pool is then renewed.
            connect_args={
                "timeout": _CONNECT_TIMEOUT_SECONDS,
                "command_timeout": _STATEMENT_TIMEOUT_SECONDS,
                "server_settings": {"search_path": schema, "application_name": f"ballast-{schema}", "timezone": "UTC"},
            },
        )
        # Of this task and this database: a transaction opened by idempotency is joined by the store methods below it.
        self._ambient: contextvars.ContextVar[AsyncConnection | None] = contextvars.ContextVar(f"transaction_{schema}", default=None)
        self._afterwards: contextvars.ContextVar[list[AfterCommit] | None] = contextvars.ContextVar(f"afterwards_{schema}", default=None)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Gives a connection in a transaction that commits at the end, or rolls back on an exception.

        Within another `transaction()` of the same task it joins that one, so that a call's idempotency record, its changes and
        its events commit together or not at all. Raises Unavailable when the database is away.
        """
        joined = self._ambient.get()
        if joined is not None:
            yield joined
            return
        calls: list[AfterCommit] = []
        connected = False
        try:
            async with self._engine.begin() as connection:
                connected = True
                token, pending = self._ambient.set(connection), self._afterwards.set(calls)
                try:
                    yield connection
                finally:
                    self._afterwards.reset(pending)
                    self._ambient.reset(token)
        except Exception as error:
            if not connected or is_connection_failure(error):
                raise _away(error) from error
            raise
        for call in calls:
            try:
                await call()
            except Exception:  # noqa: BLE001 - the change is durable: its caller must not take it for failed
                _log.exception("failed after a commit")

    @property
    def is_joined(self) -> bool:
        """Whether a transaction of this task is under way, which `transaction()` would join."""
        return self._ambient.get() is not None

    async def ask(self, question: str, *arguments: object) -> "list[asyncpg.Record]":
        """Answers one question, in SQL of the driver itself: within the transaction under way, if one is, else without any.

        For questions asked so often that to begin and end a transaction for them would cost more than they do. Raises Unavailable as
        `transaction` does.
        """
        joined = self._ambient.get()
        if joined is not None:
            return list(await (await raw(joined)).fetch(question, *arguments))
        connection: AsyncConnection | None = None
        try:
            async with self._engine.connect() as connection:
                driver = (await connection.get_raw_connection()).driver_connection
                assert driver is not None
                try:
                    return list(await driver.fetch(question, *arguments))
                except Exception as error:
                    # The driver says that another operation is under way when the connection is lost just as it begins: nobody else
                    # has this one.
                    if is_connection_failure(error) or isinstance(error, asyncpg.InternalClientError):
                        # The pool does not see what goes around it, and would give it out again.
                        await connection.invalidate(error)
                        raise _away(error) from error
                    raise
        except Unavailable:
            raise
        except Exception as error:
            if connection is None or is_connection_failure(error):
                raise _away(error) from error
            raise

    def after_commit(self, call: AfterCommit) -> None:
        """Runs `call` once the transaction under way has committed, before its caller goes on; never when it rolls back.

        For what may be lost, such as a cache: a crash between the two leaves it undone, and what it raises is only logged.
        """
        calls = self._afterwards.get()
        if calls is None:
            raise RuntimeError("after_commit is for use within a transaction")
        calls.append(call)

    async def listener(self) -> "asyncpg.Connection[Any]":
        """Opens a connection of its own, outside the pool, for LISTEN; the caller closes it."""
        return await connect_raw(self.url, self.schema)

    async def close(self) -> None:
        await self._engine.dispose()


def _away(error: Exception) -> Unavailable:
    _log.warning("the database is away", error=str(error))
    return Unavailable("the database is away; try again", reason="DATABASE_UNAVAILABLE")


async def raw(connection: AsyncConnection) -> "asyncpg.Connection[Any]":
    """Returns the asyncpg connection below, inside the same transaction."""
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    if not driver.is_in_transaction():  # SQLAlchemy begins with its first statement, and knows of none of the driver's
        await connection.exec_driver_sql("select 1")
    return driver


async def connect_raw(url: str, schema: str) -> "asyncpg.Connection[Any]":
    return await asyncpg.connect(
        url.replace("postgresql+asyncpg://", "postgresql://", 1),
        timeout=_CONNECT_TIMEOUT_SECONDS,
        command_timeout=_STATEMENT_TIMEOUT_SECONDS,
        server_settings={"search_path": schema, "application_name": f"ballast-{schema}-listener", "timezone": "UTC"},
    )
