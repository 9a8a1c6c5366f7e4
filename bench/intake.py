"""Intake alone as a process, over durable engines that the measurement runs itself."""

import json
import sys
from collections.abc import AsyncIterator, Sequence
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
    """A running intake: where each replica serves, their processes, and the database as intake itself sees it."""

    addresses: Sequence[str]
    processes: Sequence[int]
    database_url: str
    engines: Engines

    @property
    def address(self) -> str:
        """Where the first replica serves."""
        return self.addresses[0]

    async def pids(self) -> tuple[int, ...]:
        """Returns the processes whose CPU time its work takes: PostgreSQL's, and its own."""
        return await postmaster_of(self.engines), *self.processes


def intake_child(database_url: str, cache_url: str, log: Path, **settings: Any) -> Child:
    """Returns `python -m services.intake` without subscribers on a free port, not yet started; it says its address."""
    values = {"port": 0, "database_url": database_url, "cache_url": cache_url, "subscribers": {}, "state_dir": log.parent} | settings
    environment = {f"BALLAST_INTAKE_{key.upper()}": _text(value) for key, value in values.items()}
    return Child([sys.executable, "-m", "services.intake"], r"^intake serves on (\S+)$", log, environment)


@asynccontextmanager
async def running_intake(engines: Engines, database: str, logs: Path, *, replicas: int = 1) -> AsyncIterator[Intake]:
    """Runs intake on a fresh database for the length of the block; the database is dropped with it."""
    url = (await provision(engines.database_url, database, [SCHEMA], fresh=True))[SCHEMA]
    children = [intake_child(url, engines.cache_url, logs / f"{database}-{number}.log") for number in range(replicas)]
    try:
        addresses = [child.start() for child in children]
        yield Intake(addresses, [child.pid for child in children], url, engines)
    finally:
        for child in children:
            child.stop()
        await drop(engines, database)


def _text(value: object) -> str:
    return json.dumps(value) if isinstance(value, dict) else str(value)
