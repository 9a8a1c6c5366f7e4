"""What a lint rule yields, and what it looks at."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

Files = Mapping[str, str]  # text by bundle path


@dataclass(frozen=True, slots=True)
class Finding:
    """A place that breaks a rule; `line` is zero where the whole file does."""

    path: str
    line: int
    message: str


Check = Callable[[Files], Iterator[Finding]]
