"""YAML as a tree of plain nodes with line numbers, read strictly: no anchors, no tags, no key twice, bounded in size and depth."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

LARGEST_TEXT = 64 * 1024
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one where the wheel has it: ten times as fast


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one document may hold, and what to do about one that holds more."""

    bytes: int = LARGEST_TEXT
    depth: int = 8
    remedy: str = "shorten it"


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text as written; `quoted` tells `"5"` from `5`. Lines and columns count from 1."""

    text: str
    quoted: bool
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    nodes: tuple["Node", ...]
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping whose keys are texts, each once."""

    entries: tuple[tuple[Scalar, "Node"], ...]
    line: int
    column: int


Node = Scalar | Items | Fields


class YamlRefused(Exception):
    """The text is no document this reader takes; `line` and `column` say where, counting from 1."""

    def __init__(self, text: str, line: int = 1, column: int = 1) -> None:
        super().__init__(text)
        self.text = text
        self.line = line
        self.column = column


@dataclass(slots=True)
class _Open:
    """A collection whose end was not seen yet."""

    line: int
    column: int
    is_mapping: bool
    nodes: list[Node] = field(default_factory=list)


def read_yaml(text: str, limits: Limits = DEFAULT_LIMITS) -> Node | None:
    """Returns the only document in `text`; None for an empty one. Raises YamlRefused, and nothing else, at the first thing amiss."""
    if len(text.encode(errors="replace")) > limits.bytes:
        raise YamlRefused(f"is longer than {limits.bytes // 1024} KiB; {limits.remedy}")
    try:
        # Events come one by one and without recursion: depth and anchors are judged before anything is built from them.
        return _tree(yaml.parse(text, Loader=_LOADER), limits.depth)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise YamlRefused(f"is not YAML: {error.problem or error.context}", *where) from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise YamlRefused(f"is not YAML: {str(error).splitlines()[0]}") from None


def _tree(events: Iterator[Any], deepest: int) -> Node | None:
    root: Node | None = None
    documents = 0
    stack: list[_Open] = []
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise YamlRefused("holds a second document; send one", *_where(event))
        done = _step(event, stack, deepest)
        if done is not None and stack:
            stack[-1].nodes.append(done)
        elif done is not None:
            root = done
    return None if isinstance(root, Scalar) and not root.text and not root.quoted else root


def _step(event: Any, stack: list[_Open], deepest: int) -> Node | None:
    """Takes one event; returns the node that ends with it."""
    _refuse_references(event)
    if isinstance(event, yaml.ScalarEvent):
        return Scalar(event.value, event.style not in {None, ""}, *_where(event))
    if isinstance(event, yaml.CollectionStartEvent):
        if len(stack) == deepest:
            raise YamlRefused(f"is nested deeper than {deepest}", *_where(event))
        stack.append(_Open(*_where(event), isinstance(event, yaml.MappingStartEvent)))
    if isinstance(event, yaml.CollectionEndEvent):
        return _closed(stack.pop())
    return None


def _refuse_references(event: Any) -> None:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        raise YamlRefused("uses an anchor or alias (& or *); write the value out, or quote it", *_where(event))
    if getattr(event, "tag", None) not in {None, "!"}:
        raise YamlRefused(f"uses a tag ({event.tag}); leave it out", *_where(event))


def _closed(opened: _Open) -> Node:
    if not opened.is_mapping:
        return Items(tuple(opened.nodes), opened.line, opened.column)
    entries: dict[str, tuple[Scalar, Node]] = {}
    for key, value in zip(opened.nodes[::2], opened.nodes[1::2], strict=True):
        if not isinstance(key, Scalar):
            raise YamlRefused("has a key that is no text", key.line, key.column)
        if key.text in entries:
            first = entries[key.text][0].line
            raise YamlRefused(f"has the key {key.text!r} twice, first on line {first}; keep one", key.line, key.column)
        entries[key.text] = (key, value)
    return Fields(tuple(entries.values()), opened.line, opened.column)


def _where(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1
