"""Change control of the service's documents: amendments, and who owns which document."""

from alembic import op

from shared.amendments.tables import create_amendments_v1

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    create_amendments_v1(op.execute)
