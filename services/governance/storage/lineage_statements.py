"""The statements lineage is walked by: one for the walk, one for the edges of its page, whatever the depth."""

from sqlalchemy import text

_EDGE = """
    edge.confidence >= :least_confidence and (:with_denied or edge.standing not in ('DENIED', 'WITHDRAWN'))
    and (cast(:relations as text[]) = '{}' or edge.relation = any(cast(:relations as text[])))
"""

# One row a step, with the names it reached first and all before them: what was seen is never entered again, so that cycles end and a
# node costs what its own edges cost. It ends early once the page is full, or once it is over the limit. Except, and no anti-join: it
# is never done in a time that grows with the square of what was seen, whatever the planner takes the arrays to hold.
WALK = text(
    f"""
    with recursive walk(depth, names, seen, beyond) as (
        select 0, array[cast(:name as text)], array[cast(:name as text)], case when :after_depth < 0 then 1 else 0 end
        union all
        select walk.depth + 1, next.names, walk.seen || next.names,
               walk.beyond + case when walk.depth + 1 > :after_depth then cardinality(next.names) else 0 end
        from walk cross join lateral (
            select coalesce(array_agg(fresh.name), '{{}}') as names from (
                select bordering.name from (
                    select edge.to_name as name from lineage_edge edge
                    where cast(:downstream as boolean) and edge.from_name = any(walk.names) and {_EDGE}
                    union all
                    select edge.from_name from lineage_edge edge
                    where cast(:upstream as boolean) and edge.to_name = any(walk.names) and {_EDGE}
                    except
                    select unnest(walk.seen)
                ) bordering
                where cast(:kinds as text[]) = '{{}}'
                   or (select kind from lineage_node node where node.name = bordering.name) = any(cast(:kinds as text[]))
                limit :walk_limit + 1
            ) fresh
        ) next
        where walk.depth < :max_depth and cardinality(walk.names) > 0 and walk.beyond < :page_limit
          and cardinality(walk.seen) <= :walk_limit
    ), reached as (
        select walk.depth, name from walk cross join lateral unnest(walk.names) as name
    ), placed as (
        select depth, name, row_number() over (order by depth, name collate "C") as place,
               count(*) filter (where depth < :after_depth or (depth = :after_depth and name collate "C" <= :after_name)) over () as before,
               count(*) over () as reached_count
        from reached
    )
    select placed.depth, placed.place > placed.before as is_on_page, placed.reached_count, node.*
    from placed join lineage_node node using (name)
    where placed.place <= placed.before + :page_limit
    order by placed.place
    """  # noqa: S608 - the condition above, which holds no value from outside
)

# From the side a walk enters nodes by, so that a hub which is only ever arrived at is not searched for all that leads to it. The first
# part is kept apart: two conditions on names at once would probe the index for every pair of them.
EDGES_FORTH = text(
    f"""
    with edge as materialized (
        select * from lineage_edge edge where edge.from_name = any(cast(:reached as text[])) and {_EDGE}
    )
    select edge.* from edge join unnest(cast(:reached as text[])) as reached(name) on reached.name = edge.to_name
    order by edge.ledger_sequence, edge.from_name collate "C", edge.to_name collate "C", edge.relation
    """  # noqa: S608 - the condition above, which holds no value from outside
)
EDGES_BACK = text(
    f"""
    with edge as materialized (
        select * from lineage_edge edge where edge.to_name = any(cast(:reached as text[])) and {_EDGE}
    )
    select edge.* from edge join unnest(cast(:reached as text[])) as reached(name) on reached.name = edge.from_name
    order by edge.ledger_sequence, edge.from_name collate "C", edge.to_name collate "C", edge.relation
    """  # noqa: S608 - the condition above, which holds no value from outside
)
