"""Governance alone as a process, over durable engines that the measurement runs itself."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.databases import drop
from bench.processes import Child, Started
from shared.embedded import Engines
from shared.storage.provision import provision

SCHEMA = "governance"


@asynccontextmanager
async def running_governance(engines: Engines, database: str, logs: Path) -> AsyncIterator[Started]:
    """Runs governance on a fresh database for the length of the block; what it says is its address."""
    url = (await provision(engines.database_url, database, [SCHEMA], fresh=True))[SCHEMA]
    values = {"port": "0", "database_url": url, "cache_url": engines.cache_url, "state_dir": str(logs)}
    environment = {f"BALLAST_GOVERNANCE_{key.upper()}": value for key, value in values.items()}
    child = Child([sys.executable, "-m", "services.governance"], r"^governance serves on (\S+)$", logs / f"{database}.log", environment)
    try:
        yield Started(child.start(), child.pid)
    finally:
        child.stop()
        await drop(engines, database)
