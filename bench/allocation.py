"""Allocation alone as a process, over durable engines that the measurement runs itself."""

import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from bench.databases import drop
from bench.processes import Child, Started, started
from shared.embedded import Engines
from shared.storage.provision import provision

SCHEMA = "allocation"


@asynccontextmanager
async def running_allocation(engines: Engines, database: str, logs: Path, **settings: object) -> AsyncIterator[Started]:
    """Runs allocation on a fresh database for the length of the block; what it says is its address."""
    url = (await provision(engines.database_url, database, [SCHEMA], fresh=True))[SCHEMA]
    values: Mapping[str, object] = {
        "port": 0,
        "database_url": url,
        "cache_url": engines.cache_url,
        "subscribers": {},
        "state_dir": logs,
        **settings,
    }
    environment = {f"BALLAST_ALLOCATION_{key.upper()}": _text(value) for key, value in values.items()}
    log = logs / f"{database}.log"
    try:
        with started(Child([sys.executable, "-m", "services.allocation"], r"^allocation serves on (\S+)$", log, environment)) as running:
            yield running
    finally:
        await drop(engines, database)


def _text(value: object) -> str:
    return json.dumps(value) if isinstance(value, dict) else str(value)
