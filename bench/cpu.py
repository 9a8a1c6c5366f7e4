"""CPU time of what is measured: what an alert costs, whoever else uses the machine meanwhile."""

from collections.abc import Sequence

import psutil

from shared.embedded import Engines
from shared.storage.database import connect_raw


def cpu_seconds(pids: Sequence[int]) -> float:
    """Returns the CPU seconds these processes and their children that live have used so far."""
    total = 0.0
    for pid in pids:
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            try:
                times = each.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system
    return total


async def postmaster_of(engines: Engines) -> int:
    """Returns the pid of the engines' PostgreSQL, the parent of all its processes."""
    connection = await connect_raw(engines.database_url, "public")
    try:
        return psutil.Process(await connection.fetchval("select pg_backend_pid()")).ppid()
    finally:
        await connection.close()
