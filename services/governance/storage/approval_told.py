"""What events told of an approval, read from outbox and ledger beside its row, in the same statement: no act falls between the two."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from services.governance.domain.approval import Approval
from services.governance.domain.attestation import Snapshot, Told, Unreadable
from services.governance.domain.ledger import Content, entry_from_leaf

_SOURCE = "/ballast/governance"  # of the events of governance's outbox
_JSON = frozenset({"request", "rule", "votes", "glass"})


@dataclass(frozen=True, slots=True)
class Witness:
    """How an approval, an event in the ledger and one in the outbox are brought into one form; the types that tell of approvals."""

    types: tuple[str, ...]
    of: Callable[[Approval], Snapshot]
    of_payload: Callable[[str, bytes], Snapshot]
    of_wire: Callable[[bytes], Snapshot]


# The events are found by name alone, and told apart by type and source afterwards: with conditions on those as well, the database may
# go through all entries of the type. In SQL of the driver, as this is asked before everything that needs an approval.
_TOLD = """
    left join lateral (
        select id::text as event_id, payload as wire, null as source, null as type, null as leaf, null as salt, null as principal,
               null as reason, null as payload, false as is_erased
        from outbox where aggregatetype = 'approvals' and aggregateid = 'approvals/' || found.id
        union all
        select event_id, null, source, type, leaf, salt, principal, reason, payload, erased_at is not null and exists (
            select 1 from log_entry record where record.subject = 'ledgerEntries/' || log_entry.sequence
                and record.type = 'ballast.governance.v1.ContentErased'
        )
        from log_entry where subject = 'approvals/' || found.id
    ) told on true
"""
OF_NAME = f"select found.*, told.* from (select * from approval where id = $1) found {_TOLD}"  # noqa: S608 - a part of this module
NEAREST = f"""
    select found.*, told.* from (
        select * from approval where subject = $1 and kind = $2
        order by digest = $3 desc, ($4::text is null or team = $4) desc, ($5 = '' or request ->> 'requester' = $5) desc,
            (state in ('APPROVED', 'EMERGENCY', 'REVIEWED') and expires_at > $6
             and not (state = 'EMERGENCY' and review_is_open and review_due_at <= $6)) is true desc, id desc
        limit 1
    ) found {_TOLD}
"""  # noqa: S608 - a part of this module


@dataclass(frozen=True, slots=True)
class AskedRow:
    """A row as the driver gives it, read like one of SQLAlchemy."""

    record: Any

    def __getattr__(self, name: str) -> Any:
        found = self.record[name]
        return json.loads(found) if name in _JSON and isinstance(found, str) else found


def told_from_rows(rows: Iterable[AskedRow], witness: Witness) -> list[Told]:
    return [_told_from_row(row, witness) for row in rows if row.wire is not None or (row.source == _SOURCE and row.type in witness.types)]


def _told_from_row(row: AskedRow, witness: Witness) -> Told:
    """Reads one event; what is not as it was written is a fault."""
    try:
        if row.wire is not None:
            return Told(row.event_id, witness.of_wire(row.wire))
        return _kept(row, witness)
    except Unreadable:
        return Told(row.event_id, fault=f"event {row.event_id} about it cannot be read; verify the ledger")


def _kept(row: AskedRow, witness: Witness) -> Told:
    if row.leaf is None:
        return Told(row.event_id, gone="given away with its segment")
    leaf = entry_from_leaf(row.leaf)
    if row.salt is None:
        fault = (
            "" if row.is_erased else f"the content of entry {leaf.sequence} about it was removed without being erased; verify the ledger"
        )
        return Told(row.event_id, gone="erased", time=leaf.event_time, fault=fault)
    content = Content(row.salt, row.principal, row.payload, row.reason)
    fault = "" if content.digest == leaf.content_hash else f"the content of entry {leaf.sequence} about it was altered; verify the ledger"
    return Told(row.event_id, witness.of_payload(leaf.type, row.payload), time=leaf.event_time, fault=fault)
