"""Valkey as a cache: in memory only, on a Unix socket, evicting the least used keys when full."""

import signal
import socket
import time
from pathlib import Path

import psutil

from shared.embedded import processes
from shared.embedded.binaries import valkey_binary
from shared.embedded.sockets import VALKEY_SOCKET

START_SECONDS = 60.0


class Valkey:
    """One Valkey server, found again by its pid file."""

    def __init__(self, state_dir: Path, sockets: Path) -> None:
        self.socket = sockets / VALKEY_SOCKET
        self._dir = state_dir
        self._pid_file = state_dir / "valkey.pid"
        self._log = state_dir / "valkey.log"
        self._process: psutil.Popen | None = None

    def start(self) -> None:
        """Starts an empty server and returns when it answers; one left behind by a killed owner is stopped first.

        Does nothing while ours runs. Raises EngineFailed after 60 s, or when the server ends.
        """
        if self._process is not None:
            if processes.is_alive(self._process):
                return
            self.stop()  # reaps what died by itself
        leftover = processes.find(self._read_pid(), str(self.socket))
        if leftover is not None:
            _stop(leftover)
        self._clear()
        self._process = processes.spawn(self._argv(), cwd=self._dir, log=self._log)
        try:
            self._wait_for_answer(self._process)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops the server; safe to repeat."""
        if self._process is not None:
            _stop(self._process)
            self._process = None
        self._clear()

    def _clear(self) -> None:
        self._pid_file.unlink(missing_ok=True)
        self.socket.unlink(missing_ok=True)

    def _read_pid(self) -> str:
        return self._pid_file.read_text().strip() if self._pid_file.exists() else ""

    def _wait_for_answer(self, process: psutil.Popen) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if process.poll() is not None:
                raise processes.failure(f"Valkey ended with status {process.returncode}", self._log)
            if time.monotonic() > deadline:
                raise processes.failure(f"Valkey did not answer within {START_SECONDS:.0f} s", self._log)
            time.sleep(processes.POLL_SECONDS)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            try:
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
            except OSError:
                return False

    def _argv(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "daemonize": "no",
            "pidfile": str(self._pid_file),
            "save": "",
            "appendonly": "no",
            "maxmemory": "256mb",
            "maxmemory-policy": "allkeys-lru",
            "set-proc-title": "no",  # keeps the command line, by which a leftover is known
        }
        return [str(valkey_binary()), *(word for key, value in options.items() for word in (f"--{key}", value))]


def _stop(process: psutil.Process) -> None:
    processes.stop(process, "Valkey", (signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))
