"""Entries that nobody vouches for: those from now on, not what a ledger held before every service was asked to."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("alter table log_reconciler add column former_through bigint not null default 0")
    op.execute("update log_reconciler set former_through = (select coalesce(max(sequence), 0) from log_entry)")
