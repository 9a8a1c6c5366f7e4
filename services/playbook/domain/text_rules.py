"""Lint rules on what a file says, line by line."""

import re
from collections.abc import Iterator

from services.playbook.domain.finding import Files, Finding
from services.playbook.domain.markdown import Line, lines_of, prose_of
from services.playbook.domain.secret import SECRET
from services.playbook.domain.text import HEADING, HIDDEN, LINE_PREFIX

MOST_LINES = {"CLAUDE.md": 200, "AGENTS.md": 200, "SKILL.md": 500}
IMPORT_LINE = re.compile(r"\s*@(\S+)\s*")
_PLACEHOLDER = re.compile(r"\[\[[=%#]|[=%#]\]\]")
_COMMAND = re.compile(r"!`|`!")
_ARGUMENT = re.compile(r"\$(?:\d|ARGUMENTS\b|\{(?:\d|ARGUMENTS))")
_NESTED = re.compile(r" {0,3}(?:`{3,}|~{3,})\s*\w")
_ACTIVE = re.compile(r"[@$]|!`|`!|<[A-Za-z/!?]|-->|--!>")


def file_too_long(files: Files) -> Iterator[Finding]:
    """CLAUDE.md and AGENTS.md have at most 200 lines, a SKILL.md at most 500: beyond that readers stop following them."""
    for path, text in files.items():
        most = MOST_LINES.get(path.rsplit("/", 1)[-1])
        count = len(text.splitlines())
        if most and count > most:
            yield Finding(path, 0, f"has {count} lines, at most {most} are allowed; move procedures into a skill")


def hidden_character(files: Files) -> Iterator[Finding]:
    """No control, bidirectional, zero-width or other invisible character stands anywhere in a bundle."""
    for path, line in _lines_with(files, HIDDEN):
        if found := HIDDEN.search(line.text):
            yield Finding(path, line.number, f"holds the invisible character U+{ord(found.group()[0]):04X}")


def bare_at(files: Files) -> Iterator[Finding]:
    """No `@` stands outside code: `@clerk/nuxt` in prose is taken for an import. A line that is an import and nothing else is allowed."""
    for path, text in _markdown(files):
        for line in prose_of(text):
            if "@" in line.text and not IMPORT_LINE.fullmatch(line.text):
                yield Finding(path, line.number, "has an @ outside code, which is read as an import; put it in a code span")


def placeholder_left(files: Files) -> Iterator[Finding]:
    """No template delimiter is left over: what should have been filled in was not."""
    for path, line in _lines_with(files, _PLACEHOLDER):
        if not line.is_data and (found := _PLACEHOLDER.search(line.text)):
            yield Finding(path, line.number, f"has the template delimiter {found.group()} left over")


def command_substitution(files: Files) -> Iterator[Finding]:
    """No `!` stands beside a backtick: in a skill that runs a shell command before anybody has read it."""
    for path, line in _lines_with(files, _COMMAND):
        if _COMMAND.search(line.text):
            yield Finding(path, line.number, "has ! beside a backtick, which runs a command when the file is loaded")


def argument_substitution(files: Files) -> Iterator[Finding]:
    """No `$0` … `$9` or `$ARGUMENTS` stands in a skill, not even in code: they are replaced before the skill is read."""
    for path, line in _lines_with(files, _ARGUMENT):
        if path.endswith("/SKILL.md") and (found := _ARGUMENT.search(line.text)):
            yield Finding(path, line.number, f"has {found.group()}, which is replaced when the skill is loaded")


def comment_open(files: Files) -> Iterator[Finding]:
    """Every HTML comment that opens closes: an open one hides the rest of the file from its reader."""
    for path, text in _markdown(files):
        for line in prose_of(text):
            if "<!--" in line.text or "-->" in line.text:
                yield Finding(path, line.number, "has one end of an HTML comment without the other")


def fence_open(files: Files) -> Iterator[Finding]:
    """Every code fence that opens closes: an open one turns the rest of the file into code."""
    for path, text in _markdown(files):
        fences = [line.number for line in lines_of(text) if line.is_fence]
        if len(fences) % 2:
            yield Finding(path, fences[-1], "opens a code fence that nothing closes")


def fence_nested(files: Files) -> Iterator[Finding]:
    """No code block holds what looks like the beginning of another: the inner one's end would be taken for the outer one's."""
    for path, text in _markdown(files):
        for line in lines_of(text):
            if line.info is not None and not line.is_data and _NESTED.match(line.text):
                yield Finding(path, line.number, "begins a code block within a code block; give the outer fence more backticks, or indent")


def review_import(files: Files) -> Iterator[Finding]:
    """REVIEW.md imports nothing: whoever reads it does not follow imports, and would review by less than is meant."""
    for path, text in files.items():
        if path.rsplit("/", 1)[-1] == "REVIEW.md":
            for line in prose_of(text):
                if IMPORT_LINE.fullmatch(line.text):
                    yield Finding(path, line.number, "imports a file, which is not read from here; write it out")


def data_block_broken(files: Files) -> Iterator[Finding]:
    """A data block is headed as such, each of its lines begins with `| `, and nothing in it could act on a reader."""
    for path, text in _markdown(files):
        lines = lines_of(text)
        for before, line in zip((None, *lines), lines, strict=False):
            if not line.is_data:
                continue
            if before is not None and before.is_fence and not _is_headed(lines, before.number):
                yield Finding(path, line.number, f"is a data block without the heading {HEADING}")
            if not line.text.startswith(LINE_PREFIX) and line.text != LINE_PREFIX.rstrip():
                yield Finding(path, line.number, "is a line of data without its prefix")
            if found := _ACTIVE.search(line.text):
                yield Finding(path, line.number, f"is a line of data with {found.group()} in it")


def _is_headed(lines: tuple[Line, ...], fence: int) -> bool:
    above = lines[max(0, fence - 3) : fence - 1]
    return len(above) == 2 and above[0].text.startswith(HEADING) and not above[1].text


def secret_shown(files: Files) -> Iterator[Finding]:
    """Nothing that looks like a credential stands in a bundle. In data blocks such text was taken out when they were made."""
    for path, line in _lines_with(files, SECRET):
        if not line.is_data and SECRET.search(line.text):
            yield Finding(path, line.number, "holds what looks like a credential")


def _lines_with(files: Files, pattern: re.Pattern[str]) -> Iterator[tuple[str, Line]]:
    """Yields the lines of the files in which the pattern is found at all; most files are done with after one search."""
    for path, text in files.items():
        if pattern.search(text):
            yield from ((path, line) for line in lines_of(text))


def _markdown(files: Files) -> Iterator[tuple[str, str]]:
    yield from ((path, text) for path, text in files.items() if path.endswith(".md"))
