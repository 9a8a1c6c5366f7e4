"""The inbox: which events were taken, and what became of each; asked and told of many in one statement."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import SmallInteger, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.events.event import Outcome

Key = tuple[str, str]  # source and id
_KEYS = (bindparam("sources", type_=ARRAY(Text)), bindparam("ids", type_=ARRAY(Text)))
# In the order of their keys, so that two deliveries of the same events wait for each other and not in a circle.
_NOTE = text(
    f"""
    insert into inbox (source, id, outcome)
    select source, id, {Outcome.ACCEPTED.value} from unnest(:sources, :ids) as new(source, id) order by source, id
    on conflict do nothing returning source, id
    """  # noqa: S608 - a number of this module
).bindparams(*_KEYS)
_CORRECT = text(
    """
    update inbox set outcome = new.outcome from unnest(:sources, :ids, :outcomes) as new(source, id, outcome)
    where inbox.source = new.source and inbox.id = new.id
    """
).bindparams(*_KEYS, bindparam("outcomes", type_=ARRAY(SmallInteger)))
_FIND = text("select source, id, outcome from inbox join unnest(:sources, :ids) as asked(source, id) using (source, id)").bindparams(*_KEYS)


async def note(connection: AsyncConnection, keys: Collection[Key]) -> set[Key]:
    """Notes events as accepted, and returns those that were not noted before."""
    if not keys:
        return set()
    return {(row.source, row.id) for row in await connection.execute(_NOTE, _columns(keys))}


async def correct(connection: AsyncConnection, outcomes: Mapping[Key, Outcome]) -> None:
    """Notes what became of events where they were not accepted."""
    if outcomes:
        await connection.execute(_CORRECT, _columns(outcomes) | {"outcomes": [each.value for each in outcomes.values()]})


async def outcomes(connection: AsyncConnection, keys: Collection[Key]) -> dict[Key, Outcome]:
    """Returns what became of events that were noted."""
    return {(row.source, row.id): Outcome(row.outcome) for row in await connection.execute(_FIND, _columns(keys))}


def _columns(keys: Iterable[Key]) -> dict[str, Any]:
    sources, ids = zip(*keys, strict=True)
    return {"sources": list(sources), "ids": list(ids)}
