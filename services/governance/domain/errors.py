"""What governance refuses, and why.

InvalidInput        LineageTooLarge, EventMalformed, TreeTooSmall, CheckpointRefused, ErasureAimless, LinkUnusable
NotFound            NodeNotFound, EntryNotFound, LinkNotFound
AlreadyExists       LinkExists
Conflict            LinkChanged
PreconditionFailed  LedgerHeadMissing, LedgerForked
"""

from typing import ClassVar

from shared.errors import AlreadyExists, Conflict, InvalidInput, NotFound, PreconditionFailed, Violation


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


class EntryNotFound(NotFound):
    reason: ClassVar[str] = "ENTRY_NOT_FOUND"

    def __init__(self, sequence: int, size: int) -> None:
        super().__init__(
            f"sequence: the ledger has entries 1 to {size}, {sequence} is not among them", metadata={"sequence": str(sequence)}
        )


class TreeTooSmall(InvalidInput):
    """A size was asked for that the ledger never had, or one that a proof cannot begin with."""

    reason: ClassVar[str] = "TREE_TOO_SMALL"

    def __init__(self, field: str, rule: str, size: int) -> None:
        super().__init__(f"{field}: {rule}", [Violation(field, rule)], metadata={"size": str(size)})


class CheckpointRefused(InvalidInput):
    """What was given as a checkpoint of this ledger is none."""

    reason: ClassVar[str] = "CHECKPOINT_FOREIGN"

    def __init__(self, rule: str) -> None:
        super().__init__(f"checkpoint: {rule}", [Violation("checkpoint", rule)])


class LedgerForked(PreconditionFailed):
    """The ledger is no longer what was signed before, so nothing more may be signed: two stories would both have our word."""

    reason: ClassVar[str] = "LEDGER_FORKED"

    def __init__(self, size: int) -> None:
        super().__init__(
            f"the first {size} entries are no longer those that were signed: verify the ledger, and restore it from a backup",
            metadata={"size": str(size)},
        )


class ErasureAimless(InvalidInput):
    """Neither says which contents to erase, or two things do."""

    reason: ClassVar[str] = "INVALID_INPUT"

    def __init__(self) -> None:
        rule = "give positions or a filter, and not both: an empty filter would mean every entry"
        super().__init__(f"sequences: {rule}", [Violation("sequences", rule), Violation("filter", rule)])


class LinkUnusable(InvalidInput):
    """An edge that nobody may state."""

    reason: ClassVar[str] = "INVALID_INPUT"

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}", [Violation(field, rule)])


class LinkNotFound(NotFound):
    reason: ClassVar[str] = "LINK_NOT_FOUND"

    def __init__(self, link: object) -> None:
        super().__init__(f"no edge {link} is there; walk the lineage to see those that are, or state it with a reason")


class LinkExists(AlreadyExists):
    """Stated, though it is there: whoever says so may not know of what is known of it already."""

    reason: ClassVar[str] = "LINK_EXISTS"

    def __init__(self, link: object) -> None:
        super().__init__(f"the edge {link} is there already; confirm it, or deny it, and see ExplainLink for why it is there")


class LinkChanged(Conflict):
    reason: ClassVar[str] = "ETAG_MISMATCH"

    def __init__(self, version: int) -> None:
        super().__init__(
            f"etag: somebody corrected the edge meanwhile, it is at version {version}; look at it again, then say what you hold of it",
            metadata={"etag": str(version)},
        )
