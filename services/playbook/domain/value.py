"""What a template can see: records whose fields know their path, text that cannot be printed bare, and facts nobody reported."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import StrictUndefined
from jinja2.exceptions import UndefinedError

# What may stand outside a data block: validated names, enums, numbers, times, and the words a template's own literals print.
SAFE_INLINE = re.compile(r"[A-Za-z0-9 .,:;/%+()_’'×≥≤<>=–—…-]*")


class MissingValue(UndefinedError):
    """A template used a value that is not there; the message is its dotted path."""


class Missing(StrictUndefined):
    """A value no template input declares: any use of it fails."""

    def __init__(self, hint: str | None = None, obj: Any = None, name: str | None = None, exc: type[Exception] = MissingValue) -> None:
        super().__init__(hint, None, name, MissingValue)  # obj stays out: the name is the whole path
        del obj, exc

    @property
    def _undefined_message(self) -> str:
        return self._undefined_name or "value"


class Absent(Missing):
    """A value that is declared but that nobody reported: it can be asked for with `is known`, and printing it fails."""


@dataclass(frozen=True, slots=True, repr=False)
class Text:
    """Text from outside. Only a data block may print it; anything else that tries fails the render."""

    raw: str
    label: str = ""

    def __str__(self) -> str:
        raise TextOutsideBlock

    def __repr__(self) -> str:
        return "Text(…)"

    def __format__(self, specification: str) -> str:
        raise TextOutsideBlock


class TextOutsideBlock(Exception):  # states the fact; never leaves the renderer
    """A template tried to print text from outside, or an unvalidated string, outside a data block."""


class Block(str):
    """A finished data block: the only string that is printed without being checked again."""

    __slots__ = ()


class Record:
    """Named values under a path: `assessment.severity` is the field `severity` of the record at `assessment`.

    A field given as None, or as a string that is empty, counts as not reported.
    """

    __slots__ = ("_fields", "_path")

    def __init__(self, path: str, fields: Mapping[str, object]) -> None:
        self._path = path
        self._fields = dict(fields)

    @property
    def names(self) -> frozenset[str]:
        """Names of the fields there are, whether or not anybody reported them."""
        return frozenset(self._fields)

    def field(self, name: str) -> object:
        """Returns the value, an Absent that knows its path when nobody reported it, or a Missing when there is no such field."""
        path = f"{self._path}.{name}"
        if name not in self._fields:
            return Missing(name=path)
        value = self._fields[name]
        return Absent(name=path) if value is None or value == "" else value
