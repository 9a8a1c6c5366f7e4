"""Rules of a document's shape, put together from small ones: each notes what breaks it, by path, and the rest is judged on."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from services.triage.domain.openslo_tree import Path, Tree

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # RFC 1123
NAME_RULE = "must be lower-case letters, digits and inner dashes, at most 63 (RFC 1123)"
LONGEST_TEXT = 4096
_MOST = 100  # of each: who mends those sees the rest
_SHOWN = 64


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to say about the value at a path."""

    path: Path
    text: str


@dataclass(slots=True)
class Findings:
    """What was found amiss in a document, and what is kept of it though it has no meaning here."""

    problems: list[Remark] = field(default_factory=list)
    kept: list[Remark] = field(default_factory=list)

    def refuse(self, path: Path, text: str) -> None:
        if len(self.problems) < _MOST:
            self.problems.append(Remark(path, text))

    def keep(self, path: Path, text: str) -> None:
        if len(self.kept) < _MOST:
            self.kept.append(Remark(path, text))


Rule = Callable[[Tree, Path, Findings], None]


def anything(value: Tree, path: Path, findings: Findings) -> None:
    """Takes whatever YAML can say."""


def every(*rules: Rule) -> Rule:
    def judge(value: Tree, path: Path, findings: Findings) -> None:
        for rule in rules:
            rule(value, path, findings)

    return judge


def kept(why: str, rule: Rule) -> Rule:
    """Judges the value and says that it is kept without meaning, and why."""

    def judge(value: Tree, path: Path, findings: Findings) -> None:
        findings.keep(path, why)
        rule(value, path, findings)

    return judge


def text(longest: int = LONGEST_TEXT, *, empty: bool = False) -> Rule:
    def judge(value: Tree, path: Path, findings: Findings) -> None:
        if not isinstance(value, str):
            findings.refuse(path, f"is {_shown(value)}; must be a text, so quote it" if not _is_many(value) else "must be a text")
        elif not value.strip() and not empty:
            findings.refuse(path, "is empty; write something, or leave the field out where it is optional")
        elif len(value) > longest:
            findings.refuse(path, f"has {len(value)} characters; {longest} are allowed")

    return judge


def matching(pattern: re.Pattern[str], rule: str) -> Rule:
    def judge(value: Tree, path: Path, findings: Findings) -> None:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            findings.refuse(path, f"is {_shown(value)}; {rule}")

    return judge


def choice(*known: str) -> Rule:
    def judge(value: Tree, path: Path, findings: Findings) -> None:
        if value in known and isinstance(value, str):
            return
        near = get_close_matches(value, known, 1) if isinstance(value, str) else []
        remedy = f"did you mean {near[0]}?" if near else f"must be {_or(known)}"
        findings.refuse(path, f"is {_shown(value)}; {remedy}")

    return judge


def number(rule: str, holds: Callable[[float], bool] = math.isfinite) -> Rule:
    """`rule` says what `holds` asks for."""

    def judge(value: Tree, path: Path, findings: Findings) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            findings.refuse(path, f"is {_shown(value)}; must be a number {rule}".rstrip())
        elif not holds(value):
            findings.refuse(path, f"is {value}; must be {rule}")

    return judge


def flag(value: Tree, path: Path, findings: Findings) -> None:
    if not isinstance(value, bool):
        findings.refuse(path, f"is {_shown(value)}; must be true or false")


def items(rule: Rule, least: int, most: int, counted: str) -> Rule:
    def judge(value: Tree, path: Path, findings: Findings) -> None:
        if not isinstance(value, list):
            findings.refuse(path, "must be a list; begin each item with a dash, or write [a, b]")
            return
        if not least <= len(value) <= most:
            findings.refuse(path, f"has {len(value)} items; {counted}")
        for index, each in enumerate(value[:most]):
            rule(each, (*path, index), findings)

    return judge


def pairs(key: Rule, rule: Rule) -> Rule:
    """A mapping whose keys are chosen by the author."""

    def judge(value: Tree, path: Path, findings: Findings) -> None:
        if not isinstance(value, dict):
            findings.refuse(path, "must be a mapping of names to values")
            return
        for name, inner in value.items():
            key(name, (*path, name), findings)
            rule(inner, (*path, name), findings)

    return judge


def record(required: Mapping[str, Rule], optional: Mapping[str, Rule], *further: Rule) -> Rule:
    """A mapping of known fields; one that holds nothing counts as absent. `further` judge the whole where it is a mapping."""
    rules = {**required, **optional}

    def judge(value: Tree, path: Path, findings: Findings) -> None:
        if not isinstance(value, dict):
            findings.refuse(path, f"must be a mapping with {', '.join(rules)}")
            return
        for name in [each for each in value if each not in rules][:_MOST]:
            findings.refuse((*path, name), f"is no field here; {_remedy(name, tuple(rules))}")
        for name in required:
            if value.get(name) is None:
                findings.refuse((*path, name), "is missing; it is required")
        for name, rule in rules.items():
            if value.get(name) is not None:
                rule(value[name], (*path, name), findings)
        every(*further)(value, path, findings)

    return judge


def exactly_one(*names: str) -> Rule:
    def judge(value: Tree, path: Path, findings: Findings) -> None:
        given = given_of(value, names)
        if len(given) > 1:
            findings.refuse((*path, given[-1]), f"stands beside {given[0]}, and only one of {_or(names)} may be given; remove one")
        elif not given:
            findings.refuse(path, f"needs {_or(names)}; give exactly one of them")

    return judge


def given_of(value: Tree, names: tuple[str, ...]) -> list[str]:
    """Returns which of these fields a mapping has, those that hold nothing left out."""
    return [name for name in names if isinstance(value, dict) and value.get(name) is not None]


def _remedy(name: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(name, known, 1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"


def _or(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _is_many(value: Tree) -> bool:
    return isinstance(value, list | dict)


def _shown(value: Tree) -> str:
    if _is_many(value):
        return "a list" if isinstance(value, list) else "a mapping"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
