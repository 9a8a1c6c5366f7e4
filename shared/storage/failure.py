"""Tells a database that is away from a statement that is wrong."""

import asyncio

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    ConnectionError,
    FileNotFoundError,  # the socket of an embedded server that is down
)


def is_connection_failure(error: BaseException | None) -> bool:
    """Whether `error`, or what caused it, means that the database could not be reached or went away."""
    while error is not None:
        if isinstance(error, (*_AWAY, PoolTimeoutError, OperationalError, InterfaceError)):
            return True
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            return True
        if isinstance(error, asyncio.CancelledError):
            return False
        error = error.__cause__ or getattr(error, "orig", None)
    return False


def is_unique_violation(error: BaseException, constraint: str) -> bool:
    """Whether `error` is a breach of the unique constraint or index of this name."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, asyncpg.UniqueViolationError):
            return bool(cause.constraint_name == constraint)
        cause = cause.__cause__ or getattr(cause, "orig", None)
    return False
