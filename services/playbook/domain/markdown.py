"""The little of CommonMark that decides what a bundle's readers take for code, data, or text they act on."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from services.playbook.domain.text import INFO

_OPENING = re.compile(r" {0,3}(?P<fence>`{3,}|~{3,})(?P<info>.*)")
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Line:
    """One line, and the info string of the fence it stands in; `info` is None outside of fences and on the fence lines themselves."""

    number: int
    text: str
    info: str | None = None
    is_fence: bool = False

    @property
    def is_data(self) -> bool:
        return self.info == INFO


# Every lint rule reads the same few files: each is taken apart once.
@lru_cache(maxsize=32)
def lines_of(text: str) -> tuple[Line, ...]:
    """Reads fenced code blocks as CommonMark 0.31 §4.5 has them: same character, at least as long, up to three spaces before it."""
    return tuple(_walk(text.split("\n")))


def _walk(lines: list[str]) -> Iterator[Line]:
    closing: re.Pattern[str] | None = None
    info = ""
    for number, text in enumerate(lines, 1):
        if closing is not None:
            if closing.fullmatch(text):
                closing = None
                yield Line(number, text, is_fence=True)
            else:
                yield Line(number, text, info)
        elif (opening := _OPENING.fullmatch(text)) and not (opening["fence"][0] == "`" and "`" in opening["info"]):
            fence, info = opening["fence"], opening["info"].strip()
            closing = re.compile(rf" {{0,3}}{re.escape(fence[0])}{{{len(fence)},}}[ \t]*")
            yield Line(number, text, is_fence=True)
        else:
            yield Line(number, text)


@lru_cache(maxsize=32)
def prose_of(text: str) -> tuple[Line, ...]:
    """Returns the lines a reader acts on, in place: fenced blocks, code spans and HTML comments are blanked out."""
    outside = "\n".join("" if line.info is not None or line.is_fence else line.text for line in lines_of(text))
    outside = _COMMENT.sub(_blanked, outside)
    # A code span does not reach over a blank line: paragraphs are looked at one by one.
    paragraphs = re.split(r"(\n[ \t]*\n)", outside)
    blanked = "".join(_SPAN.sub(_blanked, part) for part in paragraphs)
    return tuple(Line(number, line) for number, line in enumerate(blanked.split("\n"), 1))


def _blanked(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found.group())
