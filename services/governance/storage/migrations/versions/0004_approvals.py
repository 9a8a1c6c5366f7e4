"""Approvals, and the rules they stand under."""

from alembic import op

revision = "0004"
down_revision = "0003"

STATEMENTS = (
    """
    create table approval_rules (
        revision bigint primary key,
        document jsonb not null,
        author text not null,
        reason text not null,
        created_at timestamptz not null
    )
    """,
    """
    create table approval (
        id uuid primary key,
        version bigint not null,
        kind text collate "C" not null,
        subject text collate "C" not null,
        digest text collate "C" not null,
        team text collate "C" not null,
        request jsonb not null,
        rule jsonb not null,
        rules_revision bigint not null,
        approve_keys text[] not null,
        escalated_keys text[] not null,
        break_glass_keys text[] not null,
        excluded text[] not null,
        review_excluded text[] not null,
        state text not null,
        votes jsonb not null,
        glass jsonb,
        review_is_open boolean not null,
        review_due_at timestamptz,
        created_at timestamptz not null,
        updated_at timestamptz not null,
        expires_at timestamptz,
        escalates_at timestamptz,
        escalated_at timestamptz,
        decided_at timestamptz,
        due_at timestamptz
    )
    """,
    "create unique index approval_pending on approval (subject, kind, digest) where state = 'PENDING'",
    "create index approval_by_subject on approval (subject, kind, id)",
    "create index approval_by_team on approval (team, id)",
    "create index approval_by_state on approval (state, id)",
    "create index approval_due on approval (due_at) where due_at is not null",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
