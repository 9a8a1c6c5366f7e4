"""Idempotency: a mutation repeated with the same request_id returns the first answer."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from sqlalchemy import MetaData, select, update
from sqlalchemy.dialects.postgresql import insert

from shared.errors import InvalidInput, Violation
from shared.storage.database import Database
from shared.storage.tables import request_table

_TABLE = request_table(MetaData())


class RequestIdReused(InvalidInput):
    reason = "REQUEST_ID_REUSED"


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
                description = "was used before for another request; send a new one, or repeat the first request unchanged"
                raise RequestIdReused(f"request_id: {description}", [Violation("request_id", description)])
            return bytes(kept.response)
        response = await answer()
        await connection.execute(update(_TABLE).where(_TABLE.c.request_id == key).values(response=response))
        return response
