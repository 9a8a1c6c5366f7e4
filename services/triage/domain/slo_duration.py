"""OpenSLO's short durations, such as `4w` or `1Q`."""

import re
from dataclasses import dataclass
from datetime import timedelta

_TEXT = re.compile(r"([0-9]{1,9})([mhdwMQY])")
# Where a duration must have a length of its own, as a rolling window has, months, quarters and years have these days. OpenSLO leaves
# that to who implements it.
_LENGTHS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "M": timedelta(days=30),
    "Q": timedelta(days=90),
    "Y": timedelta(days=365),
}
_NAMES = {"M": "month", "Q": "quarter", "Y": "year"}
LONGEST = timedelta(days=10 * 365)


@dataclass(frozen=True, slots=True)
class ShortDuration:
    """A count of one unit: m minutes, h hours, d days, w weeks, M months, Q quarters, Y years."""

    count: int
    unit: str

    @property
    def length(self) -> timedelta:
        return self.count * _LENGTHS[self.unit]

    @property
    def rounding(self) -> str:
        """Says what a unit of no fixed length is taken for; empty for the others."""
        return f"a {_NAMES[self.unit]} counts {_LENGTHS[self.unit].days} days here" if self.unit in _NAMES else ""


def read_duration(text: str) -> ShortDuration | None:
    """Returns None for what is no duration, or longer than ten years; `0m` is one."""
    found = _TEXT.fullmatch(text)
    if found is None:
        return None
    read = ShortDuration(int(found[1]), found[2])
    return read if int(found[1]) * (_LENGTHS[found[2]] // timedelta(minutes=1)) <= LONGEST // timedelta(minutes=1) else None
