"""The peers that are measured beside Ballast, each on loopback with state of its own under the bench's directory."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.processes import Child, Started, started
from shared.embedded import Engines

ALERTMANAGER = "prometheus-alertmanager"
ALERTA_RELEASE = "alerta-server==9.1.0"
_ALERTA_PACKAGES = (ALERTA_RELEASE, "psycopg2-binary>=2.9", "gunicorn>=23", "setuptools<81")
_INSTALL_SECONDS = 300
# One group for each component, as in Ballast, and nobody to notify.
_ALERTMANAGER_CONFIG = "route: {receiver: nobody, group_by: [component]}\nreceivers: [{name: nobody}]\n"


class Absent(RuntimeError):
    """The peer is not on this machine; the message says how to get it."""


@contextmanager
def echo(directory: Path) -> Iterator[Started]:
    """Runs the bare echo; gives its address and process."""
    child = Child([sys.executable, "-m", "bench.echo"], r"^echo serves on (\S+)$", directory / "echo.log")
    with started(child) as peer:
        yield peer


@contextmanager
def audit_log(directory: Path, database_url: str, connections: int) -> Iterator[Started]:
    """Runs the ledger's peer over a database that has its table; gives its address and process."""
    command = [sys.executable, "-m", "bench.audit", database_url, str(connections)]
    with started(Child(command, r"^audit serves on (\S+)$", directory / "audit.log")) as peer:
        yield peer


@contextmanager
def alertmanager(directory: Path) -> Iterator[Started]:
    """Runs Debian's Alertmanager alone, on fresh storage; gives its address and process. Raises Absent."""
    binary = shutil.which(ALERTMANAGER)
    if binary is None:
        raise Absent(f"absent: apt-get install {ALERTMANAGER}")
    storage = directory / "alertmanager"
    shutil.rmtree(storage, ignore_errors=True)
    storage.mkdir(parents=True)
    config = storage / "alertmanager.yml"
    config.write_text(_ALERTMANAGER_CONFIG)
    command = [binary, f"--config.file={config}", f"--storage.path={storage / 'data'}", "--cluster.listen-address="]
    child = Child([*command, "--web.listen-address=127.0.0.1:0"], r'msg="Listening on" address=(\S+)', directory / "alertmanager.log")
    with started(child) as peer:
        yield peer


@contextmanager
def alerta(directory: Path, engines: Engines, database: str) -> Iterator[Started]:
    """Runs Alerta on gunicorn over `database`, which exists and is empty; gives its address and process. Raises Absent.

    It lives in an environment of its own, installed at the first run: none of it is a dependency of Ballast.
    """
    python = own_environment(directory / "alerta-venv", ALERTA_RELEASE, _ALERTA_PACKAGES)
    settings = directory / "alertad.conf"
    url = engines.database_url_for(database).replace("postgresql+asyncpg://", "postgresql://", 1)
    settings.write_text(f"DATABASE_URL = {url!r}\nDATABASE_NAME = {database!r}\nSECRET_KEY = 'bench'\nAUTH_REQUIRED = False\n")
    environment = {"ALERTA_SVR_CONF_FILE": str(settings.absolute())}
    # Its tables first: two workers that make them at once stumble over each other.
    making = [str(python), "-c", "import alerta; alerta.create_app()"]
    subprocess.run(making, check=True, capture_output=True, timeout=_INSTALL_SECONDS, env=os.environ | environment)
    options = ("--workers=2", "--threads=4", "--keep-alive=60", "--bind=127.0.0.1:0")
    command = [str(python), "-m", "gunicorn", *options, "alerta:create_app()"]
    with started(Child(command, r"Listening at: http://(\S+)", directory / "alerta.log", environment)) as peer:
        yield peer


def own_environment(venv: Path, release: str, packages: Sequence[str]) -> Path:
    """Returns the interpreter of an environment that holds these packages, installed at the first run. Raises Absent."""
    python = venv / "bin" / "python"
    done = venv / "installed"
    if done.exists() and done.read_text() == release:
        return python
    commands = (
        [sys.executable, "-m", "venv", "--clear", str(venv)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages],
    )
    for command in commands:
        try:
            ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS)
        except subprocess.TimeoutExpired:
            raise Absent(f"absent: {release} was not installed within {_INSTALL_SECONDS} s") from None
        if ended.returncode != 0:
            raise Absent(f"absent: {release} could not be installed: {ended.stderr.strip().splitlines()[-1:]}")
    done.write_text(release)
    return python
