"""What a ledger says of itself in its own entries: which contents were erased, and up to where entries were sealed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Of what governance writes into the ledger itself; nobody can deliver events of this source.
OWN_SOURCE = "/ballast/governance/ledger"
ERASURE_TYPE = "ballast.governance.v1.ContentErased"
_SEAL_TYPE = "ballast.governance.v1.SegmentSealed"
_ENTRY, _SEGMENT = re.compile(r"ledgerEntries/(\d{1,19})"), re.compile(r"ledgerSegments/\d{1,19}-(\d{1,19})")


@dataclass(slots=True)
class Records:
    """Told by the entries read so far."""

    bare: set[int] = field(default_factory=set)  # entries without content
    erased: set[int] = field(default_factory=set)
    sealed_through: int = 0

    def take(self, leaf: Mapping[str, Any]) -> None:
        """Reads a leaf that is proved."""
        if leaf.get("source") != OWN_SOURCE:
            return
        subject, kind = str(leaf.get("subject")), leaf.get("type")
        if kind == ERASURE_TYPE and (entry := _ENTRY.fullmatch(subject)):
            self.erased.add(int(entry[1]))
        if kind == _SEAL_TYPE and (segment := _SEGMENT.fullmatch(subject)):
            self.sealed_through = max(self.sealed_through, int(segment[1]))

    @property
    def unexplained(self) -> tuple[int, ...]:
        """Entries whose content is gone, and no record says that it was erased."""
        return tuple(sorted(self.bare - self.erased))
