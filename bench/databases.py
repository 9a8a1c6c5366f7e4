"""Databases of single scenarios in the bench's PostgreSQL; each is dropped with its scenario, so that its size weighs on no other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.embedded import Engines
from shared.storage.database import connect_raw

_PATIENCE_SECONDS = 300


@asynccontextmanager
async def fresh_database(engines: Engines, name: str) -> AsyncIterator[str]:
    """Creates the database anew, gives its name, and drops it with the block."""
    await drop(engines, name)
    await _execute(engines, f'create database "{name}"')
    try:
        yield name
    finally:
        await drop(engines, name)


async def drop(engines: Engines, name: str) -> None:
    """Drops the database if it exists, whoever uses it."""
    await _execute(engines, f'drop database if exists "{name}" with (force)')


async def vacuum(engines: Engines, name: str) -> None:
    """Brings the database to the state it would come to by itself, so that this does not happen while it is measured."""
    await _execute(engines, "vacuum analyze", name)
    await _execute(engines, "checkpoint", name)


async def _execute(engines: Engines, statement: str, database: str = "postgres") -> None:
    connection = await connect_raw(engines.database_url_for(database), "public")
    try:
        await connection.execute(statement, timeout=_PATIENCE_SECONDS)
    finally:
        await connection.close()
