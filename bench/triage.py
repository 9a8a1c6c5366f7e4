"""Triage alone as a process, over durable engines that the measurement runs itself."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.databases import drop
from bench.processes import Child
from shared.embedded import Engines
from shared.storage.provision import provision

SCHEMA = "triage"


@asynccontextmanager
async def running_triage(engines: Engines, database: str, logs: Path, *, subscribers: tuple[str, ...] = ()) -> AsyncIterator[str]:
    """Runs triage on a fresh database for the length of the block, and gives its address.

    `subscribers` are told of components at an address where nobody listens: their deliveries are queued, as an import in earnest has it.
    """
    url = (await provision(engines.database_url, database, [SCHEMA], fresh=True))[SCHEMA]
    told = {name: {"address": "127.0.0.1:9", "types": ["ballast.triage.v1.ComponentChanged"]} for name in subscribers}
    values = {
        "port": "0",
        "database_url": url,
        "cache_url": engines.cache_url,
        "subscribers": json.dumps(told),
        "state_dir": str(logs),
    }
    environment = {f"BALLAST_TRIAGE_{key.upper()}": value for key, value in values.items()}
    child = Child([sys.executable, "-m", "services.triage"], r"^triage serves on (\S+)$", logs / f"{database}.log", environment)
    try:
        yield child.start()
    finally:
        child.stop()
        await drop(engines, database)
