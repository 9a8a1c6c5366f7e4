"""The ledger as a Merkle log: entries as the lines that are hashed, with their contents, tiles of hashes, checkpoints and keys.

The chained ledger that was before stays as it is, read by nobody: whoever kept one of its head hashes can still check it. Its entries
are taken over in their order, each with its event's content, so that every event has its place in the new ledger.
"""

import hashlib
import json
import secrets
from collections.abc import Iterator
from typing import Any

from alembic import op
from sqlalchemy import Connection, text

revision = "0002"
down_revision = "0001"

_BATCH = 2000
_WIDTH = 256

LOG = (
    """
    create table log_entry (
        sequence bigint primary key,
        event_id text not null,
        source text not null,
        type text not null,
        subject text not null,
        trace_id text not null,
        record_time timestamptz not null,
        leaf text,
        salt bytea,
        principal text,
        reason text,
        payload bytea,
        erased_at timestamptz,
        constraint log_entry_is_whole_or_erased
            check (num_nulls(salt, principal, reason, payload) = case when erased_at is null and leaf is not null then 0 else 4 end)
    )
    """,
    "create unique index log_entry_by_event on log_entry (source, event_id)",
    "create index log_entry_by_subject on log_entry (subject, sequence)",
    "create index log_entry_by_type on log_entry (type, sequence)",
    "create index log_entry_by_trace on log_entry (trace_id, sequence)",
    "create index log_entry_by_principal on log_entry (principal, sequence)",
    """
    create table log_tile (
        level smallint not null,
        index bigint not null,
        hashes bytea not null,
        primary key (level, index)
    )
    """,
    # Hashes do not compress.
    "alter table log_tile alter column hashes set storage external",
    """
    create table log_head (
        id smallint primary key constraint log_head_is_one_row check (id = 1),
        size bigint not null,
        peaks bytea not null
    )
    """,
    "insert into log_head (id, size, peaks) values (1, 0, '')",
    """
    create table log_checkpoint (
        size bigint primary key,
        root bytea not null,
        note text not null,
        signed_at timestamptz not null
    )
    """,
    """
    create table log_segment (
        first_sequence bigint not null,
        last_sequence bigint primary key,
        root bytea not null,
        author text not null,
        reason text not null,
        sealed_at timestamptz not null
    )
    """,
    "create table log_key (verifier_key text primary key, first_used_at timestamptz not null)",
)

# Defence in depth only: whoever owns the tables can take the guards away, and then the tree still shows what was done.
GUARDS = (
    """
    create function refuse_log_change() returns trigger language plpgsql as $$
    begin
        raise exception '% of % is refused: the ledger only grows', tg_op, tg_table_name using errcode = 'restrict_violation';
    end
    $$
    """,
    """
    create function check_erasure() returns trigger language plpgsql as $$
    begin
        if (old.sequence, old.event_id, old.source, old.type, old.subject, old.trace_id, old.record_time)
              <> (new.sequence, new.event_id, new.source, new.type, new.subject, new.trace_id, new.record_time)
           or not (new.leaf is null and old.leaf is not null  -- sealed
                   or new.leaf is not distinct from old.leaf and old.erased_at is null and new.erased_at is not null) then
            raise exception 'UPDATE of log_entry is refused: the ledger only grows' using errcode = 'restrict_violation';
        end if;
        return new;
    end
    $$
    """,
    """
    create function check_tile_growth() returns trigger language plpgsql as $$
    begin
        if new.level <> old.level or new.index <> old.index or substring(new.hashes for length(old.hashes)) <> old.hashes then
            raise exception 'UPDATE of log_tile is refused: the ledger only grows' using errcode = 'restrict_violation';
        end if;
        return new;
    end
    $$
    """,
    "create trigger log_entry_only_erased before update on log_entry for each row execute function check_erasure()",
    "create trigger log_tile_only_grows before update on log_tile for each row execute function check_tile_growth()",
    *(
        f"""
        create trigger {table}_stays before {events} or truncate on {table}
        for each statement execute function refuse_log_change()
        """
        for table, events in (
            ("log_entry", "delete"),
            ("log_tile", "delete"),
            ("log_head", "delete"),
            ("log_checkpoint", "update or delete"),
            ("log_key", "update or delete"),
            ("log_segment", "update or delete"),
        )
    ),
)

