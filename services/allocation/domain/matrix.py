"""A sparse matrix of rows, each at most its limit, for integer programmes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Rows:
    """Rows under construction."""

    def __init__(self) -> None:
        self.columns: list[int] = []
        self.values: list[float] = []
        self.starts = [0]
        self.limits: list[float] = []

    def __len__(self) -> int:
        return len(self.limits)

    def add(self, columns: Sequence[int], values: Sequence[float], limit: float) -> None:
        """Adds Σ value · variable ≤ limit."""
        self.columns.extend(columns)
        self.values.extend(values)
        self.starts.append(len(self.columns))
        self.limits.append(limit)

    def orders(self, first: int, then: int) -> None:
        """Adds that the variable `first` is 1 only when `then` is."""
        self.add((first, then), (1.0, -1.0), 0.0)


class Matrix:
    """Rows that are complete."""

    def __init__(self, rows: Rows, size: int) -> None:
        self.starts = np.array(rows.starts, dtype=np.int32)
        self.columns = np.array(rows.columns, dtype=np.int32)
        self.values = np.array(rows.values, dtype=float)
        self.limits = np.array(rows.limits, dtype=float)
        self._size = size
        lengths = np.diff(self.starts)
        self._rows = np.repeat(np.arange(len(lengths)), lengths)
        begin = self.starts[:-1][(lengths == 2) & (self.limits == 0)]
        orders = begin[(self.values[begin] == 1) & (self.values[begin + 1] == -1)]
        self._first, self._then = self.columns[orders], self.columns[orders + 1]

    def times(self, solution: Floats) -> Floats:
        return np.bincount(self._rows, self.values * solution[self.columns], len(self.limits)).astype(np.float64)

    def transposed_times(self, multipliers: Floats) -> Floats:
        return np.bincount(self.columns, self.values * multipliers[self._rows], self._size).astype(np.float64)

    def spread(self, lower: Floats, upper: Floats) -> None:
        """Settles, in place, what follows from settled variables by rows that order two of them."""
        while True:
            before = lower.sum() - upper.sum()
            np.minimum.at(upper, self._first, upper[self._then])
            np.maximum.at(lower, self._then, lower[self._first])
            if lower.sum() - upper.sum() == before:
                return
