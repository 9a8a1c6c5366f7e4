"""One owner per state directory: a lock the kernel takes back when its holder dies, however it dies."""

import fcntl
import os
from pathlib import Path

from shared.embedded.errors import StateDirInUse

LOCK_NAME = "lock"


class Ownership:
    """Holds `state_dir/lock`, which contains the owner's pid, until `release` or the end of the process."""

    def __init__(self, state_dir: Path) -> None:
        """Raises StateDirInUse at once when another holds it; a second claim within one process counts as another."""
        # Not inherited by the engines (O_CLOEXEC is Python's default): only the owner itself keeps the lock alive.
        self._file = os.open(state_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(self._file, 32, 0).strip()
            os.close(self._file)
            raise StateDirInUse(state_dir, int(owner) if owner.isdigit() else 0) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """The file stays: removing it would let two processes lock two files of the same name."""
        os.ftruncate(self._file, 0)
        os.close(self._file)
