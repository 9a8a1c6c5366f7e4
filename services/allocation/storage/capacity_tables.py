"""The tables of calendars, leave, and what was told of drift."""

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Float, Integer, Numeric, SmallInteger, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from services.allocation.storage.tables import metadata

calendar = Table(
    "calendar",
    metadata,
    Column("name", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("days", JSONB, nullable=False),
    Column("holidays", JSONB, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)

leave = Table(
    "leave",
    metadata,
    # Within its team by its id; ordered by both as its name is not, for `-` sorts before `/`.
    Column("team", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("member", Text, nullable=False),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("hours_per_day", Numeric, nullable=False),
    Column("note", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    # What was taken back leaves its version behind: told again under the same name, it goes on from there.
    Column("is_deleted", Boolean, nullable=False, server_default=text("false")),
)

# The newest sprint of each team at the end of which drift was looked for: once, whichever replica did.
adherence_look = Table(
    "adherence_look",
    metadata,
    Column("team", Text, primary_key=True),
    Column("sprint_number", Integer, nullable=False),
    Column("looked_at", DateTime(timezone=True), nullable=False),
    Column("drift", Float),  # of recorded from planned shares, by the chart; null where it cannot be told
)

# What was told last of each kind of drift of a team.
drift = Table(
    "drift",
    metadata,
    Column("team", Text, primary_key=True),
    Column("kind", SmallInteger, primary_key=True),
    Column("sprint_number", Integer, nullable=False),
    Column("detected_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Column("finding", JSONB, nullable=False),
    Column("version", BigInteger, nullable=False),
)
