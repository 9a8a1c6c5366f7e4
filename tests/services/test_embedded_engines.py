"""The embedded engines: state kept between runs, one owner per state directory, and recovery from every way to die."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from shared.embedded import Engines, StateDirInUse, running, start

OWNER = """
import sys, time
from pathlib import Path
from shared.embedded import start
start(Path(sys.argv[1]), durable=False)
print("ready", flush=True)
time.sleep(600)
"""


async def execute(engines: Engines, *statements: str) -> object:
    """Runs the statements; returns the first value of the last one."""
    connection = await asyncpg.connect(engines.database_url.replace("+asyncpg", ""))
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetchval(statements[-1])
    finally:
        await connection.close()


async def ask_cache(engines: Engines, *words: str) -> object:
    async with Redis.from_url(engines.cache_url) as client:
        return await client.execute_command(*words)  # type: ignore[no-untyped-call]


def processes_of(state_dir: Path) -> dict[str, psutil.Process]:
    """The live servers of a state directory by program name."""
    found = {}
    for process in psutil.process_iter(["cmdline", "status"]):
        command = process.info["cmdline"] or [""]
        if process.info["status"] != psutil.STATUS_ZOMBIE and any(str(state_dir) in word for word in command[1:]):
            found[Path(command[0]).name] = process
    return {name: process for name, process in found.items() if name in {"postgres", "valkey-server"}}


@contextmanager
def owner_process(state_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that owns `state_dir` and says so; killed at the end in any case."""
    with subprocess.Popen([sys.executable, "-c", OWNER, str(state_dir)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@contextmanager
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A live process that has nothing to do with any engine."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        yield process
        process.kill()


def kill(process: psutil.Process) -> None:
    process.kill()
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def leave_nothing_running(tmp_path: Path) -> Iterator[None]:
    yield
    for process in processes_of(tmp_path).values():
        process.kill()


async def test_data_outlives_a_stop_and_a_start(tmp_path: Path) -> None:
    with running(tmp_path, durable=False) as engines:
        await execute(engines, "create table kept (id int)", "insert into kept values (1) returning id")
    with running(tmp_path, durable=False) as engines:
        assert await execute(engines, "select id from kept") == 1


def test_nothing_is_left_running_after_stop(tmp_path: Path) -> None:
    engines = start(tmp_path, durable=False)
    assert set(processes_of(tmp_path)) == {"postgres", "valkey-server"}
    engines.stop()
    engines.stop()
    assert processes_of(tmp_path) == {}


def test_a_second_owner_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    with owner_process(tmp_path) as owner, pytest.raises(StateDirInUse, match=r"another state directory") as caught:
        start(tmp_path, durable=False)
    assert caught.value.owner == owner.pid
    assert f"process {owner.pid};" in str(caught.value)
    start(tmp_path, durable=False).stop()


def test_one_process_cannot_own_a_directory_twice(tmp_path: Path) -> None:
    with running(tmp_path, durable=False), pytest.raises(StateDirInUse) as caught:
        start(tmp_path, durable=False)
    assert caught.value.owner == os.getpid()


async def test_engines_of_a_killed_owner_are_taken_over(tmp_path: Path) -> None:
    with owner_process(tmp_path) as owner:
        owner.kill()
        owner.wait()
    orphans = processes_of(tmp_path)
    assert set(orphans) == {"postgres", "valkey-server"}
    with running(tmp_path, durable=False) as engines:
        now = processes_of(tmp_path)
        assert now["postgres"].pid == orphans["postgres"].pid
        assert now["valkey-server"].pid != orphans["valkey-server"].pid
        assert await execute(engines, "select 1") == 1
        assert await ask_cache(engines, "PING")
    assert processes_of(tmp_path) == {}


async def test_an_orphan_with_other_settings_is_replaced(tmp_path: Path) -> None:
    with owner_process(tmp_path) as owner:
        owner.kill()
        owner.wait()
    with running(tmp_path, durable=True) as engines:
        assert await execute(engines, "show fsync") == "on"
    assert processes_of(tmp_path) == {}


async def test_an_orphan_whose_socket_was_swept_away_is_replaced(tmp_path: Path) -> None:
    with owner_process(tmp_path) as owner:
        owner.kill()
        owner.wait()
    (tmp_path / "run/.s.PGSQL.5432").unlink()
    with running(tmp_path, durable=False) as engines:
        assert await execute(engines, "select 1") == 1


async def test_committed_rows_survive_when_everything_is_killed(tmp_path: Path) -> None:
    engines = start(tmp_path)
    try:
        await execute(engines, "create table kept (id int)", "insert into kept values (7) returning id")
        for process in processes_of(tmp_path).values():
            kill(process)
    finally:
        engines.stop()
    assert (tmp_path / "postgres/postmaster.pid").exists()
    with running(tmp_path) as engines:
        assert await execute(engines, "select id from kept") == 7


async def test_leftovers_of_an_owner_and_engines_all_killed_are_cleared(tmp_path: Path) -> None:
    with owner_process(tmp_path) as owner:
        owner.kill()
        owner.wait()
    # In a container whose init does not reap, these orphans stay as zombies, and their pid files name living pids.
    for process in processes_of(tmp_path).values():
        kill(process)
    assert (tmp_path / "run/.s.PGSQL.5432.lock").exists()
    with running(tmp_path, durable=False) as engines:
        assert await execute(engines, "select 1") == 1


async def test_pid_files_that_name_somebody_else_harm_nobody(tmp_path: Path) -> None:
    with running(tmp_path, durable=False):
        lines = (tmp_path / "postgres/postmaster.pid").read_text().splitlines()
    with bystander() as stranger:
        (tmp_path / "postgres/postmaster.pid").write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        (tmp_path / "valkey.pid").write_text(f"{stranger.pid}\n")
        with running(tmp_path, durable=False) as engines:
            assert await execute(engines, "select 1") == 1
        assert stranger.poll() is None


async def test_an_initdb_cut_short_is_begun_again(tmp_path: Path) -> None:
    half = tmp_path / "postgres.new-1"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    with running(tmp_path, durable=False) as engines:
        assert await execute(engines, "select 1") == 1
    assert not half.exists()


async def test_suites_side_by_side_do_not_meet(tmp_path: Path) -> None:
    with running(tmp_path / "a", durable=False) as a, running(tmp_path / "b", durable=False) as b:
        await execute(a, "create table only_here (id int)", "select 1")
        assert await execute(b, "select to_regclass('only_here')") is None
        await ask_cache(a, "SET", "key", "a")
        assert await ask_cache(b, "GET", "key") is None


async def test_a_deep_state_directory_gets_short_socket_paths(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 30) / "state"
    with running(deep, durable=False) as engines:
        assert len(engines.cache_url) < 100
        assert await execute(engines, "select 1") == 1
        assert await ask_cache(engines, "PING")
        first = engines.cache_url
    short = Path(first.removeprefix("unix://").partition("?")[0]).parent
    assert not short.exists()
    with running(deep, durable=False) as engines:
        assert engines.cache_url == first


async def test_a_cache_that_died_by_itself_can_be_started_again(tmp_path: Path) -> None:
    with running(tmp_path, durable=False) as engines:
        kill(processes_of(tmp_path)["valkey-server"])
        engines.start_cache()
        assert await ask_cache(engines, "PING")


def test_starting_a_cache_that_runs_leaves_it_alone(tmp_path: Path) -> None:
    with running(tmp_path, durable=False) as engines:
        before = processes_of(tmp_path)["valkey-server"].pid
        engines.start_cache()
        assert processes_of(tmp_path)["valkey-server"].pid == before


async def test_urls_work_for_sqlalchemy_and_any_database(tmp_path: Path) -> None:
    with running(tmp_path / "with space", durable=False) as engines:
        await execute(engines, 'create database "my copy"', "select 1")
        engine = create_async_engine(engines.database_url_for("my copy"))
        async with engine.connect() as connection:
            assert (await connection.execute(text("select current_database()"))).scalar_one() == "my copy"
            assert (await connection.execute(text("show timezone"))).scalar_one() == "UTC"
        await engine.dispose()


def test_the_engines_listen_on_no_tcp_port(tmp_path: Path) -> None:
    with running(tmp_path, durable=False):
        for process in processes_of(tmp_path).values():
            assert process.net_connections(kind="inet") == []


async def test_ctrl_c_in_the_terminal_does_not_reach_the_engines(tmp_path: Path) -> None:
    with running(tmp_path, durable=False) as engines:
        for process in processes_of(tmp_path).values():
            assert os.getsid(process.pid) != os.getsid(0)
        assert await execute(engines, "select 1") == 1


async def test_the_cache_can_be_killed_and_comes_back_empty_at_the_same_place(tmp_path: Path) -> None:
    with running(tmp_path, durable=False) as engines:
        await ask_cache(engines, "SET", "key", "value")
        engines.stop_cache()
        assert set(processes_of(tmp_path)) == {"postgres"}
        engines.start_cache()
        assert await ask_cache(engines, "GET", "key") is None


def test_leaving_the_process_stops_the_engines(tmp_path: Path) -> None:
    script = "import sys; from pathlib import Path; from shared.embedded import start; start(Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
    assert processes_of(tmp_path) == {}


def test_an_interrupted_owner_stops_its_engines(tmp_path: Path) -> None:
    with owner_process(tmp_path) as owner:
        owner.send_signal(signal.SIGINT)
        owner.wait(30)
    assert processes_of(tmp_path) == {}
