"""The tables of approvals: what was asked for and where it stands, and the versions of the rules."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.governance.storage.tables import metadata
from shared.revisions import revision_table

approval_rules = revision_table("approval_rules", metadata)

approval = Table(
    "approval",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("kind", Text(collation="C"), nullable=False),
    Column("subject", Text(collation="C"), nullable=False),
    Column("digest", Text(collation="C"), nullable=False),
    Column("team", Text(collation="C"), nullable=False),
    Column("author_key", Text(collation="C"), nullable=False),  # of who wants it, whatever the spelling
    Column("request", JSONB, nullable=False),  # the rest of what was asked for
    Column("rule", JSONB, nullable=False),  # as it was then
    Column("rules_revision", BigInteger, nullable=False),
    # Who may do what, as keys that callers have or have not: lists by what a caller may decide compare them.
    Column("approve_keys", ARRAY(Text), nullable=False),
    Column("escalated_keys", ARRAY(Text), nullable=False),
    Column("break_glass_keys", ARRAY(Text), nullable=False),
    # Who may not although the keys fit: who asked, unless the rule lets them, and who has approved already.
    Column("excluded", ARRAY(Text), nullable=False),
    # Who may never close the review: who asked, and who broke the glass.
    Column("review_excluded", ARRAY(Text), nullable=False),
    Column("state", Text, nullable=False),
    Column("votes", JSONB, nullable=False),
    Column("glass", JSONB(none_as_null=True)),
    Column("review_is_open", Boolean, nullable=False),
    Column("review_due_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("escalates_at", DateTime(timezone=True)),
    Column("escalated_at", DateTime(timezone=True)),
    Column("decided_at", DateTime(timezone=True)),
    Column("due_at", DateTime(timezone=True)),  # when time alone changes it next
    # For exactly one thing, one approval waits at a time for each who wants it of a team.
    Index("approval_pending", "subject", "kind", "digest", "team", "author_key", unique=True, postgresql_where=text("state = 'PENDING'")),
    Index("approval_by_subject", "subject", "kind", "id"),
    Index("approval_by_team", "team", "id"),
    Index("approval_by_state", "state", "id"),
    Index("approval_due", "due_at", postgresql_where=text("due_at is not null")),
)

# What was told of one approval is compared with its row whenever somebody acts on it.
Index("outbox_by_approval", metadata.tables["outbox"].c.aggregateid, postgresql_where=text("aggregatetype = 'approvals'"))
