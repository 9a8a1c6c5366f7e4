"""Recording in PostgreSQL: the one place where ledger and lineage grow."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.governance.domain.arrival import Arrival, Drafts, Ground, appendix_of, drafts_of
from services.governance.domain.drawing import Occurrence
from services.governance.domain.errors import LedgerHeadMissing
from services.governance.domain.inference import WINDOW
from services.governance.domain.ledger import LedgerEntry
from services.governance.domain.lineage import Edge
from services.governance.storage import statements
from services.governance.storage.access_store import keep_accesses
from services.governance.storage.rows import appendix_to_columns, drafts_to_columns, edge_from_row, head_from_row, occurrence_from_row
from shared.principal import current_cause
from shared.storage.database import Database
from shared.transparency.merkle import Peaks


@dataclass(frozen=True, slots=True)
class Prepared:
    """Drafts, and the columns they fill."""

    drafts: Drafts
    columns: Mapping[str, Any]


def prepared(arrivals: Sequence[Arrival]) -> Prepared:
    """Does all that can be done for arrivals before anybody has to wait for their turn at the head."""
    return _columned(drafts_of(arrivals, secrets.token_bytes))


class RecordStore:
    """Writes what arrives."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def is_joined(self) -> bool:
        """Whether what is appended now commits with what its caller does beside."""
        return self._database.is_joined

    async def append(self, work: Prepared, now: datetime) -> tuple[LedgerEntry, ...]:
        """Appends an entry for each event not yet in the ledger, with the lineage and the calls they show; returns the new entries.

        All of it commits, or nothing. Appends wait for each other until the transaction ends. Safe to repeat: what is in the
        ledger already is left out. Raises LedgerHeadMissing.
        """
        async with self._database.transaction() as connection:
            locked = (await connection.execute(statements.LOCK_HEAD)).one_or_none()
            if locked is None:
                raise LedgerHeadMissing
            ground = await _ground(connection, head_from_row(locked), work)
            fresh = _columned(work.drafts.without(ground.known)) if ground.known else work
            appendix = appendix_of(ground, fresh.drafts, now)
            if appendix.entries:
                await connection.execute(statements.APPEND, {**fresh.columns, **appendix_to_columns(appendix)})
                current_cause().is_told = True  # a call that makes entries itself needs no other record
                await keep_accesses(connection, [access for each in fresh.drafts.arrivals for access in each.accesses])
        return appendix.entries


def _columned(drafts: Drafts) -> Prepared:
    return Prepared(drafts, drafts_to_columns(drafts))


async def _ground(connection: AsyncConnection, head: Peaks, work: Prepared) -> Ground:
    arrivals = work.drafts.arrivals
    columns = {name: work.columns[name] for name in ("source", "event_id", "subject")}
    rows = list(await connection.execute(statements.GROUND, columns))
    near, inferred = await _near(connection, arrivals)
    return Ground(
        head,
        known={arrivals[row.place - 1].key for row in rows if row.is_known},
        last_of={arrivals[row.place - 1].event.subject: row.last for row in rows if row.last},
        occurrences=near,
        inferred=inferred,
    )


async def _near(connection: AsyncConnection, arrivals: Sequence[Arrival]) -> tuple[tuple[Occurrence, ...], tuple[Edge, ...]]:
    """Returns what conclusions are drawn from, and those drawn before from what is corrected or told more of now."""
    told = [each for arrival in arrivals if arrival.drawing for each in arrival.drawing.occurrences]
    if not told:
        return (), ()
    columns: dict[str, Any] = {"names": list({each.name for each in told}), "window": WINDOW}
    columns |= {"components": [each.component for each in told], "times": [each.time for each in told]}
    near = [occurrence_from_row(row) for row in await connection.execute(statements.NEAR, columns)]
    names, held = {each.name for each in near}, {(each.name, each.component): each.time for each in near}
    news = [each for each in told if (time := held.get((each.name, each.component))) is None or each.time < time]
    corrected = {each.name for each in news} & names
    if not corrected:
        return tuple(near), ()
    inferred = [edge_from_row(row).edge for row in await connection.execute(statements.INFERRED, {"names": list(corrected)})]
    ends = {name for edge in inferred for name in (edge.from_name, edge.to_name)}
    beside = [occurrence_from_row(row) for row in await connection.execute(statements.OCCURRED, {"names": list(ends)})]
    return (*near, *beside), tuple(inferred)
