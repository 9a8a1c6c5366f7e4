"""PostgreSQL on a data directory of its own: made, adopted after a crash of its owner, started and stopped."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil

from shared.embedded import processes
from shared.embedded.account import account_for_postgres, let_read
from shared.embedded.binaries import postgres_binary
from shared.embedded.errors import EngineFailed
from shared.embedded.sockets import POSTGRES_SOCKET

START_SECONDS = 60.0  # crash recovery replays up to max_wal_size of log
INITDB_SECONDS = 120.0

# A quarter of the memory there is, as PostgreSQL's manual advises, but no more than the busiest tables need. It is taken as it is used.
_BUFFERS_MB = min(1024, max(128, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4 // 2**20))

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": f"{_BUFFERS_MB}MB",
    "max_wal_size": "1GB",
    "jit": "off",  # compiling costs more than such short queries take
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
WITHOUT_DURABILITY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """One PostgreSQL server, found again by the postmaster.pid in its data directory."""

    def __init__(self, state_dir: Path, sockets: Path, *, durable: bool) -> None:
        self.socket_dir = sockets
        self._dir = state_dir
        self._data = state_dir / "postgres"
        self._log = state_dir / "postgres.log"
        self._durable = durable
        self._account = account_for_postgres()
        self._process: psutil.Process | None = None

    def start(self) -> None:
        """Returns when the server takes connections; makes the data directory, or recovers what a killed owner left.

        Raises EngineFailed after 60 s, or when the server ends.
        """
        if not self._account.is_ours:
            let_read(postgres_binary("postgres").parents[1])
        self._account.own(self.socket_dir)
        self._make_data()
        deadline = time.monotonic() + START_SECONDS
        self._process = self._adopted(deadline)
        while self._process is None:
            self._process = self._started(deadline)

    def stop(self) -> None:
        """Ends sessions, writes a checkpoint and stops; safe to repeat."""
        if self._process is not None:
            _stop(self._process)
            self._process = None

    def stop_at_once(self) -> None:
        """Stops without a checkpoint, as a crash would; safe to repeat."""
        if self._process is not None:
            processes.stop(self._process, "PostgreSQL", *_AT_ONCE)
            self._process = None

    def _make_data(self) -> None:
        """Makes the data directory whole or not at all: what an initdb cut short leaves is removed here."""
        for remains in self._dir.glob("postgres.new-*"):
            shutil.rmtree(remains)
        if self._data.exists():
            self._check_version()
            return
        fresh = self._dir / f"postgres.new-{time.time_ns()}"
        fresh.mkdir()
        self._account.own(fresh)
        command = [
            *(str(postgres_binary("initdb")), "-D", str(fresh), "--username=postgres", "--auth=trust"),
            # The same collation on every machine, whatever its locale.
            *("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
            *("--no-instructions", *(() if self._durable else ("--no-sync",))),
        ]
        process = processes.spawn(command, cwd=fresh, log=self._log, account=self._account)
        try:
            status = process.wait(INITDB_SECONDS)
        except BaseException:
            processes.stop(process, "initdb", (signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))
            raise
        if status != 0:
            raise processes.failure(f"initdb ended with status {status}", self._log)
        fresh.rename(self._data)

    def _check_version(self) -> None:
        data = (self._data / "PG_VERSION").read_text().strip()
        binary = subprocess.run(  # noqa: S603  # our own binary
            [postgres_binary("postgres"), "--version"], capture_output=True, text=True, check=True
        ).stdout.split()[2]
        if binary.split(".")[0] != data:
            raise EngineFailed(
                f"{self._data} was written by PostgreSQL {data}, and this is {binary}; use another state directory, "
                f"or dump and restore it with the release of Ballast that wrote it"
            )

    def _adopted(self, deadline: float) -> psutil.Process | None:
        """Returns the server a killed owner left running, if it runs as we would run it; stops any other."""
        while (leftover := processes.find(self._postmaster()[0], str(self._data))) is not None:
            status = self._status(leftover.pid)
            if processes.command_of(leftover) != self._argv():
                _stop(leftover)
            elif status == "ready" and not (self.socket_dir / POSTGRES_SOCKET).exists():
                _stop(leftover)  # whoever sweeps the temporary directory took its socket
            elif status == "ready":
                return leftover
            elif time.monotonic() > deadline:
                raise processes.failure(f"a PostgreSQL left behind (process {leftover.pid}) stays {status!r}", self._log)
            time.sleep(processes.POLL_SECONDS)
        return None

    def _started(self, deadline: float) -> psutil.Process | None:
        """Returns the server once it is ready; None to try again, while backends of a killed one hold its memory."""
        # Stale, as there was no such server to adopt; PostgreSQL itself is misled by a pid that went to another process,
        # or to a zombie which no init reaps.
        for stale in (self._data / "postmaster.pid", *self.socket_dir.glob(f"{POSTGRES_SOCKET}*")):
            stale.unlink(missing_ok=True)
        process = processes.spawn(self._argv(), cwd=self._data, log=self._log, account=self._account)
        try:
            self._wait_until_ready(process, deadline)
        except EngineFailed as error:
            if "pre-existing shared memory block" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.5)
            return None
        except BaseException:
            _stop(process)
            raise
        return process

    def _wait_until_ready(self, process: psutil.Popen, deadline: float) -> None:
        while self._status(process.pid) != "ready":
            if process.poll() is not None:
                raise processes.failure(f"PostgreSQL ended with status {process.returncode}", self._log)
            if time.monotonic() > deadline:
                _stop(process)
                raise processes.failure(f"PostgreSQL was not ready within {START_SECONDS:.0f} s", self._log)
            time.sleep(processes.POLL_SECONDS)

    def _status(self, pid: int) -> str:
        """What the server of `pid` says of itself: "starting", "ready", "stopping"; empty when it has not said."""
        lines = self._postmaster()
        return lines[7].strip() if len(lines) > 7 and lines[0] == str(pid) else ""

    def _postmaster(self) -> list[str]:
        """The lines of postmaster.pid: pid, data directory, start, port, socket directory, address, memory, status."""
        try:
            return (self._data / "postmaster.pid").read_text().splitlines() or [""]
        except FileNotFoundError:
            return [""]

    def _argv(self) -> list[str]:
        settings = SETTINGS | ({} if self._durable else WITHOUT_DURABILITY)
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        return [str(postgres_binary("postgres")), "-D", str(self._data), "-k", str(self.socket_dir), *options]


# SIGINT is PostgreSQL's fast shutdown, SIGQUIT its immediate one, after which the next start recovers.
_AT_ONCE = ((signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))


def _stop(process: psutil.Process) -> None:
    processes.stop(process, "PostgreSQL", (signal.SIGINT, 60.0), *_AT_ONCE)