# This service's own form of an entry as it was when this was written: later forms must not change what an old step does.
_OLD = text(
    """
    select entry.sequence, event_id, source, type, subject, principal, trace_id, payload, record_time,
           to_char(event_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as happened,
           to_char(record_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as recorded
    from ledger_entry entry join ledger_payload using (sequence) where entry.sequence > :after order by entry.sequence limit :batch
    """
)
_ENTRY = text(
    """
    insert into log_entry (sequence, event_id, source, type, subject, trace_id, record_time, leaf, salt, principal, reason, payload)
    values (:sequence, :event_id, :source, :type, :subject, :trace_id, :record_time, :leaf, :salt, :principal, '', :payload)
    """
)
_TILE = text("insert into log_tile (level, index, hashes) values (:level, :index, :hashes)")
_HEAD = text("update log_head set size = :size, peaks = :peaks")


def upgrade() -> None:
    for statement in (*LOG, *GUARDS):
        op.execute(statement)
    take_over(op.get_bind())


def take_over(connection: Connection) -> None:
    """Writes every entry of the chained ledger as a leaf; of the tree, the tiles and the head that belong to them."""
    leaves: list[bytes] = []
    last_of: dict[str, int] = {}
    for rows in _batches(connection):
        taken = [_taken(number, row, last_of) for number, row in enumerate(rows, len(leaves) + 1)]
        connection.execute(_ENTRY, taken)
        leaves += [hashlib.sha256(b"\x00" + each["leaf"].encode()).digest() for each in taken]
    tiles = list(_tiles(leaves))
    if tiles:
        connection.execute(_TILE, tiles)
    connection.execute(_HEAD, {"size": len(leaves), "peaks": b"".join(_peaks(leaves))})


def _batches(connection: Connection) -> Iterator[list[Any]]:
    after = -(2**63)
    while rows := list(connection.execute(_OLD, {"after": after, "batch": _BATCH})):
        yield rows
        after = rows[-1].sequence


def _taken(sequence: int, row: Any, last_of: dict[str, int]) -> dict[str, Any]:
    previous = last_of.get(row.subject, 0)
    if row.subject:
        last_of[row.subject] = sequence
    salt, principal = secrets.token_bytes(16), row.principal.encode()
    no_reason = bytes(4)  # the length of an empty one
    digest = hashlib.sha256(b"".join((salt, len(principal).to_bytes(4, "big"), principal, no_reason, bytes(row.payload)))).hexdigest()
    line = {
        "format": "ballast.governance.v1.LedgerEntry",
        "sequence": sequence,
        "event_id": row.event_id,
        "source": row.source,
        "type": row.type,
        "subject": row.subject,
        "event_time": row.happened,
        "record_time": row.recorded,
        "trace_id": row.trace_id,
        "method": "",
        "previous": previous,
        "content_sha256": digest,
    }
    return row._asdict() | {"sequence": sequence, "salt": salt, "leaf": json.dumps(line, ensure_ascii=False, separators=(",", ":"))}


def _tiles(leaves: list[bytes]) -> Iterator[dict[str, Any]]:
    level, row = 0, leaves
    while row:
        parts = [row[begin : begin + _WIDTH] for begin in range(0, len(row), _WIDTH)]
        yield from ({"level": level, "index": index, "hashes": b"".join(part)} for index, part in enumerate(parts))
        level, row = level + 1, [_root(part) for part in parts if len(part) == _WIDTH]


def _peaks(leaves: list[bytes]) -> Iterator[bytes]:
    begin = 0
    while begin < len(leaves):
        count = 1 << (len(leaves) - begin).bit_length() - 1
        yield _root(leaves[begin : begin + count])
        begin += count


def _root(hashes: list[bytes]) -> bytes:
    while len(hashes) > 1:
        hashes = [hashlib.sha256(b"\x01" + hashes[at] + hashes[at + 1]).digest() for at in range(0, len(hashes), 2)]
    return hashes[0]
