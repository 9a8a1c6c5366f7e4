"""Scales: how a value of an input becomes a fraction between 0 and 1, never falling as the value gets worse.

Each scale has rungs, the values that are worth naming, from mildest to worst: a counterfactual is a search over them.
"""

import math
from dataclasses import dataclass
from enum import Enum

Value = int | float | Enum
"""A known value of an input; a bool is an int."""


def text_of(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Enum):
        return value.name.lower()
    return f"{value:,.15g}"


@dataclass(frozen=True, slots=True)
class LogScale:
    """Logarithmic from 0 at `zero_at` to 1 at `full_at`: ten times as many is one step worse, not ten."""

    full_at: float
    zero_at: float = 0
    step: float = 1  # distance between rungs

    def fraction(self, value: Value) -> float:
        beyond = max(0.0, _number(value) - self.zero_at)
        return min(1.0, math.log1p(beyond) / math.log1p(self.full_at - self.zero_at))

    @property
    def rungs(self) -> int:
        return round((self.full_at - self.zero_at) / self.step) + 1

    def rung(self, index: int) -> Value:
        return round(self.zero_at + index * self.step, 9)

    def text(self, value: Value) -> str:
        return text_of(value)

    def below(self, index: int) -> str:
        """Returns the bound that values milder than rung `index` stay under."""
        return self.text(self.rung(index))


@dataclass(frozen=True, slots=True)
class DoublingScale:
    """Counts doublings, from 0 at 1 to 1 at 2 to the power of `doublings`: what lies between two doublings counts the same."""

    doublings: int

    def fraction(self, value: Value) -> float:
        return min(1.0, self._doublings(value) / self.doublings)

    @property
    def rungs(self) -> int:
        return self.doublings + 1

    def rung(self, index: int) -> Value:
        return int(2**index)

    def text(self, value: Value) -> str:
        doublings = self._doublings(value)
        return f"{2**doublings:,} or more" if doublings else "1"

    def below(self, index: int) -> str:
        return text_of(self.rung(index))

    @staticmethod
    def _doublings(value: Value) -> int:
        return max(1, int(_number(value))).bit_length() - 1


@dataclass(frozen=True, slots=True)
class RemainderScale:
    """Of shares that are left, from 0 where all is left to 1 where nothing is: less is worse, and beyond all is no share."""

    step: float  # distance between rungs

    def fraction(self, value: Value) -> float:
        return 1 - min(1.0, max(0.0, _number(value)))

    @property
    def rungs(self) -> int:
        return round(1 / self.step) + 1

    def rung(self, index: int) -> Value:
        return round(1 - index * self.step, 9)

    def text(self, value: Value) -> str:
        return text_of(value)

    def below(self, index: int) -> str:
        """Returns the bound that milder values stay above."""
        return self.text(self.rung(index))


@dataclass(frozen=True, slots=True)
class StepScale:
    """One fraction for each of a few values, mildest first."""

    steps: tuple[tuple[Value, float], ...]

    def fraction(self, value: Value) -> float:
        return next(fraction for step, fraction in self.steps if step == value)

    @property
    def rungs(self) -> int:
        return len(self.steps)

    def rung(self, index: int) -> Value:
        return self.steps[index][0]

    def text(self, value: Value) -> str:
        return text_of(value)

    def below(self, index: int) -> str:
        """Returns the worst step that is still milder than rung `index`; between steps there is nothing to stay under."""
        return self.text(self.rung(index - 1))


Scale = LogScale | DoublingScale | RemainderScale | StepScale


def _number(value: Value) -> float:
    if isinstance(value, Enum):
        raise TypeError(f"{value!r} is not a number")
    return value
