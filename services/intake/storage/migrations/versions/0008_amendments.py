"""Change control of the service's documents: amendments, and who owns which document."""

from alembic import op

from shared.amendments.tables import create_amendments_v1

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    create_amendments_v1(op.execute)
