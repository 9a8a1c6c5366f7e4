"""YAML files of several documents cut into their documents by the markers alone, so that a broken one leaves the others readable."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# By the YAML specification (c-forbidden) such a line ends a document even within a quoted or block text.
_MARKER = re.compile(r"^(?:---|\.\.\.)(?=\s|\Z)", re.MULTILINE)
_CONTENT = re.compile(r"^[ \t]*[^ \t\n#%]", re.MULTILINE)  # on a line that is no comment and no directive
_MARKER_LENGTH = 3


@dataclass(frozen=True, slots=True)
class DocumentText:
    """The text of one document: `number` counts those that hold anything. Lines and numbers count from 1 in the whole file."""

    number: int
    line: int  # of the first character of the text
    first_line: int  # of the first thing that is no marker, blank or comment
    text: str


def documents_of(text: str) -> Iterator[DocumentText]:
    """Yields the documents that hold more than blanks, comments and directives, in their order. Raises nothing."""
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    number, line = 0, 1
    for part in _parts(plain):
        body = part[_MARKER_LENGTH:] if _MARKER.match(part) else part
        content = _CONTENT.search(body)
        if content:
            number += 1
            first = line + body.count("\n", 0, content.end())
            # The end marker of the document before says nothing to a reader of this one.
            yield DocumentText(number, line, first, body if part.startswith("...") else part)
        line += part.count("\n")


def _parts(text: str) -> Iterator[str]:
    begin = 0
    for marker in _MARKER.finditer(text):
        if marker.start() > begin:
            yield text[begin : marker.start()]
        begin = marker.start()
    if begin < len(text):
        yield text[begin:]
