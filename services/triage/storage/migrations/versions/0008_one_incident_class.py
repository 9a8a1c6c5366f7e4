"""The class of an incident is one for budgets and assessments, has a title, and planned work may choose components by a pattern."""

from alembic import op

revision = "0008"
down_revision = "0007"

_STATEMENTS = (
    "alter table budget_incident add column class_title text not null default ''",
    # A duty raised for a class under its old name is not raised anew under the new one.
    """
    insert into budget_duty (slo, objective, kind, about, raised_at)
    select slo, objective, kind, renamed, min(raised_at) from (
        select duty.*, substr(duty.about, 1, position(' ' in duty.about)) || found.class as renamed
        from budget_duty duty
        join budget_incident held on held.incident_class = substr(duty.about, position(' ' in duty.about) + 1)
        join assessment found on found.incident = held.incident
        where duty.kind = 2 and held.incident_class <> ''
    ) as raised group by slo, objective, kind, renamed
    on conflict do nothing
    """,
    # What was never assessed has no class any more: nothing is said of it but its labels, which say less.
    """
    update budget_incident held set
        incident_class = coalesce((select class from assessment where incident = held.incident), ''),
        class_title = coalesce((
            select coalesce(nullif(snapshot ->> 'signal', ''), regexp_replace(lower(snapshot ->> 'title'), '[0-9a-f]{8,}|[0-9]+', '#', 'g'))
                || case when held.components = '{}' then ''
                    else ' of ' || replace(array_to_string(held.components, ', '), 'components/', '') end
            from assessment where incident = held.incident
        ), '')
    """,
    "alter table budget_exclusion add column chosen_by jsonb",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
