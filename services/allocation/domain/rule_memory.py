"""What is remembered of a policy's rule from one decision to the next."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RuleMemory:
    """Since when it holds, or when it let go."""

    rule: str
    since: datetime  # began to hold
    since_sprint: int
    let_go_sprint: int | None = None  # that began when it let go; None while it holds

    @property
    def holds(self) -> bool:
        return self.let_go_sprint is None
