"""Reading the values of a rules document: each reader says what is wrong with a value, and the rest is read on."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import get_close_matches
from typing import TypeVar

from services.intake.domain.rule_problem import RuleProblem
from shared.yaml_tree import Fields, Items, Node, Scalar

LONGEST_SPAN = timedelta(hours=24)
MOST_PROBLEMS = 100
_SPAN = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?")
_NUMBER = re.compile(r"\d{1,9}")
_FRACTION = re.compile(r"[01]?\.\d{1,6}|[01]")

Value = TypeVar("Value")
Read = Callable[[Node, str], Value | None]


@dataclass(slots=True)
class Reader:
    """Reads one document; `problems` gathers what is amiss, `rule` names the rule being read."""

    rule: str = ""
    problems: list[RuleProblem] = field(default_factory=list)

    def refuse(self, node: Node, path: str, text: str, *, lines: int = 0, columns: int = 0) -> None:
        """Notes a problem at the node, or so many lines and columns into it."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(RuleProblem(path, self.rule, node.line + lines, node.column + columns, text))

    def fields(self, node: Node, path: str, known: tuple[str, ...]) -> Mapping[str, Node]:
        """Returns the fields of a mapping; refuses those nobody knows, with the word that was perhaps meant."""
        if not isinstance(node, Fields):
            self.refuse(node, path, f"must be a mapping with {', '.join(known)}")
            return {}
        for key, _ in node.entries:
            if key.text not in known:
                near = get_close_matches(key.text, known, 1)
                remedy = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
                self.refuse(key, f"{path}.{_short(key.text)}".lstrip("."), f"is no field; {remedy}")
        return {key.text: value for key, value in node.entries if key.text in known}

    def items(self, node: Node, path: str, read: Read[Value], most: int) -> tuple[Value, ...]:
        if not isinstance(node, Items):
            self.refuse(node, path, "must be a list; begin each item with a dash, or write [a, b]")
            return ()
        if len(node.nodes) > most:
            self.refuse(node, path, f"has {len(node.nodes)} items; {most} are allowed")
            return ()
        values = (read(each, f"{path}[{index}]") for index, each in enumerate(node.nodes))
        return tuple(value for value in values if value is not None)

    def text(self, node: Node, path: str, longest: int) -> str | None:
        if not isinstance(node, Scalar) or not node.text.strip():
            self.refuse(node, path, "must be a text that is not empty")
            return None
        if len(node.text.encode()) > longest:
            self.refuse(node, path, f"is longer than {longest} bytes; shorten it")
            return None
        if "\0" in node.text:
            self.refuse(node, path, "holds a NUL character, which no store keeps; take it out")
            return None
        return node.text

    def number(self, node: Node, path: str, least: int, most: int) -> int | None:
        plain = self._plain(node)
        if not _NUMBER.fullmatch(plain) or not least <= int(plain) <= most:
            self.refuse(node, path, f"must be a whole number from {least} to {most}")
            return None
        return int(plain)

    def fraction(self, node: Node, path: str) -> float | None:
        plain = self._plain(node)
        if not _FRACTION.fullmatch(plain) or not 0 < float(plain) <= 1:
            self.refuse(node, path, "must be a number above 0 and up to 1, as 0.8")
            return None
        return float(plain)

    def flag(self, node: Node, path: str) -> bool | None:
        plain = self._plain(node)
        if plain not in {"true", "false"}:
            self.refuse(node, path, "must be true or false")
            return None
        return plain == "true"

    def span(self, node: Node, path: str, least: timedelta) -> timedelta | None:
        """Reads a length of time such as 90s, 10m or 1h30m."""
        text = node.text if isinstance(node, Scalar) else ""
        found = _SPAN.fullmatch(text)
        if not text or found is None:
            self.refuse(node, path, "must be a length of time, as 90s, 10m or 1h30m")
            return None
        hours, minutes, seconds = (int(part or 0) for part in found.groups())
        span = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        if not least <= span <= LONGEST_SPAN:
            self.refuse(node, path, f"must lie between {least.seconds}s and 24h")
            return None
        return span

    def _plain(self, node: Node) -> str:
        return node.text if isinstance(node, Scalar) and not node.quoted else ""


def _short(text: str) -> str:
    return text if len(text) <= 64 else f"{text[:64]}…"
