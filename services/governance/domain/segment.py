"""Segments: stretches of old entries whose leaves and contents are given away, while their hashes stay and prove them."""

from dataclasses import dataclass
from datetime import datetime

from services.governance.domain.errors import SegmentRefused
from shared.transparency.merkle import Hash
from shared.transparency.tiles import WIDTH

SEGMENT_TYPE = "ballast.governance.v1.SegmentSealed"


@dataclass(frozen=True, slots=True)
class Segment:
    """Entries from a first to a last sequence, and the root over all entries up to the last."""

    first: int
    last: int
    root: Hash
    author: str
    reason: str
    sealed_at: datetime

    @property
    def name(self) -> str:
        return segment_name(self.first, self.last)


def segment_name(first: int, last: int) -> str:
    return f"ledgerSegments/{first}-{last}"


def check_segment(last: int, sealed_through: int, size: int) -> None:
    """Raises SegmentRefused for a last sequence at which no segment can end."""
    if last % WIDTH:
        lower, upper = last // WIDTH * WIDTH, (last // WIDTH + 1) * WIDTH
        raise SegmentRefused(f"is {last}, a segment ends where a tile of {WIDTH} does: take {lower} or {upper}")
    if not sealed_through < last <= size:
        raise SegmentRefused(f"is {last}, entries are sealed through {sealed_through} and there are {size}; take what lies between")
