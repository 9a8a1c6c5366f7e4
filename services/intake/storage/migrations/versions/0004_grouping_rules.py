"""Grouping rules with their revisions, what each rule did, and the dependencies of components."""

from hashlib import sha256

from alembic import op
from sqlalchemy import text

revision = "0004"
down_revision = "0003"

_FIRST = "rules: []\n"


def upgrade() -> None:
    op.execute("create table if not exists routing_version (kind text primary key, version bigint not null)")
    op.execute("insert into routing_version (kind, version) values ('grouping', 1), ('dependency', 1) on conflict do nothing")
    op.execute(
        """
        create table grouping_rules (
            revision bigint primary key,
            yaml text not null,
            hash text not null,
            author text not null,
            reason text not null,
            restored_revision bigint not null,
            created_at timestamptz not null
        )
        """
    )
    op.execute(
        """
        create table grouping_rule_use (
            rule text not null,
            digest text not null,
            since timestamptz not null,
            matched bigint not null,
            last_matched_at timestamptz,
            failed bigint not null,
            last_failed_at timestamptz,
            failure text not null,
            primary key (rule, digest)
        )
        """
    )
    op.execute(
        """
        create table component_dependency (
            component text primary key,
            dependencies text[] not null,
            version bigint not null
        )
        """
    )
    # There are always rules in force: those from before there were any.
    first = text(
        "insert into grouping_rules values (1, :yaml, :hash, 'system', 'The first revision: no rules but the built-in one.', 0, now())"
    )
    op.get_bind().execute(first, {"yaml": _FIRST, "hash": sha256(_FIRST.encode()).hexdigest()})
