"""Output: tables for people, JSON for programs; text from outside can do neither markup nor terminal control."""

import json
import os
import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from clients.cli.formats import count_text

_PIPED_WIDTH = 200
_GAP = 3  # between columns, as the box has it
_NARROWEST = 12  # a column of text narrower than this reads badly
# Control characters move the cursor or recolour the terminal; format characters hide text or reverse its direction.
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def plain(text: str, *, keep: str = "") -> str:
    """Returns the text with every character that could act on a terminal made visible, but for those in `keep`."""
    return "".join(_visible(each) if each not in keep and unicodedata.category(each) in _UNSAFE else each for each in text)


def _visible(character: str) -> str:
    if character in "\n\r\t":
        return " "
    return character.encode("unicode_escape").decode()


def cell(text: object, style: str = "") -> Text:
    """Returns text for a table or tree, never read as markup."""
    return text if isinstance(text, Text) else Text(plain(str(text)), style=style)


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `right` aligns figures, `whole` never breaks or cuts (names to be copied)."""

    header: str
    right: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows under headers; where the terminal is too narrow for them, one block for each row, so that nothing is cut."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Text]]
    footer: Sequence[Text] | None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        del console
        if self._needed_width() <= options.max_width:
            yield self._table()
            return
        if self.title:
            yield cell(self.title, "bold")
        for row in [*self.rows, *([self.footer] if self.footer else [])]:
            yield facts((column.header, value) for column, value in zip(self.columns, row, strict=True))
            yield Text()

    def _needed_width(self) -> int:
        return sum(self._needed(index) + _GAP for index in range(len(self.columns)))

    def _needed(self, index: int) -> int:
        column = self.columns[index]
        natural = max([cell_len(column.header), *(value[index].cell_len for value in self.rows)])
        return natural if column.whole or column.right else min(natural, _NARROWEST)

    def _table(self) -> Table:
        drawn = Table(box=SIMPLE_HEAD, title=cell(self.title, "bold") if self.title else None, title_justify="left")
        drawn.show_footer = self.footer is not None
        for index, column in enumerate(self.columns):
            drawn.add_column(
                cell(column.header),
                footer=self.footer[index] if self.footer else "",
                justify="right" if column.right else "left",
                no_wrap=column.whole or column.right,
                overflow="fold",
            )
        for row in self.rows:
            drawn.add_row(*row)
        return drawn


def table(title: str, columns: Sequence[Column | str], rows: Iterable[Sequence[object]], footer: Sequence[object] | None = None) -> Listing:
    """Returns a listing; every cell, and the title, is escaped."""
    return Listing(
        title,
        [Column(each) if isinstance(each, str) else each for each in columns],
        [[cell(value) for value in row] for row in rows],
        [cell(value, "bold") for value in footer] if footer else None,
    )


def facts(pairs: Iterable[tuple[str, object]]) -> Table:
    """Returns a name-value list; pairs whose value is empty are left out."""
    drawn = Table.grid(padding=(0, 2))
    drawn.add_column(no_wrap=True)
    drawn.add_column(overflow="fold")
    for name, value in pairs:
        if str(value):
            drawn.add_row(cell(name or "·", "dim"), cell(value))
    return drawn


def total(count: int, noun: str, next_page_token: str, nouns: str = "") -> Text:
    """Returns the line below a list: how many it shows, and whether there are more."""
    return cell(count_text(count, noun, nouns) + ("; there are more: raise --limit" if next_page_token else ""), "dim")


def as_data(value: Any) -> Any:
    """Returns messages, and lists and mappings of them, as JSON data: proto field names, every field without presence printed."""
    if isinstance(value, Message):
        return MessageToDict(value, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    if isinstance(value, Mapping):
        return {key: as_data(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_data(inner) for inner in value]
    return value


def document(value: Any, *, indent: int | None = 2) -> str:
    """Returns one JSON document in pure ASCII, keys sorted: the same value gives the same bytes."""
    return json.dumps(as_data(value), sort_keys=True, indent=indent, ensure_ascii=True).replace("\x7f", "\\u007f")


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def console(file: IO[str]) -> Console:
    """Returns a console on which nothing is markup; piped, it is wide enough that no name is broken."""
    width = None if file.isatty() or "COLUMNS" in os.environ else _PIPED_WIDTH
    return _Console(file=file, width=width, markup=False, emoji=False, highlight=False, soft_wrap=False)


class Output:
    """Where a command's answer goes: stdout, as JSON or drawn. What is said beside the answer goes to stderr."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._out = console(sys.stdout)
        self.aside = console(sys.stderr)

    def answer(self, value: Any, draw: Callable[[], Iterable[RenderableType]]) -> None:
        """Prints `value` as one JSON document, or what `draw` returns."""
        if self.as_json:
            self.line(document(value))
            return
        for renderable in draw():
            self._out.print(renderable)

    def each(self, value: Any, drawn: RenderableType) -> None:
        """Prints one of an endless row of answers: a JSON line, or one drawn line."""
        if self.as_json:
            self.line(document(value, indent=None))
        else:
            self._out.print(drawn)
        sys.stdout.flush()

    def line(self, text: str) -> None:
        """Prints text as it is: only for what was made safe already."""
        sys.stdout.write(text + "\n")

    def note(self, text: str) -> None:
        """Says something beside the answer, on stderr."""
        self.aside.print(cell(text, "dim"), soft_wrap=True)
