"""Where the engines' Unix sockets lie: beside their data, or in a short directory when that path is too long."""

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from shared.embedded.errors import EngineFailed

LONGEST_SOCKET_PATH = 103  # bytes; sun_path holds 108 on Linux and 104 on macOS, with a closing zero
POSTGRES_SOCKET = ".s.PGSQL.5432"
VALKEY_SOCKET = "valkey.sock"


def socket_dir(state_dir: Path, *, owners: frozenset[int]) -> Path:
    """Returns the directory for the sockets of `state_dir`, made if need be; the same one each time.

    A directory under the system's temporary one must belong to one of `owners` (uids), as anyone may make names there.
    """
    beside = state_dir / "run"
    if _fits(beside):
        beside.mkdir(exist_ok=True)
        return beside
    name = f"ballast-{hashlib.sha256(os.fsencode(state_dir)).hexdigest()[:16]}"
    short = Path(tempfile.gettempdir(), name)
    if not _fits(short):
        short = Path("/tmp", name)  # noqa: S108  # ownership is checked below
    short.mkdir(mode=0o700, exist_ok=True)
    found = short.lstat()
    if short.is_symlink() or found.st_uid not in owners:
        raise EngineFailed(f"{short} belongs to user {found.st_uid}; remove it, or use a state directory with a shorter path")
    return short


def remove_socket_dir(folder: Path, state_dir: Path) -> None:
    """Removes a short socket directory that is empty; one beside the data stays."""
    if folder.parent != state_dir:
        with suppress(OSError):
            folder.rmdir()


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / POSTGRES_SOCKET)) <= LONGEST_SOCKET_PATH
