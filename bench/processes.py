"""Child processes: each is ready once its log says so, and ends with its block."""

import atexit
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 60.0
STOP_SECONDS = 30.0
_POLL_SECONDS = 0.02


class NotStarted(RuntimeError):
    """A child process did not become ready; the message holds the end of its log."""


class Child:
    """A child process with its output in a log, known by what it writes once it is ready."""

    def __init__(self, command: Sequence[str], ready: str, log: Path, environment: Mapping[str, str] | None = None) -> None:
        """`ready` is a pattern of a line of the log; its first group is what `start` returns, such as an address."""
        self._command = list(command)
        self._ready = re.compile(ready, re.MULTILINE)
        self._log = log
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> str:
        """Returns what the process said when it was ready. Raises NotStarted when it ends before, or after 60 s."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as output:
            begin = output.tell()
            atexit.register(self.kill)  # for an exit that leaves a block without its end
            # In a session of its own, so that Ctrl-C reaches only us, who stop it.
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=self._environment, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while (found := self._ready.search(self._said(begin))) is None:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise NotStarted(f"{' '.join(self._command)} did not start; the end of {self._log}:\n{self._said(begin)[-2000:]}")
            time.sleep(_POLL_SECONDS)
        return found.group(1)

    def kill(self) -> None:
        """Ends it as a crash would: no handler runs. Safe to repeat."""
        atexit.unregister(self.kill)
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Asks it to end, and kills it when it does not within 30 s. Safe to repeat."""
        if self._process is None:
            return
        atexit.unregister(self.kill)
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def _said(self, begin: int) -> str:
        with self._log.open("rb") as log:
            log.seek(begin)
            return log.read().decode(errors="replace")


def end_on_sigterm() -> None:
    """Makes SIGTERM end us as an exit does, so that our children end too; with 143, as what was cut short is no success."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


@dataclass(frozen=True, slots=True)
class Started:
    """A child that is ready: what it said, and its process."""

    said: str
    pid: int


@contextmanager
def started(child: Child) -> Iterator[Started]:
    """Runs the child for the length of the block."""
    try:
        yield Started(child.start(), child.pid)
    finally:
        child.stop()
