"""Receipts of ReportAlerts are kept in a form of their own; those kept before are forgotten, and the same reports are repeats."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute("delete from request where method = 'ReportAlerts'")
