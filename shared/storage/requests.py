"""Idempotency: a mutation repeated with the same request_id returns the first answer."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import MetaData, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.errors import InvalidInput, Violation
from shared.storage.database import Database
from shared.storage.tables import request_table

_TABLE = request_table(MetaData())
_KEPT = text("select request_id, method, body_hash, response from request where request_id = any(cast(:ids as uuid[]))")
# In the order of the ids, so that two transactions with the same ids wait for each other instead of blocking each other for good.
_KEEP = text(
    """
    insert into request (request_id, method, body_hash, response)
    select * from unnest(cast(:ids as uuid[]), cast(:methods as text[]), cast(:hashes as bytea[]), cast(:responses as bytea[]))
        as new(id, method, hash, response) order by id
    on conflict do nothing
    """
)


class RequestIdReused(InvalidInput):
    reason = "REQUEST_ID_REUSED"

    def __init__(self) -> None:
        description = "was used before for another request, or by another caller; send a new one, or repeat the first request unchanged"
        super().__init__(f"request_id: {description}", [Violation("request_id", description)])


@dataclass(frozen=True, slots=True)
class RequestKey:
    """What identifies a call that may be repeated."""

    id: UUID
    method: str
    body_hash: bytes


class RequestAnswered(Exception):
    """Another transaction answered one of these requests meanwhile; start over, and its answer is found."""


async def answers_to(connection: AsyncConnection, keys: Sequence[RequestKey]) -> dict[UUID, bytes | RequestIdReused]:
    """Returns the answers that these calls had before, or that their id is reused; nothing for those that are new."""
    if not keys:
        return {}
    asked = {key.id: key for key in keys}
    found = await connection.execute(_KEPT, {"ids": list(asked)})
    return {row.request_id: _answer(row, asked[row.request_id]) for row in found}


async def keep(connection: AsyncConnection, answers: Sequence[tuple[RequestKey, bytes]]) -> None:
    """Keeps the answers to calls that share a transaction, at its end. Raises RequestAnswered when one was answered elsewhere."""
    if not answers:
        return
    keys = [key for key, _ in answers]
    columns = {
        "ids": [key.id for key in keys],
        "methods": [key.method for key in keys],
        "hashes": [key.body_hash for key in keys],
        "responses": [answer for _, answer in answers],
    }
    if (await connection.execute(_KEEP, columns)).rowcount != len(keys):
        raise RequestAnswered


def _answer(row: Any, key: RequestKey) -> bytes | RequestIdReused:
    return bytes(row.response) if row.method == key.method and row.body_hash == key.body_hash else RequestIdReused()


async def answered(database: Database, key: RequestKey) -> bytes | None:
    """Returns the answer kept for this call; None when it is new. Raises RequestIdReused.

    With `settle` for a call whose changes cannot share a transaction with the record of its answer, and are safe to repeat: after a
    crash between the two it runs again.
    """
    async with database.transaction() as connection:
        kept = (await connection.execute(select(_TABLE).where(_TABLE.c.request_id == key.id))).first()
    if kept is None:
        return None
    if kept.method != key.method or kept.body_hash != key.body_hash:
        raise RequestIdReused
    return bytes(kept.response)


async def settle(database: Database, key: RequestKey, response: bytes) -> bytes:
    """Keeps the answer of a call that was new, and returns it; of the same call twice at once, both return the first one's answer.

    Raises RequestIdReused when another call with this id came first meanwhile.
    """
    try:
        async with database.transaction() as connection:
            await keep(connection, [(key, response)])
    except RequestAnswered:
        kept = await answered(database, key)
        assert kept is not None  # it was in the way of ours
        return kept
    return response


async def once(database: Database, request_id: str, method: str, body_hash: bytes, answer: Callable[[], Awaitable[bytes]]) -> bytes:
    """Runs `answer` in a transaction and keeps what it returned, or returns what was kept.

    `answer` must make its changes through the same Database, so that they commit with the record. When it raises, nothing is
    kept, and the same request_id may be tried again. Two calls at once with one id: the second waits for the first.
    Raises RequestIdReused when the id came before with another method or body.
    """
    key = UUID(request_id)
    async with database.transaction() as connection:
        statement = insert(_TABLE).values(request_id=key, method=method, body_hash=body_hash)
        first = await connection.execute(statement.on_conflict_do_nothing().returning(_TABLE.c.request_id))
        if first.first() is None:
            kept = (await connection.execute(select(_TABLE).where(_TABLE.c.request_id == key))).one()
            if kept.method != method or kept.body_hash != body_hash:
                raise RequestIdReused
            return bytes(kept.response)
        response = await answer()
        await connection.execute(update(_TABLE).where(_TABLE.c.request_id == key).values(response=response))
        return response
