"""Reconciling in PostgreSQL: claims against entries, set by set."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from services.governance.domain.reconciliation import (
    MANIFEST_TYPE,
    OWN_SOURCES,
    SUITE_PREFIX,
    Claim,
    Discrepancy,
    DiscrepancyKind,
    Manifest,
    Patience,
    Reconciliation,
    SourceState,
    missing_numbers,
)
from shared.paging import Page, PageQuery
from shared.storage.database import Database

_MANIFESTS_AT_ONCE = 50
_CLAIMS_AT_ONCE = 20_000
# The outbox forgets after two weeks, and so may the claims: by then each was looked at many times.
_RETENTION = timedelta(days=14)

_STATE = text("select manifests_through, entries_through, claims_through, former_through from log_reconciler for update")
_MANIFESTS = text(
    """
    select sequence, source, payload from log_entry
    where type = :type and sequence > :after and payload is not null order by sequence limit :batch
    """
)
_SOURCE = text("select manifest_number from log_source where source = :source")
_CLAIM = text(
    """
    insert into log_claim (source, event_id, data_hash)
    select :source, event_id, data_hash from unnest(cast(:ids as text[]), cast(:hashes as bytea[])) as told(event_id, data_hash)
    on conflict do nothing
    """
)
# What is found is checked at once: the data must be what the service recorded, unless it was erased since.
_MATCH = text(
    """
    with found as (
        update log_claim claim set sequence = entry.sequence
        from log_entry entry
        where claim.sequence is null and entry.source = claim.source and entry.event_id = claim.event_id
        returning claim.source, claim.event_id, entry.sequence,
                  entry.payload is null or pg_catalog.sha256(entry.payload) = claim.data_hash as is_same
    ), settled as (
        delete from log_discrepancy old using found
        where old.source = found.source and old.event_id = found.event_id and old.kind in ('MISSING', 'EXTRA', 'UNVOUCHED')
    )
    insert into log_discrepancy (source, kind, event_id, sequence)
    select source, 'ALTERED', event_id, sequence from found where not is_same on conflict do nothing
    """
)
_TOLD = text(
    """
    insert into log_source as source (source, manifest_number, claimed_count, first_sequence, manifest_at)
    values (
        :source, :number, :count,
        coalesce((select min(sequence) from log_claim where source = :source), :sequence), clock_timestamp()
    )
    on conflict (source) do update set manifest_number = greatest(source.manifest_number, excluded.manifest_number),
        claimed_count = source.claimed_count + excluded.claimed_count, manifest_at = excluded.manifest_at
    """
)
_MISSING = text(
    """
    insert into log_discrepancy (source, kind, event_id, sequence)
    select source, 'MISSING', event_id, 0 from log_claim
    where sequence is null and claimed_at < clock_timestamp() - cast(:patience as interval)
    on conflict do nothing
    """
)
# A source that speaks now is one like any other: what it did not claim so far is extra, until it does.
_SPEAKS = text("update log_discrepancy set kind = 'EXTRA' where source = :source and kind = 'UNVOUCHED'")
# Entries that nobody claims: only those old enough that their manifest must have come, of services of the suite, which all write them,
# and of whoever else does. What stood in the ledger before that was asked for is held only to the manifests that there are.
_MARK = text("insert into log_mark (sequence) select coalesce(max(sequence), 0) from log_entry")
_SPAN = text(
    """
    with old as (
        delete from log_mark where marked_at < clock_timestamp() - cast(:patience as interval) returning sequence
    )
    select max(sequence) from old
    """
)
_EXTRA = text(
    """
    insert into log_discrepancy (source, kind, event_id, sequence)
    select entry.source, case when source.source is null then 'UNVOUCHED' else 'EXTRA' end, entry.event_id, entry.sequence
    from log_entry entry left join log_source source on source.source = entry.source
    where entry.sequence > :after and entry.sequence <= :last
      and (entry.sequence >= source.first_sequence or (entry.sequence > :former and starts_with(entry.source, :suite)))
      and entry.source <> all(cast(:own as text[]))
      and (entry.type <> :manifest or source.source is null)
      and not exists (select 1 from log_claim claim where claim.source = entry.source and claim.event_id = entry.event_id)
    on conflict do nothing
    """
)
# What was found once is looked at again, round after round: somebody may have taken it out since.
_GONE = text(
    """
    with again as (
        select source, event_id, sequence from log_claim where sequence > :after order by sequence limit :batch
    ), gone as (
        select source, event_id from again
        where not exists (
            select 1 from log_entry entry
            where entry.sequence = again.sequence and entry.source = again.source and entry.event_id = again.event_id
        )
    ), noted as (
        insert into log_discrepancy (source, kind, event_id, sequence)
        select source, 'MISSING', event_id, 0 from gone on conflict do nothing
    )
    select count(*) as looked, max(sequence) as last from again
    """
)
_KEEP_STATE = text("update log_reconciler set manifests_through = :manifests, entries_through = :entries, claims_through = :claims")
_FORGET = text("delete from log_claim where sequence is not null and claimed_at < clock_timestamp() - cast(:retention as interval)")
_NUMBERS = text(
    """
    insert into log_discrepancy (source, kind, event_id, sequence)
    select :source, 'MANIFEST_MISSING', 'outboxManifests/' || number, 0 from unnest(cast(:numbers as bigint[])) number
    on conflict do nothing
    """
)
_CAME = text(
    "delete from log_discrepancy where source = :source and kind = 'MANIFEST_MISSING' and event_id = 'outboxManifests/' || :number"
)
_SOURCES = text(
    """
    select source, manifest_number, claimed_count, manifest_at,
           claimed_count - (select count(*) from log_claim claim where claim.source = log_source.source and sequence is null) as matched
    from log_source order by source
    """
)
_COUNTS = text("select kind, count(*) as total from log_discrepancy group by kind")
# What is missing comes first, of events and then of manifests; then by position.
_DISCREPANCIES = text(
    """
    with ordered as (
        select *, case kind when 'MISSING' then 0 when 'MANIFEST_MISSING' then 1 else 2 end as rank from log_discrepancy
    )
    select source, kind, event_id, sequence, found_at, rank from ordered
    where (rank, sequence, source, event_id, kind) > (:rank, :sequence, :source, :event_id, :kind)
    order by rank, sequence, source, event_id, kind limit :limit
    """
)
_BEFORE_ALL = ("-1", "0", "", "", "")

Decode = Callable[[str, int, bytes], Manifest]
"""Reads the manifest that an entry has as its data: of a source, at a sequence."""


class ReconciliationStore:
    """Claims, entries and where they differ."""

    def __init__(self, database: Database, patience: Patience) -> None:
        self._database = database
        self._patience = patience

    async def reconcile(self, decode: Decode) -> bool:
        """Goes one step further, all or nothing; returns whether more waits. One replica at a time; safe to repeat."""
        async with self._database.transaction() as connection:
            state = (await connection.execute(_STATE)).one()
            values = {"type": MANIFEST_TYPE, "after": state.manifests_through, "batch": _MANIFESTS_AT_ONCE}
            rows = list(await connection.execute(_MANIFESTS, values))
            for row in rows:
                await self._take(connection, decode(row.source, row.sequence, bytes(row.payload)))
            await connection.execute(_MATCH)
            await connection.execute(_MISSING, {"patience": self._patience.delivery})
            entries = await self._unclaimed(connection, state.entries_through, state.former_through)
            looked = (await connection.execute(_GONE, {"after": state.claims_through, "batch": _CLAIMS_AT_ONCE})).one()
            claims = looked.last if looked.looked == _CLAIMS_AT_ONCE else 0  # from the first again
            manifests = rows[-1].sequence if rows else state.manifests_through
            await connection.execute(_KEEP_STATE, {"manifests": manifests, "entries": entries, "claims": claims})
            await connection.execute(_FORGET, {"retention": _RETENTION})
        return len(rows) == _MANIFESTS_AT_ONCE

    async def _take(self, connection: Any, manifest: Manifest) -> None:
        last = (await connection.execute(_SOURCE, {"source": manifest.source})).scalar_one_or_none()
        await connection.execute(_CLAIM, {"source": manifest.source, **_columns(manifest.claims)})
        await connection.execute(_MATCH)
        told = {"source": manifest.source, "number": manifest.number, "count": len(manifest.claims), "sequence": manifest.sequence}
        await connection.execute(_TOLD, told)
        numbers = missing_numbers(last, [manifest.number]) if last is not None else []
        await connection.execute(_NUMBERS, {"source": manifest.source, "numbers": numbers})
        await connection.execute(_SPEAKS, {"source": manifest.source})
        await connection.execute(_CAME, {"source": manifest.source, "number": str(manifest.number)})

    async def _unclaimed(self, connection: Any, after: int, former: int) -> int:
        """Notes entries that nobody claims, up to where the ledger was long enough ago; returns up to where they are looked at now."""
        last = (await connection.execute(_SPAN, {"patience": self._patience.manifest})).scalar_one()
        await connection.execute(_MARK)
        if last is None or last <= after:
            return after
        values = {"after": after, "last": last, "former": former, "manifest": MANIFEST_TYPE}
        await connection.execute(_EXTRA, values | {"suite": SUITE_PREFIX, "own": list(OWN_SOURCES)})
        return int(last)

    async def state(self) -> Reconciliation:
        async with self._database.transaction() as connection:
            sources = [
                SourceState(row.source, row.manifest_number, row.claimed_count, row.matched, row.manifest_at)
                for row in await connection.execute(_SOURCES)
            ]
            counts = {DiscrepancyKind(row.kind): row.total for row in await connection.execute(_COUNTS)}
        return Reconciliation(tuple(sources), counts)

    async def page(self, paging: PageQuery) -> Page[Discrepancy]:
        """Returns a page of discrepancies: what is missing first, then by position."""
        rank, sequence, source, event_id, kind = paging.cursor or _BEFORE_ALL
        values = {"rank": int(rank), "sequence": int(sequence), "source": source, "event_id": event_id, "kind": kind}
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(_DISCREPANCIES, values | {"limit": paging.limit}))
        found = [Discrepancy(row.source, DiscrepancyKind(row.kind), row.event_id, row.sequence, row.found_at) for row in rows]
        return paging.page(found, [(str(row.rank), str(row.sequence), row.source, row.event_id, row.kind) for row in rows])


def _columns(claims: Sequence[Claim]) -> dict[str, Any]:
    return {"ids": [each.event_id for each in claims], "hashes": [each.data_hash for each in claims]}
