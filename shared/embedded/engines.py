"""Both engines of one state directory, under one owner."""

import atexit
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

from shared.embedded.account import account_for_postgres
from shared.embedded.ownership import Ownership
from shared.embedded.postgres import Postgres
from shared.embedded.sockets import remove_socket_dir, socket_dir
from shared.embedded.valkey import Valkey


class Engines:
    """A running PostgreSQL and Valkey, and how to reach them; made by `start`."""

    def __init__(self, state_dir: Path, *, durable: bool) -> None:
        self._owner = os.getpid()
        with ExitStack() as stack:
            stack.callback(Ownership(state_dir).release)
            sockets = socket_dir(state_dir, owners=frozenset({os.geteuid(), account_for_postgres().uid}))
            stack.callback(remove_socket_dir, sockets, state_dir)
            self._valkey = Valkey(state_dir, sockets)
            self._postgres = Postgres(state_dir, sockets, durable=durable)
            self._postgres.start()
            stack.callback(self._postgres.stop)
            self._valkey.start()
            stack.callback(self._valkey.stop)
            self._stack = stack.pop_all()
        atexit.register(self.stop)

    @property
    def database_url(self) -> str:
        """The database `postgres`, for SQLAlchemy with asyncpg."""
        return self.database_url_for("postgres")

    def database_url_for(self, name: str) -> str:
        """Returns the URL of the database `name`, which need not exist yet."""
        return f"postgresql+asyncpg://postgres@/{quote(name)}?host={quote(str(self._postgres.socket_dir))}"

    @property
    def cache_url(self) -> str:
        return f"unix://{quote(str(self._valkey.socket))}?db=0"

    def stop(self) -> None:
        """Stops both and gives up the state directory; data stays. Safe to repeat; does nothing in a forked child."""
        if os.getpid() == self._owner:
            atexit.unregister(self.stop)
            self._stack.close()

    def stop_database(self) -> None:
        """Stops PostgreSQL alone and at once, as if it had died: sessions are cut, and the next start recovers."""
        self._postgres.stop_at_once()

    def start_database(self) -> None:
        """Starts PostgreSQL again, recovered, at the same URL; not for use while it runs."""
        self._postgres.start()

    def stop_cache(self) -> None:
        """Stops Valkey alone, as if it had died."""
        self._valkey.stop()

    def start_cache(self) -> None:
        """Starts Valkey again, empty, at the same URL; does nothing while it runs."""
        self._valkey.start()


def start(state_dir: Path, *, durable: bool = True) -> Engines:
    """Starts both engines on `state_dir` (made if need be) and returns when they answer; blocks a while after a crash.

    Data is kept between runs. Without `durable`, for tests, a crash of the machine may lose it, one of a process not.
    Raises StateDirInUse when another process owns the directory, and EngineFailed when an engine does not start.
    """
    resolved = state_dir.expanduser().absolute()
    resolved.mkdir(parents=True, exist_ok=True)
    return Engines(resolved.resolve(), durable=durable)


@contextmanager
def running(state_dir: Path, *, durable: bool = True) -> Iterator[Engines]:
    """Runs both engines for the length of the block."""
    engines = start(state_dir, durable=durable)
    try:
        yield engines
    finally:
        engines.stop()
