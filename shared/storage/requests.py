"""Idempotency: a mutation repeated with the same request_id returns the first answer."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import MetaData, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.errors import InvalidInput, Violation
from shared.storage.database import Database
from shared.storage.tables import request_table

_TABLE = request_table(MetaData())
# In the order of the ids, so that two transactions with the same ids wait for each other instead of blocking each other for good.
_CLAIM = text(
    """
    insert into request (request_id, method, body_hash)
    select * from unnest(cast(:ids as uuid[]), cast(:methods as text[]), cast(:hashes as bytea[])) as new(id, method, hash) order by id
    on conflict do nothing returning request_id
    """
)
_KEEP = text(
    """
    update request set response = kept.response
    from unnest(cast(:ids as uuid[]), cast(:responses as bytea[])) as kept(id, response) where request_id = kept.id
    """
)


class RequestIdReused(InvalidInput):
    reason = "REQUEST_ID_REUSED"

    def __init__(self) -> None:
        description = "was used before for another request; send a new one, or repeat the first request unchanged"
        super().__init__(f"request_id: {description}", [Violation("request_id", description)])


@dataclass(frozen=True, slots=True)
class RequestKey:
    """What identifies a call that may be repeated."""

    id: UUID
    method: str
    body_hash: bytes


async def claim(connection: AsyncConnection, keys: Sequence[RequestKey]) -> dict[UUID, bytes | RequestIdReused | None]:
    """Claims request ids for calls that share a transaction; says for each None (go on), the answer it had, or that it is reused."""
    if not keys:
        return {}
    columns = {"ids": [key.id for key in keys], "methods": [key.method for key in keys], "hashes": [key.body_hash for key in keys]}
    claimed = {row.request_id for row in await connection.execute(_CLAIM, columns)}
    outcome: dict[UUID, bytes | RequestIdReused | None] = {key.id: None for key in keys if key.id in claimed}
    repeated = {key.id: key for key in keys if key.id not in claimed}
    if repeated:
        for row in await connection.execute(select(_TABLE).where(_TABLE.c.request_id.in_(list(repeated)))):
            key = repeated[row.request_id]
            same = row.method == key.method and row.body_hash == key.body_hash
            outcome[key.id] = bytes(row.response) if same else RequestIdReused()
    return outcome


async def keep(connection: AsyncConnection, answers: Mapping[UUID, bytes]) -> None:
    """Keeps the answers of claimed ids, in the transaction that claimed them."""
    if answers:
        await connection.execute(_KEEP, {"ids": list(answers), "responses": list(answers.values())})


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
