"""The tables of silences, maintenance windows and inhibit rules."""

from sqlalchemy import BigInteger, Column, DateTime, Index, Interval, SmallInteger, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from services.intake.storage.tables import metadata


def _silence_columns() -> list[Column[object]]:
    return [
        Column("matchers", JSONB, nullable=False),
        Column("starts_at", DateTime(timezone=True), nullable=False),
        Column("ends_at", DateTime(timezone=True), nullable=False),
        Column("reason", Text, nullable=False),
        Column("author", Text, nullable=False),
        *_change_columns(),
    ]


def _window_columns() -> list[Column[object]]:
    return [
        Column("matchers", JSONB, nullable=False),
        Column("starts_at", DateTime(timezone=False), nullable=False),  # wall time
        Column("time_zone", Text, nullable=False),
        Column("duration", Interval, nullable=False),
        Column("rrule", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("approver", Text, nullable=False),
        Column("author", Text, nullable=False),
        Column("cancelled_at", DateTime(timezone=True)),
        # From the first occurrence to the end of the last: computed from the columns above, to look for those of some time.
        Column("first_at", DateTime(timezone=True), nullable=False),
        Column("ends_at", DateTime(timezone=True), nullable=False),
        *_change_columns(),
    ]


def _change_columns() -> list[Column[object]]:
    return [
        Column("change", SmallInteger, nullable=False),
        Column("changed_by", Text, nullable=False),
        Column("change_reason", Text, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False),
        Column("updated_at", DateTime(timezone=True), nullable=False),
    ]


def _newest_and_versions(name: str, columns: list[Column[object]], again: list[Column[object]]) -> tuple[Table, Table]:
    """Returns the table of the newest versions, and that of all there ever were."""
    newest = Table(
        name,
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("version", BigInteger, nullable=False),
        *columns,
        Index(f"{name}_by_end", "ends_at"),
    )
    versions = Table(
        f"{name}_version", metadata, Column("id", Uuid, primary_key=True), Column("version", BigInteger, primary_key=True), *again
    )
    return newest, versions


silence, silence_version = _newest_and_versions("silence", _silence_columns(), _silence_columns())
maintenance_window, maintenance_window_version = _newest_and_versions("maintenance_window", _window_columns(), _window_columns())

inhibit_rules = Table(
    "inhibit_rules",
    metadata,
    Column("revision", BigInteger, primary_key=True),
    Column("rules", JSONB, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
