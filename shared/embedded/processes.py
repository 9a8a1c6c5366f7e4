"""Processes by pid, and by what they are: a pid alone may have gone to somebody else."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from shared.embedded.account import Account
from shared.embedded.errors import EngineFailed

POLL_SECONDS = 0.02
LARGEST_LOG_BYTES = 10_000_000


def spawn(argv: Sequence[str], *, cwd: Path, log: Path, account: Account | None = None) -> psutil.Popen:
    """Starts `argv` with its output in `log`, in a session of its own, so that Ctrl-C reaches only its owner."""
    other = account if account is not None and not account.is_ours else None
    if log.exists() and log.stat().st_size > LARGEST_LOG_BYTES:
        log.replace(log.with_suffix(".log.old"))
    # For our eyes only: the log of a database quotes what it was asked.
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as output:
        return psutil.Popen(
            argv,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=other.uid if other else None,
            group=other.gid if other else None,
            extra_groups=() if other else None,
        )


def find(pid: str, word: str) -> psutil.Process | None:
    """Returns the live process of that pid if `word` is on its command line; None also when `pid` is no number."""
    try:
        process = psutil.Process(int(pid))
        is_it = word in process.cmdline()
    except (psutil.Error, ValueError):
        return None
    return process if is_it and is_alive(process) else None


def command_of(process: psutil.Process) -> list[str]:
    """Returns its command line; an empty one when it is gone."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def is_alive(process: psutil.Process) -> bool:
    """A zombie is not alive: an orphan's remains stay until init reaps them, and some containers' init never does."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def stop(process: psutil.Process, name: str, *steps: tuple[signal.Signals, float]) -> None:
    """Sends the signals one after another, each with the seconds to wait for it, until the process is gone.

    Raises EngineFailed when it survives the last one.
    """
    for number, seconds in steps:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            return
        deadline = time.monotonic() + seconds
        while is_alive(process):
            if time.monotonic() > deadline:
                break
            time.sleep(POLL_SECONDS)
        else:
            if isinstance(process, psutil.Popen):
                process.wait()  # reaps it, so that no zombie of ours stays behind
            return
    raise EngineFailed(f"{name} (process {process.pid}) does not stop, not even by {steps[-1][0].name}; stop it by hand")


def failure(what: str, log: Path) -> EngineFailed:
    """Returns the error `what`, with the last lines of `log`."""
    lines = log.read_text(errors="replace").splitlines()[-15:] if log.exists() else []
    return EngineFailed("\n".join([f"{what}; the end of {log}:", *lines]))
