"""What is to happen after a commit happens then, and only then."""

from collections.abc import AsyncIterator

import pytest

from shared.storage.database import Database


@pytest.fixture
async def database(urls: dict[str, str]) -> AsyncIterator[Database]:
    opened = Database(urls["intake"], "intake", pool_size=2)
    yield opened
    await opened.close()


async def test_a_call_runs_once_the_outermost_transaction_has_committed(database: Database) -> None:
    seen: list[str] = []

    async def call() -> None:
        async with database.transaction() as connection:  # one of its own: the other is over
            seen.append(f"called {connection.in_transaction()}")

    async with database.transaction():
        async with database.transaction():
            database.after_commit(call)
        seen.append("inner over")
    assert seen == ["inner over", "called True"]


async def test_a_call_never_runs_when_the_transaction_rolls_back(database: Database) -> None:
    seen: list[str] = []

    async def call() -> None:
        seen.append("called")

    async def fail() -> None:
        async with database.transaction():
            database.after_commit(call)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert seen == []


async def test_a_call_that_fails_does_not_fail_what_was_committed(database: Database) -> None:
    async def call() -> None:
        raise ZeroDivisionError

    async with database.transaction():
        database.after_commit(call)


async def test_outside_a_transaction_there_is_no_commit_to_wait_for(database: Database) -> None:
    async def call() -> None: ...

    with pytest.raises(RuntimeError, match="within a transaction"):
        database.after_commit(call)
