"""OpenSLO documents as plain trees: read from YAML without loss, compared, found again by path, and written as YAML."""

import json
import math
import re
from collections.abc import Sequence
from typing import Any

import yaml

from shared.yaml_tree import Fields, Items, Node

# What JSON has: None, bool, int, float, str, list and dict with texts for keys.
Tree = Any
Path = tuple[str | int, ...]

_NULLS = {"", "~", "null", "Null", "NULL"}
_FLAGS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WHOLE = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_UNBOUNDED = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LONGEST_NUMBER = 300  # digits: a float holds no more, and Python reads no more than some thousands
_WIDTH = 140
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class NotKept(Exception):
    """A value that no store keeps as it is; `path` leads to it."""

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(text)
        self.path = path
        self.text = text


def tree_of(node: Node, path: Path = ()) -> Tree:
    """Returns what the YAML means by its core schema (1.2), so `no` is a text. Raises NotKept."""
    if isinstance(node, Fields):
        return {_kept(key.text, (*path, key.text)): tree_of(value, (*path, key.text)) for key, value in node.entries}
    if isinstance(node, Items):
        return [tree_of(each, (*path, index)) for index, each in enumerate(node.nodes)]
    return _kept(node.text, path) if node.quoted else _plain(node.text, path)


def position(node: Node, path: Path) -> tuple[int, int]:
    """Returns line and column of the field or item at the path, or of the last thing on the way to it that is there."""
    found: Node = node
    where = (node.line, node.column)
    for part in path:
        if isinstance(found, Fields):
            entry = next((each for each in found.entries if each[0].text == part), None)
            if entry is None:
                break
            found, where = entry[1], (entry[0].line, entry[0].column)
        elif isinstance(found, Items) and isinstance(part, int) and part < len(found.nodes):
            found = found.nodes[part]
            where = (found.line, found.column)
        else:
            break
    return where


def path_text(path: Path) -> str:
    """Returns the path as people write it, such as `spec.objectives[1].target`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def canonical(tree: Tree) -> str:
    """Returns one text for equal trees and different ones for others: 1, 1.0, true and "1" differ, the order of fields does not count."""
    return json.dumps(tree, sort_keys=True, separators=(",", ":"))


def yaml_of(trees: Sequence[Tree]) -> str:
    """Writes documents so that they read back equal, fields in the order they have."""
    return "".join(
        f"---\n{yaml.dump(each, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH, default_flow_style=False)}"
        for each in trees
    )


def _kept(text: str, path: Path) -> str:
    if "\0" in text:
        raise NotKept(path, "holds a NUL character, which no store keeps; take it out")
    return text


def _plain(text: str, path: Path) -> Tree:
    if text in _NULLS:
        return None
    if text in _FLAGS:
        return _FLAGS[text]
    if _UNBOUNDED.fullmatch(text):
        raise NotKept(path, f"is {text}, which is no number one can count with; give a number, or quote it to keep it as a text")
    if not (_WHOLE.fullmatch(text) or _BASED.fullmatch(text) or _NUMBER.fullmatch(text)):
        return text
    return _number(text, path)


def _number(text: str, path: Path) -> int | float:
    if len(text) <= _LONGEST_NUMBER:
        if _WHOLE.fullmatch(text):
            return int(text)
        if _BASED.fullmatch(text):
            return int(text, 0)
        if math.isfinite(float(text)):
            return float(text)
    raise NotKept(path, "is too large for a number; give a smaller one, or quote it to keep it as a text")


class _Dumper(_DUMPER):  # type: ignore[misc]  # C or Python, with the same methods
    """Writes each value out where it stands, and quotes a text that would be read as something else."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def _write_text(dumper: Any, text: str) -> Any:
    if "\n" in text and text.strip() and not text.startswith((" ", "\n")):
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")
    # YAML 1.1, by which the library decides, reads fewer texts as numbers: 1e5 is one of those.
    plain = isinstance(_read_back(text), str)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else "'")


def _read_back(text: str) -> Tree:
    try:
        return _plain(text, ())
    except NotKept:
        return None


_Dumper.add_representer(str, _write_text)
