"""Databases and roles for embedded engines: one database a suite, one role and one schema a service."""

from typing import Any

import asyncpg
from sqlalchemy.engine import make_url

from shared.storage.database import connect_raw


async def provision(admin_url: str, database: str, schemas: list[str], *, fresh: bool = False) -> dict[str, str]:
    """Creates what is missing and returns the URL for each schema, with the role that owns it.

    A role sees no other service's schema. With `fresh` an existing database of this name is dropped first.
    """
    connection = await connect_raw(admin_url, "public")
    try:
        if fresh:
            await connection.execute(f'drop database if exists "{database}" with (force)')
        if not await connection.fetchval("select 1 from pg_database where datname = $1", database):
            await connection.execute(f'create database "{database}"')
        for schema in schemas:
            await _create_role(connection, role_of(schema))
    finally:
        await connection.close()
    url = make_url(admin_url).set(database=database)
    connection = await connect_raw(url.render_as_string(hide_password=False), "public")
    try:
        for schema in schemas:
            await connection.execute(f'create schema if not exists "{schema}" authorization "{role_of(schema)}"')
    finally:
        await connection.close()
    return {schema: url.set(username=role_of(schema)).render_as_string(hide_password=False) for schema in schemas}


def role_of(schema: str) -> str:
    return f"ballast_{schema}"


async def _create_role(connection: "asyncpg.Connection[Any]", role: str) -> None:
    try:
        await connection.execute(f'create role "{role}" login')
    except asyncpg.DuplicateObjectError:
        return
