"""What plans know of roadmap items beyond the plain, and every version of an item."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("alter table roadmap_item add column details jsonb not null default '{}'")
    op.execute(
        """
        create table roadmap_item_revision (
            name text not null, version bigint not null, title text not null, team text not null, effort_hours numeric not null,
            recorded_hours numeric not null, cost_of_delay_per_week numeric not null, currency text not null, dependencies text[] not null,
            due_at timestamptz, protected boolean not null, stage smallint not null, created_at timestamptz not null,
            updated_at timestamptz not null, details jsonb not null, author text not null, primary key (name, version)
        )
        """
    )
    # Of items from before, the version they have now is the first that can be read.
    op.execute(
        """
        insert into roadmap_item_revision (name, version, title, team, effort_hours, recorded_hours, cost_of_delay_per_week, currency,
            dependencies, due_at, protected, stage, created_at, updated_at, details, author)
        select name, version, title, team, effort_hours, recorded_hours, cost_of_delay_per_week, currency,
            dependencies, due_at, protected, stage, created_at, updated_at, details, 'system' from roadmap_item
        """
    )
