"""The set-wise statements of governance: whole columns at once, one round trip for a batch."""

from sqlalchemy import text

# Held until the transaction ends: whoever appends next waits here, so that sequences follow each other without a gap.
LOCK_HEAD = text("select size, peaks from log_head for update")

# Of each event told: whether it is there already, and where its subject last was.
GROUND = text(
    """
    select told.place, known.sequence is not null as is_known, last.sequence as last
    from unnest(cast(cast(:source as text) as text[]), cast(cast(:event_id as text) as text[]), cast(cast(:subject as text) as text[]))
         with ordinality as told(source, event_id, subject, place)
    left join log_entry known on known.source = told.source and known.event_id = told.event_id
    left join lateral (
        select sequence from log_entry where subject = told.subject and told.subject <> '' order by sequence desc limit 1
    ) last on true
    where known.sequence is not null or last.sequence is not null
    """
)

# What happened to the same components near what is told, and what is held of that itself: to conclude from.
NEAR = text(
    """
    select name, component, part, happened_at from lineage_occurrence where name = any(cast(:names as text[]))
    union
    select held.name, held.component, held.part, held.happened_at
    from unnest(cast(:components as text[]), cast(:times as timestamptz[])) as told(component, happened_at)
    join lineage_occurrence held on held.component = told.component
        and held.happened_at between told.happened_at - cast(:window as interval) and told.happened_at + cast(:window as interval)
    """
)

# The edges that were inferred from what is corrected now, unless people have judged them, and what is held of their other ends.
INFERRED = text(
    """
    select * from lineage_edge where source = 'INFERRED' and standing in ('UNJUDGED', 'WITHDRAWN')
        and (from_name = any(cast(:names as text[])) or to_name = any(cast(:names as text[])))
    """
)
OCCURRED = text("select name, component, part, happened_at from lineage_occurrence where name = any(cast(:names as text[]))")

# Texts and numbers come as arrays in text (shared/storage/array_text.py), and what is long as the driver's own.
#
# All in one statement, for each would cost its own round trip while the others wait for the head. A title, and the kind with it, gives
# way only to one of the same version or a higher one. An edge belongs to the entry that first showed it; how it is known gives way to
# better evidence, or to a later account where it was never observed, unless people have judged it; what was observed is only taken back.
APPEND = text(
    """
    with entries as (
        insert into log_entry (sequence, event_id, source, type, subject, trace_id, record_time, leaf, salt, principal, reason, payload)
        select :before + place, event_id, source, type, subject, trace_id, cast(:record_time as timestamptz), leaf,
               substring(cast(:salts as bytea) from cast(place - 1 as integer) * :salt_bytes + 1 for :salt_bytes),
               principal, reason, payload
        from unnest(cast(cast(:event_id as text) as text[]), cast(cast(:source as text) as text[]), cast(cast(:type as text) as text[]),
                    cast(cast(:subject as text) as text[]), cast(cast(:trace_id as text) as text[]), cast(:leaf as text[]),
                    cast(cast(:principal as text) as text[]), cast(cast(:reason as text) as text[]), cast(:payload as bytea[]))
             with ordinality as new(event_id, source, type, subject, trace_id, leaf, principal, reason, payload, place)
    ), tiles as (
        insert into log_tile (level, index, hashes)
        select * from unnest(cast(:tile_level as smallint[]), cast(:tile_index as bigint[]), cast(:tile_hashes as bytea[]))
        on conflict (level, index) do update set hashes = log_tile.hashes || excluded.hashes
    ), nodes as (
        insert into lineage_node as held (name, kind, title, title_version, is_known)
        select * from unnest(cast(cast(:node_name as text) as text[]), cast(cast(:node_kind as text) as text[]),
                             cast(cast(:node_title as text) as text[]), cast(cast(:node_title_version as text) as bigint[]),
                             cast(cast(:node_is_known as text) as boolean[]))
        on conflict (name) do update set
            is_known = held.is_known or excluded.is_known,
            kind = case when excluded.title_version > held.title_version then excluded.kind else held.kind end,
            title = case when excluded.title <> '' and excluded.title_version >= held.title_version
                         then excluded.title else held.title end,
            title_version = case when excluded.title <> '' and excluded.title_version >= held.title_version
                                 then excluded.title_version else held.title_version end
        where (excluded.is_known and not held.is_known)
           or (excluded.title <> '' and excluded.title_version >= held.title_version
               and (excluded.title, excluded.title_version) <> (held.title, held.title_version))
    ), edges as (
        insert into lineage_edge as held (from_name, to_name, relation, attributes, trace_id, ledger_sequence, create_time,
                                          source, confidence, rule, standing)
        select from_name, to_name, relation, attributes::jsonb, trace_id, ledger_sequence, cast(:record_time as timestamptz),
               source, confidence, rule, standing
        from unnest(cast(cast(:edge_from as text) as text[]), cast(cast(:edge_to as text) as text[]),
                    cast(cast(:edge_relation as text) as text[]), cast(cast(:edge_attributes as text) as text[]),
                    cast(cast(:edge_trace_id as text) as text[]), cast(cast(:edge_sequence as text) as bigint[]),
                    cast(cast(:edge_source as text) as text[]), cast(cast(:edge_confidence as text) as double precision[]),
                    cast(cast(:edge_rule as text) as text[]), cast(cast(:edge_standing as text) as text[]))
             as new(from_name, to_name, relation, attributes, trace_id, ledger_sequence, source, confidence, rule, standing)
        on conflict (from_name, to_name, relation) do update set
            source = excluded.source, confidence = excluded.confidence, rule = excluded.rule, attributes = excluded.attributes,
            standing = excluded.standing
        where held.standing in ('UNJUDGED', 'WITHDRAWN')
          and case when held.source = 'OBSERVED' then excluded.source = 'OBSERVED' and excluded.standing = 'WITHDRAWN'
                   else excluded.source <> 'INFERRED' or held.source = 'INFERRED' end
    ), occurrences as (
        insert into lineage_occurrence as held (name, component, part, happened_at)
        select * from unnest(cast(:occurrence_name as text[]), cast(:occurrence_component as text[]), cast(:occurrence_part as text[]),
                             cast(:occurrence_time as timestamptz[]))
        on conflict (name, component) do update set happened_at = excluded.happened_at where excluded.happened_at < held.happened_at
    )
    update log_head set size = :size, peaks = :peaks
    """
)

