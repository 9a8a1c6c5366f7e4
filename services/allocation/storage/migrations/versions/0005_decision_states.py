"""Where decisions stand and what approvers were asked, and when other services were last heard of."""

from alembic import op

revision = "0005"
down_revision = "0003"


def upgrade() -> None:
    # In the order in which decisions came in force, which is not that in which they were made: some wait for approvers. Code of before
    # puts each in force as it makes it, and so do the defaults.
    op.execute("create sequence decision_force as bigint")
    op.execute("select setval('decision_force', (select coalesce(max(position), 0) + 1 from decision), false)")
    op.execute(
        """
        alter table decision
            add column state smallint not null default 2,
            add column state_reason text not null default '',
            add column state_version bigint not null default 1,
            add column author text not null default '',
            add column grounds jsonb not null default '[]',
            add column approval text not null default '',
            add column requester text not null default '',
            add column rolls_back text not null default '',
            add column in_force_at timestamptz,
            add column force_position bigint
        """
    )
    op.execute("update decision set force_position = position, in_force_at = created_at")
    op.execute("alter table decision alter column force_position set default nextval('decision_force')")
    op.execute(
        """
        update decision set state = 3, state_reason = 'Another came in force after it.'
        where position not in (select max(position) from decision group by team)
        """
    )
    op.execute("create index decision_by_force on decision (team, force_position)")
    op.execute("create index decision_waiting on decision (team) where state = 1")
    op.execute("create index decision_by_approval on decision (approval) where approval <> ''")
    op.execute("create table heard (source text primary key, heard_at timestamptz not null)")
