"""Lineage: how sure an edge is, how it is known and what people hold of it; nodes that are awaited; what conclusions are drawn from."""

from alembic import op

revision = "0005"
down_revision = "0004"

STATEMENTS = (
    "alter table lineage_node add column is_known boolean not null default false",
    # As the rules of facts have it: what has a title of its own, and what was only ever told by the service that keeps it.
    """
    update lineage_node set is_known = true
    where title_version > 0 or kind in ('alert', 'policy_version', 'template_version', 'roadmap_item')
    """,
    "create index lineage_node_awaited on lineage_node (name) where not is_known",
    """
    alter table lineage_edge
        add column source text not null default 'OBSERVED',
        add column confidence double precision not null default 1,
        add column rule text not null default '',
        add column standing text not null default 'UNJUDGED',
        add column version bigint not null default 1
    """,
    """
    create table lineage_occurrence (
        name text not null,
        component text not null,
        part text not null,
        happened_at timestamptz not null,
        primary key (name, component)
    )
    """,
    "create index lineage_occurrence_by_component on lineage_occurrence (component, happened_at)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