# One statement, one snapshot: an append between two reads would look like a tail that does not fit.
TIP = """
    select head.size, head.peaks, coalesce((select max(sequence) from log_entry), 0) as last_sequence
    from (select 1) as one left join log_head head on true
"""

CONTENT_DIGEST = """pg_catalog.sha256(
    salt || int4send(octet_length(convert_to(principal, 'UTF8'))) || convert_to(principal, 'UTF8')
    || int4send(octet_length(convert_to(reason, 'UTF8'))) || convert_to(reason, 'UTF8') || payload
)"""
# The database hashes the contents, so that verifying a ledger of large ones needs neither their transfer nor their memory. It
# is trusted no further than for handing over its rows: a server that lies about a digest could lie about the bytes as well. A
# content counts as erased only where the ledger has the record of it.
STORED_ENTRIES = text(
    f"""
    select sequence, leaf, event_id, source, type, subject, trace_id, record_time,
           erased_at is not null and exists (
               select 1 from log_entry record where record.subject = 'ledgerEntries/' || entry.sequence
                   and record.type = 'ballast.governance.v1.ContentErased' and record.source = '/ballast/governance/ledger'
           ) as is_erased,
           {CONTENT_DIGEST} as content_digest
    from log_entry entry where sequence between :first and :last order by sequence limit :limit
    """  # noqa: S608 - put together of what stands here
)

TILES = """
    select level, index, hashes from log_tile
    join unnest($1::smallint[], $2::bigint[]) as wanted(level, index) using (level, index)
"""

CHECKPOINTS = text("select size, root, note from log_checkpoint where size > :after and size <= :last order by size")

LAST_CHECKPOINT = text("select size, root, note from log_checkpoint order by size desc limit 1")

KEEP_CHECKPOINT = text(
    """
    with used as (
        insert into log_key (verifier_key, first_used_at) values (:verifier_key, :signed_at) on conflict do nothing
    )
    insert into log_checkpoint (size, root, note, signed_at) values (:size, :root, :note, :signed_at) on conflict do nothing
    """
)

SEALED_THROUGH = text(
    """
    select coalesce(max(last_sequence), 0) from log_segment
    where exists (
        select 1 from log_entry record where record.subject = 'ledgerSegments/' || first_sequence || '-' || last_sequence
            and record.type = 'ballast.governance.v1.SegmentSealed' and record.source = '/ballast/governance/ledger'
    )
    """
)

VERIFIER_KEYS = text("select verifier_key from log_key order by first_used_at, verifier_key")
