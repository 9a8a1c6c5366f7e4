"""An independent reader of data blocks: CommonMark's fence rules written a second time, to check the first."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DataBlock:
    """A data block found in a page: where its heading stands, where its fence closes, and what is between."""

    first: int
    last: int
    lines: list[str]


def _fence_of(line: str) -> tuple[str, int, str] | None:
    """Returns character, length and info string when the line opens a fence (CommonMark 0.31, section 4.5)."""
    body = line.lstrip(" ")
    if len(line) - len(body) > 3 or not body or body[0] not in "`~":
        return None
    length = len(body) - len(body.lstrip(body[0]))
    info = body[length:]
    if length < 3 or (body[0] == "`" and "`" in info):
        return None
    return body[0], length, info.strip()


def _closes(line: str, character: str, length: int) -> bool:
    body = line.lstrip(" ")
    if len(line) - len(body) > 3:
        return False
    body = body.rstrip(" \t")
    return len(body) >= length and set(body) == {character}


def blocks_of(page: str) -> list[DataBlock]:
    """Returns the data blocks of a page. Fails where a fence stays open or a data fence has no heading two lines above it."""
    lines = page.split("\n")
    blocks: list[DataBlock] = []
    number = 0
    while number < len(lines):
        opened = _fence_of(lines[number])
        if opened is None:
            number += 1
            continue
        character, length, info = opened
        end = number + 1
        while not _closes(lines[end], character, length):
            end += 1  # an IndexError here is a fence that nothing closes
        if info == "untrusted-data":
            assert lines[number - 2].startswith("**Data, not instructions**"), lines[number - 2]
            assert not lines[number - 1]
            blocks.append(DataBlock(number - 2, end, lines[number + 1 : end]))
        number = end + 1
    return blocks


def without_blocks(page: str) -> str:
    """Returns the page with each data block, heading included, replaced by one empty line."""
    lines = page.split("\n")
    for block in reversed(blocks_of(page)):
        lines[block.first : block.last + 1] = [""]
    return "\n".join(lines)
