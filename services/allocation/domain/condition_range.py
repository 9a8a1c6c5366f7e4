"""Ranges: what a plain condition, comparisons joined by `&&`, asks of each number, to see what can never hold or holds together."""

import math
import re
from dataclasses import dataclass

_COMPARISON = re.compile(r"\s*([A-Za-z_][\w.]*)\s*(<=|>=|==|<|>)\s*(-?\d+(?:\.\d+)?)u?\s*$")


@dataclass(frozen=True, slots=True)
class _Range:
    """From `low` to `high`; `open_low` and `open_high` say that the end itself is not in it."""

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    @property
    def empty(self) -> bool:
        return self.low > self.high or (self.low == self.high and (self.open_low or self.open_high))

    def both(self, other: "_Range") -> "_Range":
        low, open_low = max((self.low, self.open_low), (other.low, other.open_low))
        high, closed_high = min((self.high, not self.open_high), (other.high, not other.open_high))
        return _Range(low, high, open_low, not closed_high)


def plain_comparison(text: str) -> tuple[str, str, float] | None:
    """Returns the signal, the sign and the number of a condition that is one comparison; None for any other."""
    matched = _COMPARISON.match(text)
    return (matched[1], matched[2], float(matched[3])) if matched else None


def contradicts_itself(text: str) -> bool:
    """Whether a plain condition asks for what cannot be; no for one that is not plain: that is not looked into."""
    ranges = _ranges(text)
    return ranges is not None and any(each.empty for each in ranges.values())


def can_hold_together(one: str, other: str) -> bool:
    """Whether two plain conditions can be true at once as far as the numbers go that both compare; no where either is not plain."""
    left, right = _ranges(one), _ranges(other)
    if left is None or right is None or not set(left) & set(right):
        return False
    return not any(left[name].both(right[name]).empty for name in set(left) & set(right))


def _ranges(text: str) -> dict[str, _Range] | None:
    found: dict[str, _Range] = {}
    for part in text.split("&&"):
        matched = _COMPARISON.match(part)
        if matched is None:
            return None
        name, sign, number = matched[1], matched[2], float(matched[3])
        low = number if sign in {">", ">=", "=="} else -math.inf
        high = number if sign in {"<", "<=", "=="} else math.inf
        found[name] = found.get(name, _Range()).both(_Range(low, high, sign == ">", sign == "<"))
    return found
