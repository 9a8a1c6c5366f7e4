"""Conditions in CEL over named, typed facts: checked when they are saved, evaluated often, never able to loop for long."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from cel_expr_python import cel

LONGEST = 1024
_LOOPS = frozenset({"all", "exists", "exists_one", "filter", "map"})
_TOKEN = re.compile(
    r"""(?P<text>[rRbB]{0,2}(?:\"\"\"(?:.|\n)*?\"\"\"|'''(?:.|\n)*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))"""
    r"""|(?P<comment>//[^\n]*)|(?P<name>[A-Za-z_]\w*)|(?P<other>\S)"""
)
_HAS = re.compile(r"\bhas\(\s*([\w.]+)\s*\)")
_PLACE = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")


class ConditionRefused(Exception):
    """An expression that is no condition: why, and where within it; lines and columns count from 1."""

    def __init__(self, text: str, line: int = 1, column: int = 1) -> None:
        super().__init__(text)
        self.text = text
        self.line = line
        self.column = column


class ConditionFailed(Exception):
    """A condition that could not be evaluated over some facts, for example because it reads one that is absent."""


Facts = Any
"""What conditions read, in the library's own form: made once for all conditions, as that costs as much as one of them."""


@dataclass(frozen=True, slots=True)
class Words:
    """How a language's errors speak of it."""

    types: str  # what its facts are, for whoever compares them with something else
    example: str  # a condition
    known: str = ""  # where the names of its facts are told; each error tells all of them when left out
    missing: str = ""  # the list that names what is unknown, where there is one


class Language:
    """Conditions over the same facts. Names may have dots in them: `a.b` is then one fact, with a type of its own."""

    def __init__(self, variables: Mapping[str, Any], words: Words) -> None:
        """`variables` gives the CEL type of each fact by its name."""
        self.variables = dict(variables)
        self._words = words

    @cached_property
    def environment(self) -> Any:
        return cel.NewEnv(variables=self.variables)

    def condition(self, text: str) -> "Condition":
        """Raises ConditionRefused."""
        return Condition(text, self)

    def facts(self, values: Mapping[str, Any]) -> Facts:
        """Returns facts for conditions to read; the library copies all it is given."""
        return self.environment.Activation(dict(values))

    def compiled(self, text: str) -> Any:
        try:
            compiled = self.environment.compile(text)
        except (RuntimeError, TypeError, UnicodeError) as error:
            raise self._has_refused(text) or self._refusal(str(error)) from None
        if compiled.return_type() != cel.Type.BOOL:
            if refused := self._has_refused(text):
                raise refused
            found = compiled.return_type().name().lower()
            raise ConditionRefused(f"gives a {found}, a condition must give a bool; compare it with something, as in {self._words.example}")
        return compiled

    def _has_refused(self, text: str) -> ConditionRefused | None:
        """Whether a fact with a dot in its name is there is no question for `has`, which is what whoever knows CEL tries first."""
        asked = next((found for found in _HAS.finditer(text) if found[1] in self.variables), None)
        if asked is None or not self._words.missing:
            return None
        way = f'write !("{asked[1]}" in {self._words.missing})'
        return ConditionRefused(f"has() does not tell whether {asked[1]} is known; {way}", *_at(text, asked.start()))

    def _refusal(self, message: str) -> ConditionRefused:
        found = _PLACE.search(message)
        if found is None:
            return ConditionRefused(f"{_first_line(message)}; write it shorter or nested less deep")
        line, column, text = int(found[1]), int(found[2]), found[3].replace(" (in container '')", "")
        return ConditionRefused(f"{text}; {self._remedy(text)}", max(line, 1), max(column, 1))

    def _remedy(self, text: str) -> str:
        undeclared = re.match(r"undeclared reference to '([\w.]+)", text)
        if undeclared:
            near = get_close_matches(undeclared[1], self.variables, 1) or get_close_matches(undeclared[1].split(".")[0], self.variables, 1)
            known = self._words.known or f"known are {', '.join(self.variables)}"
            return f"did you mean {near[0]}?" if near else f"{known}; texts stand in quotes"
        if "no matching overload" in text:
            return self._words.types
        return "see the README for what a condition may say"


class Condition:
    """An expression that holds or does not. Regular expressions in it are RE2: linear in the text."""

    __slots__ = ("_compiled", "names", "text")

    def __init__(self, text: str, language: Language) -> None:
        """Raises ConditionRefused."""
        if len(text) > LONGEST:
            raise ConditionRefused(f"has {len(text)} characters; {LONGEST} are allowed")
        tokens = [(each.lastgroup, each.group(), each.start()) for each in _TOKEN.finditer(text) if each.lastgroup != "comment"]
        _refuse_nested_loops(text, tokens)
        self.text = text
        self._compiled = language.compiled(text)
        _refuse_broken_patterns(text, tokens, language.environment)
        self.names = frozenset(_names(tokens, language.variables))

    def holds(self, facts: "Facts") -> bool:
        """Raises ConditionFailed."""
        try:
            answer = self._compiled.eval(facts).value()
        except RuntimeError as error:  # its budget of 10,000 steps in loops ran out
            raise ConditionFailed(_first_line(str(error))) from None
        # An error comes as a value of its own, which is neither.
        if answer is True or answer is False:
            return answer
        raise ConditionFailed(_first_line(str(answer)))


def _names(tokens: list[tuple[str | None, str, int]], variables: Mapping[str, Any]) -> Iterator[str]:
    """Yields the facts that an expression reads: of each chain of names with dots between, the longest beginning that is one."""
    chain: list[str] = []
    after_dot = False
    for kind, value, _ in [*tokens, ("other", "", 0)]:
        if kind == "name" and (after_dot or not chain):
            chain.append(value)
        elif not (kind == "other" and value == "."):
            yield from _longest(chain, variables)
            chain = [value] if kind == "name" else []
        after_dot = value == "." and bool(chain)


def _longest(chain: list[str], variables: Mapping[str, Any]) -> Iterator[str]:
    for length in range(len(chain), 0, -1):
        name = ".".join(chain[:length])
        if name in variables:
            yield name
            return


def _refuse_nested_loops(text: str, tokens: list[tuple[str | None, str, int]]) -> None:
    """A loop within a loop over 64 texts costs a millisecond; one loop costs some 20 µs."""
    opened: list[bool] = []
    previous = ""
    for kind, value, position in tokens:
        if value == "(" and kind == "other":
            opened.append(previous in _LOOPS)
            if sum(opened) > 1:
                raise ConditionRefused(
                    "has a loop within a loop (all, exists, exists_one, filter, map); split the rule", *_at(text, position)
                )
        elif value == ")" and kind == "other" and opened:
            opened.pop()
        previous = value if kind == "name" else ""


def _refuse_broken_patterns(text: str, tokens: list[tuple[str | None, str, int]], environment: Any) -> None:
    """A pattern that stands in the expression is tried now: CEL itself would tell only when it comes to it."""
    for (_, name, _), (_, bracket, _), (kind, literal, position) in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if name == "matches" and bracket == "(" and kind == "text":
            answer = environment.compile(f"''.matches({literal})").eval(data={}).value()
            if not isinstance(answer, bool):
                raise ConditionRefused(f"{_first_line(str(answer))}; patterns are RE2's", *_at(text, position))


def _at(text: str, position: int) -> tuple[int, int]:
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)


def _first_line(text: str) -> str:
    # gRPC's status code leads the library's messages: INVALID_ARGUMENT: …
    line = text.splitlines()[0] if text else "no reason given"
    return re.sub(r"^[A-Z_]+: ", "", line)[:200]
