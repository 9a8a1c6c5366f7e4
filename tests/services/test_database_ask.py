"""One question by itself: it sees the transaction under way, needs none, and survives a lost connection."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from shared.errors import Unavailable
from shared.storage.database import Database


@pytest.fixture
async def database(urls: dict[str, str]) -> AsyncIterator[Database]:
    opened = Database(urls["triage"], "triage", pool_size=1)
    yield opened
    await opened.close()


async def test_a_question_within_a_transaction_sees_what_it_changed(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(text("create temporary table seen (number int) on commit drop"))
        await connection.execute(text("insert into seen values (7)"))
        assert [row["number"] for row in await database.ask("select number from seen where number > $1", 1)] == [7]


async def test_questions_outside_a_transaction_are_each_their_own(database: Database) -> None:
    transactions = [row["id"] for _ in range(3) for row in await database.ask("select pg_current_xact_id()::text as id")]
    assert len(set(transactions)) == 3


async def test_a_question_on_a_lost_connection_says_so_and_the_next_one_is_answered(database: Database) -> None:
    (own,) = await database.ask("select pg_backend_pid() as pid")
    other = Database(database.url, "triage", pool_size=1)
    await other.ask("select pg_terminate_backend($1)", own["pid"])
    await other.close()
    with pytest.raises(Unavailable, match="the database is away"):
        await database.ask("select 1")
    assert len(await database.ask("select 1")) == 1


async def test_a_question_that_is_wrong_is_no_lost_connection(database: Database) -> None:
    with pytest.raises(Exception, match="division by zero"):
        await database.ask("select 1 / $1::int", 0)
    assert len(await database.ask("select 1")) == 1
