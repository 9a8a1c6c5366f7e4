"""Fixtures for every test: embedded engines, a cloned database for each module, a simulated clock."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import settings

import shared.rpc  # noqa: F401 - its settings for gRPC must come before any channel
from shared.clock import SimulatedClock
from shared.embedded import Engines, running
from shared.testing.databases import Databases

SERVICES = sorted(path.parts[-3] for path in Path(__file__).parent.parent.glob("services/*/storage/tables.py"))
# How long an example takes says nothing of a rule, on a machine that does other things beside.
settings.register_profile("ballast", deadline=None)
settings.load_profile("ballast")
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday
_TEMPORARY = pytest.StashKey[Path]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    # Told every minute, the access log would add events wherever a test takes long; those about it ask for it.
    for name in SERVICES:
        os.environ.setdefault(f"BALLAST_{name.upper()}_ACCESS_LOG_SECONDS", "0")
    # Not below pytest's own /tmp/pytest-of-<user>: every run of pytest closes that to other accounts when it starts, and as root
    # PostgreSQL has an account of its own, which would lose its files to another run.
    if config.option.basetemp is None:
        config.option.basetemp = tempfile.mkdtemp(prefix="ballast-test-")
        config.stash[_TEMPORARY] = Path(config.option.basetemp)


def pytest_sessionfinish(session: pytest.Session) -> None:
    made = session.config.stash.get(_TEMPORARY, None)
    if made is not None and session.exitstatus == pytest.ExitCode.OK:  # otherwise the engines' logs may tell why
        shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    with running(tmp_path_factory.mktemp("state"), durable=False) as started:
        yield started


@pytest.fixture(scope="session")
def databases(engines: Engines) -> Databases:
    return Databases(engines, {name: import_module(f"services.{name}.storage.tables").MIGRATIONS for name in SERVICES})


@pytest.fixture(scope="module")
def urls(databases: Databases) -> dict[str, str]:
    """Database URL of each service, in a database of this module's own."""
    return databases.clone()


@pytest.fixture
def own_urls(databases: Databases) -> dict[str, str]:
    """Database URL of each service, in a database of this test's own: for what concerns every alert, such as rules and storms."""
    return databases.clone()


@pytest.fixture(scope="module")
def clock() -> SimulatedClock:
    return SimulatedClock(START)
