"""Walks YAML that somebody else wrote: every fault with its line, and nothing in it that grows when it is read."""

import re
from collections.abc import Iterator
from itertools import pairwise

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from services.playbook.domain.errors import TemplateInvalid

LARGEST = 64 * 1024
MOST_DEPTH = 12


def tree_of(text: str, file: str) -> Node | None:
    """Returns the tree of one document.

    Aliases are refused: nine of them nested ten deep stand for a billion values. Depth and size are bounded before anything is built.
    """
    if len(text) > LARGEST:
        raise TemplateInvalid(file, 1, f"has {len(text)} characters, at most {LARGEST} are allowed", "YAML_TOO_LARGE")
    try:
        _check(text, file)
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise TemplateInvalid(file, line, f"is not YAML: {error.problem}", "YAML_INVALID") from None
    except yaml.YAMLError as error:  # a character that YAML does not allow has no mark
        raise TemplateInvalid(file, 1, f"is not YAML: {str(error).splitlines()[0]}", "YAML_INVALID") from None


def _check(text: str, file: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise TemplateInvalid(file, line, "has an anchor or alias; write the value where it is needed", "YAML_ALIAS")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MOST_DEPTH:
            raise TemplateInvalid(file, line, f"is nested deeper than {MOST_DEPTH} levels", "YAML_TOO_DEEP")


class TreeReader:
    """Reads values of a tree and knows the line of every node."""

    def __init__(self, file: str, rule: str) -> None:
        """`rule` is the id under which faults of the values are told."""
        self._file = file
        self._rule = rule

    def fault(self, node: Node | None, message: str) -> TemplateInvalid:
        return TemplateInvalid(self._file, node.start_mark.line + 1 if node else 1, message, self._rule)

    def mapping(self, node: Node | None, keys: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, Node]:
        """Returns the values by key: each of `keys` once, each of `optional` at most once, and no other."""
        allowed = (*keys, *optional)
        if not isinstance(node, MappingNode):
            raise self.fault(node, "must be a mapping with the keys " + ", ".join(allowed))
        found: dict[str, Node] = {}
        for key, value in node.value:
            if key.value not in allowed or key.value in found:
                raise self.fault(key, f"{key.value!r} is unknown or stands here twice; the keys are " + ", ".join(allowed))
            found[key.value] = value
        missing = [key for key in keys if key not in found]
        if missing:
            raise self.fault(node, "lacks " + ", ".join(missing))
        return found

    def items(self, node: Node, what: str) -> Iterator[Node]:
        if not isinstance(node, SequenceNode):
            raise self.fault(node, f"{what} must be a list")
        yield from node.value

    def text(self, node: Node, what: str) -> str:
        if not isinstance(node, ScalarNode):
            raise self.fault(node, f"{what} must be text")
        return str(node.value)

    def line_of_text(self, node: Node, what: str) -> str:
        text = self.text(node, what).strip() if isinstance(node, ScalarNode) else ""
        if not text or "\n" in text:
            raise self.fault(node, f"{what} must be one line of text")
        return text

    def lines(self, node: Node, what: str) -> tuple[str, ...]:
        """Returns a list of texts, of which none may stand twice."""
        texts = tuple(self.line_of_text(item, what) for item in self.items(node, what))
        for before, after in pairwise(sorted(texts)):
            if before == after:
                raise self.fault(node, f"{what} names {after} twice")
        return texts

    def matching(self, node: Node, what: str, pattern: re.Pattern[str], remedy: str) -> str:
        text = self.line_of_text(node, what)
        if not pattern.fullmatch(text):
            raise self.fault(node, f"{what} {text!r} must be {remedy}")
        return text

    def flag(self, node: Node, what: str) -> bool:
        text = self.line_of_text(node, what)
        if text not in ("true", "false"):
            raise self.fault(node, f"{what} {text!r} must be true or false")
        return text == "true"

    def number(self, node: Node, what: str) -> float:
        text = self.line_of_text(node, what)
        try:
            return float(text)
        except ValueError:
            raise self.fault(node, f"{what} {text!r} must be a number") from None

    def count(self, node: Node, what: str, most: int) -> int:
        text = self.line_of_text(node, what)
        if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= most:
            raise self.fault(node, f"{what} {text!r} must be a whole number from 1 to {most}")
        return int(text)
