"""Migrations: they make what the tables say, and replicas that start at once do not get in each other's way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from shared.embedded import Engines
from shared.storage.migrations import migrate
from shared.storage.provision import provision
from shared.storage.tables import TransactionId
from tests.conftest import SERVICES


def tables_of(service: str) -> Any:
    """Returns the module of the service's tables, after every `…_tables` beside it has added its own."""
    tables = import_module(f"services.{service}.storage.tables")
    for path in Path(tables.__file__ or "").parent.glob("*_tables.py"):
        import_module(f"services.{service}.storage.{path.stem}")
    return tables


def differences(connection: Connection, service: str, metadata: MetaData) -> list[Any]:
    """Returns what a migrated schema lacks or has too much, types, defaults and indexes included."""

    partitions = {row.relname for row in connection.execute(text("select relname from pg_class where relispartition"))}

    def ours(name: str | None, kind: str, _: object) -> bool:
        return kind != "table" or not ((name or "").startswith(("pgqueuer", "alembic_version")) or name in partitions)

    dialect: Any = connection.dialect
    dialect.ischema_names = dialect.ischema_names | {"xid8": TransactionId}  # which SQLAlchemy does not know
    options = {"include_name": ours, "compare_type": True, "compare_server_default": True, "version_table_schema": service}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


@asynccontextmanager
async def connected(url: str, service: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(url, connect_args={"server_settings": {"search_path": service}})
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()


async def schema_of(url: str, service: str) -> list[tuple[str, ...]]:
    async with connected(url, service) as connection:
        found = await connection.execute(
            text(
                "select table_name, column_name, data_type, is_nullable from information_schema.columns where table_schema = :schema "
                "order by 1, 2"
            ),
            {"schema": service},
        )
        return [tuple(row) for row in found]


@pytest.mark.parametrize("service", SERVICES)
async def test_the_migrations_of_a_service_make_what_its_tables_say(service: str, urls: dict[str, str]) -> None:
    async with connected(urls[service], service) as connection:
        assert await connection.run_sync(differences, service, tables_of(service).metadata) == []


@pytest.mark.parametrize("service", SERVICES)
async def test_migrating_again_changes_nothing(service: str, urls: dict[str, str]) -> None:
    before = await schema_of(urls[service], service)
    await migrate(urls[service], service, tables_of(service).MIGRATIONS)
    assert await schema_of(urls[service], service) == before


async def test_replicas_and_services_that_migrate_at_once_all_succeed(engines: Engines, urls: dict[str, str]) -> None:
    fresh = await provision(engines.database_url, "migrated_at_once", SERVICES)
    calls = [migrate(fresh[service], service, tables_of(service).MIGRATIONS) for service in SERVICES * 3]
    await asyncio.gather(*calls)
    for service in SERVICES:
        assert await schema_of(fresh[service], service) == await schema_of(urls[service], service)


async def test_a_service_makes_its_schema_where_it_is_missing(engines: Engines, urls: dict[str, str]) -> None:
    await provision(engines.database_url, "without_schemas", [])
    url = engines.database_url_for("without_schemas")
    await migrate(url, "intake", tables_of("intake").MIGRATIONS)
    assert await schema_of(url, "intake") == await schema_of(urls["intake"], "intake")


async def test_a_service_sees_no_schema_but_its_own(urls: dict[str, str]) -> None:
    async with connected(urls["intake"], "intake") as connection:
        found = await connection.execute(
            text("select nspname from pg_namespace where nspname = any(:services) and has_schema_privilege(oid, 'usage')"),
            {"services": SERVICES},
        )
        assert [row.nspname for row in found] == ["intake"]
