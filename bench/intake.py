"""Intake alone as a process, over durable engines that the measurement runs itself."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cpu import postmaster_of
from bench.databases import drop
from bench.processes import Child
from shared.embedded import Engines
from shared.storage.provision import provision

SCHEMA = "intake"


@dataclass(frozen=True, slots=True)
class Intake:
    """A running intake: where it serves, its process, and its database as intake itself sees it."""

    address: str
    pid: int
    database_url: str
    engines: Engines

    async def pids(self) -> tuple[int, int]:
        """Returns the processes whose CPU time its work takes: its own, and PostgreSQL's."""
        return self.pid, await postmaster_of(self.engines)


def intake_child(database_url: str, cache_url: str, log: Path, **settings: Any) -> Child:
    """Returns `python -m services.intake` without subscribers on a free port, not yet started; it says its address."""
    values = {"port": 0, "database_url": database_url, "cache_url": cache_url, "subscribers": {}, "state_dir": log.parent} | settings
    environment = {f"BALLAST_INTAKE_{key.upper()}": _text(value) for key, value in values.items()}
    return Child([sys.executable, "-m", "services.intake"], r"^intake serves on (\S+)$", log, environment)


@asynccontextmanager
async def running_intake(engines: Engines, database: str, logs: Path) -> AsyncIterator[Intake]:
    """Runs intake on a fresh database for the length of the block; the database is dropped with it."""
    url = (await provision(engines.database_url, database, [SCHEMA], fresh=True))[SCHEMA]
    child = intake_child(url, engines.cache_url, logs / f"{database}.log")
    try:
        yield Intake(child.start(), child.pid, url, engines)
    finally:
        child.stop()
        await drop(engines, database)


def _text(value: object) -> str:
    return json.dumps(value) if isinstance(value, dict) else str(value)
