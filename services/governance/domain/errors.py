"""What governance refuses, each with its stable reason."""

from typing import ClassVar

from shared.errors import InvalidInput, NotFound, PreconditionFailed, Violation


class NodeNotFound(NotFound):
    reason: ClassVar[str] = "NODE_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"name: no event has told of {name} so far; give the full resource name, such as incidents/{{uuid}}",
            metadata={"name": name},
        )


class LineageTooLarge(InvalidInput):
    """More nodes lie within reach than one walk may visit."""

    reason: ClassVar[str] = "LINEAGE_TOO_LARGE"

    def __init__(self, limit: int) -> None:
        rule = f"more than {limit} nodes lie within reach; lower max_depth, name kinds, or walk in one direction"
        super().__init__(f"max_depth: {rule}", [Violation("max_depth", rule)], metadata={"limit": str(limit)})


class LedgerHeadMissing(PreconditionFailed):
    """The row of count and head hash is gone, so nothing may be appended: a new chain would hide what was lost."""

    reason: ClassVar[str] = "LEDGER_HEAD_MISSING"

    def __init__(self) -> None:
        super().__init__("the ledger's head row is missing; verify the ledger and restore it from a backup before appending")


class EventMalformed(InvalidInput):
    """An event that cannot be recorded as it stands; delivering it again does not help."""

    reason: ClassVar[str] = "EVENT_MALFORMED"

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}", [Violation(field, rule)])
