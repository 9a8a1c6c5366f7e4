"""Revisions of the grouping rules: who put which document in force, when and why."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class GroupingRevision:
    """One revision; `restored` is the revision whose document it put in force again, 0 where it brought one of its own."""

    revision: int
    yaml: str
    author: str
    reason: str
    restored: int
    created_at: datetime

    @property
    def hash(self) -> str:
        return sha256(self.yaml.encode()).hexdigest()
