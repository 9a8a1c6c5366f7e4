"""People by one key: whose request waits, and who may decide on it; and what was told of an approval is found by its name."""

import unicodedata

from alembic import op
from sqlalchemy import text

revision = "0009"
down_revision = "0008"

_SINGLE = (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0)
_UNSEEN = frozenset(map(chr, (*_SINGLE, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10))))
_KEYS = ("approve_keys", "escalated_keys", "break_glass_keys")
_PEOPLE = ("excluded", "review_excluded")
_ROWS = text("select *, request ->> 'author' as author from approval")
_WRITE = text(
    """
    update approval set author_key = :author_key, approve_keys = :approve_keys, escalated_keys = :escalated_keys,
        break_glass_keys = :break_glass_keys, excluded = :excluded, review_excluded = :review_excluded
    where id = :id
    """
)


def upgrade() -> None:
    op.execute("alter table approval add column author_key text collate \"C\" not null default ''")
    connection = op.get_bind()
    for row in list(connection.execute(_ROWS)):
        values = {name: sorted({_key(each) for each in getattr(row, name)}) for name in _KEYS}
        values |= {name: sorted({_person(each) for each in getattr(row, name)}) for name in _PEOPLE}
        connection.execute(_WRITE, values | {"id": row.id, "author_key": _person(row.author)})
    op.execute("alter table approval alter column author_key drop default")
    op.execute("drop index approval_pending")
    op.execute("create unique index approval_pending on approval (subject, kind, digest, team, author_key) where state = 'PENDING'")
    op.execute("create index outbox_by_approval on outbox (aggregateid) where aggregatetype = 'approvals'")


def _key(key: str) -> str:
    return f"is:{_person(key.removeprefix('is:'))}" if key.startswith("is:") else key


def _person(name: str) -> str:
    """As domain/approver.py had it then: a migration does not change with the code."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "".join(each for each in folded if unicodedata.category(each)[0] not in "CZ" and each not in _UNSEEN)
