"""Databases for tests: one template migrated once, and a clone of it for each test module."""

import asyncio
import itertools
import os
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy.engine import make_url

from shared.embedded import Engines
from shared.storage.database import connect_raw
from shared.storage.migrations import migrate
from shared.storage.provision import provision

_TEMPLATE = "ballast_template"
_numbers = itertools.count(1)


class Databases:
    """Makes databases that already have every schema; `schemas` maps each schema to its migrations."""

    def __init__(self, engines: Engines, schemas: Mapping[str, Path]) -> None:
        self._engines = engines
        asyncio.run(self._prepare(schemas))

    async def _prepare(self, schemas: Mapping[str, Path]) -> None:
        self._urls = await provision(self._engines.database_url, _TEMPLATE, list(schemas), fresh=True)
        await asyncio.gather(*(migrate(self._urls[schema], schema, scripts) for schema, scripts in schemas.items()))

    def clone(self) -> dict[str, str]:
        """Returns the URL for each schema in a new database."""
        return asyncio.run(self._clone(f"test_{os.getpid()}_{next(_numbers)}"))

    async def _clone(self, name: str) -> dict[str, str]:
        connection = await connect_raw(self._engines.database_url, "public")
        try:
            await connection.execute(f'create database "{name}" template "{_TEMPLATE}" strategy file_copy')
        finally:
            await connection.close()
        return {schema: make_url(url).set(database=name).render_as_string(hide_password=False) for schema, url in self._urls.items()}
