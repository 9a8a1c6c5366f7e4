"""Checkpoints of a log (c2sp.org/tlog-checkpoint): whose it is, how many leaves it has and their root, as a note's text."""

import base64
import binascii
from dataclasses import dataclass
from typing import Self

from shared.transparency.merkle import HASH_BYTES, Hash
from shared.transparency.note import NoteRefused


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log as it stood."""

    origin: str
    size: int
    root: Hash

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Raises NoteRefused. Extension lines are passed over."""
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
            raise NoteRefused("is no checkpoint: origin, size and root, each on a line")
        origin, size, root = lines[0], lines[1], _root(lines[2])
        if not size.isascii() or not size.isdecimal() or str(int(size)) != size or len(root) != HASH_BYTES:
            raise NoteRefused("is no checkpoint: the second line must be the size, the third the root's 32 bytes in base64")
        return cls(origin, int(size), root)


def _root(line: str) -> bytes:
    try:
        return base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        raise NoteRefused("is no checkpoint: the root is not base64") from None
