"""The set-wise statements of governance: whole columns at once, one round trip for a batch."""

from sqlalchemy import text

# Held until the transaction ends: whoever appends next waits here, so that sequences follow each other without a gap.
LOCK_HEAD = text("select entry_count, hash from ledger_head for update")

KNOWN_EVENTS = text(
    """
    select source, event_id from ledger_entry
    join unnest(cast(:sources as text[]), cast(:event_ids as text[])) as told(source, event_id) using (source, event_id)
    """
)

# All in one statement, for each would cost its own round trip while the others wait for the head. A title gives way only to one of
# the same version or a higher one; an edge belongs to the entry that first showed it.
APPEND = text(
    """
    with entries as (
        insert into ledger_entry (sequence, event_id, source, type, subject, principal, event_time, record_time, trace_id,
                                  payload_hash, previous_hash, hash)
        select * from unnest(cast(:sequence as bigint[]), cast(:event_id as text[]), cast(:source as text[]), cast(:type as text[]),
                             cast(:subject as text[]), cast(:principal as text[]), cast(:event_time as timestamptz[]),
                             cast(:record_time as timestamptz[]), cast(:trace_id as text[]), cast(:payload_hash as bytea[]),
                             cast(:previous_hash as bytea[]), cast(:hash as bytea[]))
    ), payloads as (
        insert into ledger_payload (sequence, payload)
        select * from unnest(cast(:sequence as bigint[]), cast(:payload as bytea[]))
    ), nodes as (
        insert into lineage_node (name, kind, title, title_version)
        select * from unnest(cast(:node_name as text[]), cast(:node_kind as text[]), cast(:node_title as text[]),
                             cast(:node_title_version as bigint[]))
        on conflict (name) do update set title = excluded.title, title_version = excluded.title_version
        where excluded.title <> '' and excluded.title_version >= lineage_node.title_version
          and (excluded.title, excluded.title_version) <> (lineage_node.title, lineage_node.title_version)
    ), edges as (
        insert into lineage_edge (from_name, to_name, relation, attributes, trace_id, ledger_sequence, create_time)
        select from_name, to_name, relation, attributes::jsonb, trace_id, ledger_sequence, create_time
        from unnest(cast(:edge_from as text[]), cast(:edge_to as text[]), cast(:edge_relation as text[]),
                    cast(:edge_attributes as text[]), cast(:edge_trace_id as text[]), cast(:edge_sequence as bigint[]),
                    cast(:edge_create_time as timestamptz[]))
             as new(from_name, to_name, relation, attributes, trace_id, ledger_sequence, create_time)
        on conflict do nothing
    )
    update ledger_head set entry_count = :head_count, hash = :head_hash
    """
)

# One statement, one snapshot: an append between two reads would look like a tail that does not fit.
TIP = text(
    """
    select head.entry_count, head.hash, coalesce((select max(sequence) from ledger_entry), 0) as last_sequence
    from (select 1) as one left join ledger_head head on true
    """
)

# The database hashes the payloads, so that verifying a ledger of large ones needs neither their transfer nor their memory. It
# is trusted no further than for handing over its rows: a server that lies about a digest could lie about the bytes as well.
STORED_ENTRIES = text(
    """
    select entry.*, pg_catalog.sha256(kept.payload) as kept_payload_hash
    from ledger_entry entry left join ledger_payload kept using (sequence)
    where sequence between :first and :last order by sequence limit :limit
    """
)

BORDERING = text(
    """
    select name, kind, title from lineage_node
    join (
        select to_name as name from lineage_edge where cast(:downstream as boolean) and from_name = any(cast(:frontier as text[]))
        union
        select from_name from lineage_edge where cast(:upstream as boolean) and to_name = any(cast(:frontier as text[]))
    ) bordering using (name)
    where cast(:any_kind as boolean) or kind = any(cast(:kinds as text[]))
    limit :limit
    """
)

# Joined, not compared with two arrays: the index would be probed for every pair of them.
EDGES_BETWEEN = text(
    """
    select edge.* from unnest(cast(:page as text[])) as page(name)
    join lineage_edge edge on edge.from_name = page.name
    join unnest(cast(:reached as text[])) as reached(name) on reached.name = edge.to_name
    union
    select edge.* from unnest(cast(:page as text[])) as page(name)
    join lineage_edge edge on edge.to_name = page.name
    join unnest(cast(:reached as text[])) as reached(name) on reached.name = edge.from_name
    order by ledger_sequence, from_name, to_name, relation
    """
)
