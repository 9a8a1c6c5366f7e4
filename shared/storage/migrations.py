"""Migrations: each service's own Alembic history, in its own schema, brought to the newest version before it serves."""

import asyncio
from pathlib import Path
from weakref import WeakKeyDictionary

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from shared.storage.database import connect_raw
from shared.storage.queue import queue_queries

# Scripts speak through alembic.op, which the whole process shares: two histories at once would run on one another's connection.
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


async def migrate(url: str, schema: str, scripts: Path) -> None:
    """Creates the schema when it is missing, and brings it and the queue's tables to the newest version.

    `scripts` is a folder with `versions/`. Safe with several replicas starting at once: one migrates, under an advisory lock,
    and the others wait.
    """
    engine = create_async_engine(url, connect_args={"server_settings": {"search_path": schema}})
    try:
        async with engine.begin() as connection:
            await connection.execute(text("select pg_advisory_xact_lock(hashtext(:key))"), {"key": f"ballast-migrate-{schema}"})
            # `create schema if not exists` asks for the right to create even where the schema exists; a service's role need not have it.
            if not (await connection.execute(text("select 1 from pg_namespace where nspname = :schema"), {"schema": schema})).first():
                await connection.execute(text(f'create schema "{schema}"'))
            async with _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
                await connection.run_sync(_upgrade, schema, scripts)
    finally:
        await engine.dispose()
    await _install_queue(url, schema)


def _upgrade(connection: Connection, schema: str, scripts: Path) -> None:
    script = ScriptDirectory(str(scripts))

    def steps(revision: tuple[str, ...], _: object) -> list[object]:
        return list(script._upgrade_revs("head", revision))  # type: ignore[arg-type]  # noqa: SLF001 - how alembic.command.upgrade does it; the public way wants an env.py in every service

    with EnvironmentContext(Config(), script, fn=steps) as environment:
        environment.configure(connection=connection, version_table_schema=schema, transactional_ddl=True)
        environment.run_migrations()


async def _install_queue(url: str, schema: str) -> None:
    connection = await connect_raw(url, schema)
    try:
        queries = queue_queries(connection, schema)
        await connection.execute("select pg_advisory_lock(hashtext($1))", f"ballast-queue-{schema}")
        if await queries.schema_is_installed():
            await queries.upgrade()
        else:
            await queries.install(create_schema=False)
    finally:
        await connection.close()  # releases the lock too
