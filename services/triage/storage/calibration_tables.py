"""The tables of calibration: incidents that are over, what people said of them, versions of the model, and drifts under way."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Float, Index, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.triage.storage.tables import metadata

# Of every incident that is over, labelled or not: drift of inputs is that of all of them.
closed_incident = Table(
    "closed_incident",
    metadata,
    Column("incident", Text, primary_key=True),
    Column("ended_at", DateTime(timezone=True), nullable=False),
    Column("teams", ARRAY(Text), nullable=False),
    Column("components", ARRAY(Text), nullable=False),
    Column("inputs", JSONB, nullable=False),
    Column("assessed", SmallInteger, nullable=False),
    Column("chances", ARRAY(Float), nullable=False),
    Column("call_chance", Float, nullable=False),
    Column("model_version", Text, nullable=False),
    Column("weights_hash", Text, nullable=False),
    Column("matrix_revision", BigInteger, nullable=False),
    Column("assessment_revision", BigInteger, nullable=False),
    Index("closed_incident_by_end", "ended_at", "incident"),
)

# Also of incidents that are not over yet, for which it does not count so far.
severity_label = Table(
    "severity_label",
    metadata,
    Column("incident", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("severity", SmallInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("labelled_at", DateTime(timezone=True), nullable=False),
)

scoring_model = Table(
    "scoring_model",
    metadata,
    Column("version", Text(collation="C"), primary_key=True),
    Column("weights_hash", Text, nullable=False),
    Column("document", JSONB, nullable=False),
    Column("fit", JSONB),  # null for what was set by judgement
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Index("scoring_model_by_creation", "created_at", "version"),
)

drift = Table(
    "drift",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("drifted", Boolean, nullable=False),
    Column("onsets", BigInteger, nullable=False),
)
