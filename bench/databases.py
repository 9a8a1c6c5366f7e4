"""Databases of single scenarios in the bench's PostgreSQL; each is dropped with its scenario, so that its size weighs on no other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.embedded import Engines
from shared.storage.database import connect_raw


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


async def _execute(engines: Engines, statement: str) -> None:
    connection = await connect_raw(engines.database_url, "public")
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
