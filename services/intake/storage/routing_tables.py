"""The versions of what decides where an alert goes: one tiny row a kind, read in every transaction that places alerts."""

from enum import StrEnum

from sqlalchemy import BigInteger, Column, Table, Text, text

from services.intake.storage.tables import metadata

routing_version = Table(
    "routing_version",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
)

BUMP = text("update routing_version set version = version + 1 where kind = :kind")


class RoutingKind(StrEnum):
    """What has a version of its own here."""

    GROUPING = "grouping"
    DEPENDENCY = "dependency"
