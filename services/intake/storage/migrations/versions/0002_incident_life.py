"""The life of incidents: who works on one and how, what people say of it, and what it was merged into or split from."""

from alembic import op

revision = "0002"
down_revision = "0001"

_COLUMNS = """
    add column kind smallint not null default 1,
    add column rule text not null default 'default',
    add column rule_revision bigint not null default 0,
    add column quiet_period interval not null default '0',
    add column last_started_at timestamptz,
    add column shaped boolean not null default false,
    add column untold boolean not null default false,
    add column mitigated_at timestamptz,
    add column merged_into uuid,
    add column declared_by text not null default '',
    add column severity smallint,
    add column severity_reason text not null default '',
    add column severity_set_by text not null default '',
    add column severity_set_at timestamptz,
    add column cause smallint,
    add column cause_confidence double precision,
    add column cause_ref text not null default '',
    add column cause_note text not null default '',
    add column attributed_by text not null default '',
    add column attributed_at timestamptz,
    add column roles jsonb not null default '[]'
"""


def upgrade() -> None:
    op.execute(f"alter table incident {_COLUMNS}")
    # The defaults above fill what is there without rewriting the table; this one is each incident's own.
    op.execute("update incident set last_started_at = (select max(starts_at) from alert where alert.incident_id = incident.id)")
    _groups()
    _components()
    op.execute("create index incident_by_state on incident (state, opened_at, id)")
    op.execute("create index incident_untold on incident (id) where untold")


def _groups() -> None:
    op.execute("create table incident_group (group_key text primary key, incident_id uuid not null)")
    op.execute("create index incident_group_by_incident on incident_group (incident_id)")
    op.execute(
        """
        insert into incident_group (group_key, incident_id)
        select distinct on (group_key) group_key, id from incident order by group_key, state = 3, opened_at desc, id desc
        """
    )
    op.execute("drop index incident_open_by_group")
    op.execute("create index incident_by_group on incident (group_key, opened_at)")


def _components() -> None:
    """An index that PostgreSQL has no kind of its own for: by each component of the array, and within it by opening."""
    op.execute(
        """
        create table incident_component (
            incident_id uuid not null,
            component text not null,
            state smallint not null,
            opened_at timestamptz not null,
            primary key (incident_id, component)
        )
        """
    )
    op.execute("create index incident_component_by_opening on incident_component (component, state, opened_at, incident_id)")
    op.execute(
        """
        insert into incident_component (incident_id, component, state, opened_at)
        select id, component, state, opened_at from incident cross join lateral (select distinct unnest(components)) named(component)
        """
    )
    # A trigger, because it is an index: the alert path, people's changes and merges all write incidents, and none may forget it.
    op.execute(
        """
        create function index_incident_components() returns trigger language plpgsql as $$
        begin
            if tg_op = 'UPDATE' and old.components is distinct from new.components then
                delete from incident_component where incident_id = new.id and component <> all (new.components);
            end if;
            insert into incident_component (incident_id, component, state, opened_at)
            select new.id, component, new.state, new.opened_at from (select distinct unnest(new.components)) named(component)
            on conflict (incident_id, component) do update set state = excluded.state, opened_at = excluded.opened_at;
            return null;
        end $$
        """
    )
    op.execute(
        "create trigger incident_components_added after insert on incident for each row execute function index_incident_components()"
    )
    # The condition is what keeps this free in a storm: most updates of an incident only count alerts.
    op.execute(
        """
        create trigger incident_components_changed after update on incident for each row
        when (old.components is distinct from new.components or old.state <> new.state or old.opened_at <> new.opened_at)
        execute function index_incident_components()
        """
    )
    op.execute("drop index incident_by_component")
