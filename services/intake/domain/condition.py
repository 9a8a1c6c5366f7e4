"""Conditions of rules in CEL: checked when a rule is saved, evaluated for each alert, never able to loop for long."""

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

from cel_expr_python import cel

LONGEST = 1024
VARIABLES = ("labels", "annotations", "source")
_LOOPS = frozenset({"all", "exists", "exists_one", "filter", "map"})
_TOKEN = re.compile(
    r"""(?P<text>[rRbB]{0,2}(?:\"\"\"(?:.|\n)*?\"\"\"|'''(?:.|\n)*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))"""
    r"""|(?P<comment>//[^\n]*)|(?P<name>[A-Za-z_]\w*)|(?P<other>\S)"""
)
_PLACE = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")


class ConditionRefused(Exception):
    """An expression that is no condition: why, and where within it; lines and columns count from 1."""

    def __init__(self, text: str, line: int = 1, column: int = 1) -> None:
        super().__init__(text)
        self.text = text
        self.line = line
        self.column = column


class ConditionFailed(Exception):
    """A condition that could not be evaluated for one alert, for example because it reads a label the alert has not."""


class Condition:
    """An expression that holds for an alert or does not. Regular expressions in it are RE2: linear in the text."""

    __slots__ = ("_compiled", "names", "text")

    def __init__(self, text: str) -> None:
        """Raises ConditionRefused."""
        if len(text) > LONGEST:
            raise ConditionRefused(f"has {len(text)} characters; {LONGEST} are allowed")
        tokens = [(each.lastgroup, each.group(), each.start()) for each in _TOKEN.finditer(text)]
        _refuse_nested_loops(text, tokens)
        self.text = text
        self._compiled = _compiled(text)
        _refuse_broken_patterns(text, tokens)
        self.names = frozenset(value for kind, value, _ in tokens if kind == "name" and value in VARIABLES)

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


Facts = Any
"""What conditions read of one alert, in the library's own form: made once for all conditions, as that costs as much as one of them."""


def facts_of(labels: Mapping[str, str], annotations: Mapping[str, str], source: str, names: Collection[str] = VARIABLES) -> Facts:
    """Returns what conditions read of an alert; only `names` of it, as the library copies all it is given."""
    data: dict[str, Any] = {"labels": labels} if "labels" in names else {}
    if "annotations" in names:
        data["annotations"] = annotations
    if "source" in names:
        data["source"] = source
    return _environment().Activation(data)


@cache
def _environment() -> Any:
    texts = cel.Type.Map(cel.Type.STRING, cel.Type.STRING)
    return cel.NewEnv(variables={"labels": texts, "annotations": texts, "source": cel.Type.STRING})


def _compiled(text: str) -> Any:
    try:
        compiled = _environment().compile(text)
    except (RuntimeError, TypeError, UnicodeError) as error:
        raise _refusal(str(error)) from None
    if compiled.return_type() != cel.Type.BOOL:
        found = compiled.return_type().name().lower()
        raise ConditionRefused(f'gives a {found}, a condition must give a bool; compare it with something, as in labels.env == "prod"')
    return compiled


def _refusal(message: str) -> ConditionRefused:
    found = _PLACE.search(message)
    if found is None:
        return ConditionRefused(f"{_first_line(message)}; write it shorter or nested less deep")
    line, column, text = int(found[1]), int(found[2]), found[3].replace(" (in container '')", "")
    return ConditionRefused(f"{text}; {_remedy(text)}", max(line, 1), max(column, 1))


def _remedy(text: str) -> str:
    undeclared = re.match(r"undeclared reference to '(\w+)", text)
    if undeclared:
        near = get_close_matches(undeclared[1], VARIABLES, 1)
        return f"did you mean {near[0]}?" if near else f"known are {', '.join(VARIABLES)}; texts stand in quotes"
    if "no matching overload" in text:
        return "labels, annotations and source are texts: compare them with a text in quotes"
    return "see the README for what a condition may say"


def _refuse_nested_loops(text: str, tokens: list[tuple[str | None, str, int]]) -> None:
    """A loop within a loop over 64 labels costs a millisecond an alert; one loop costs some 20 µs."""
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


def _refuse_broken_patterns(text: str, tokens: list[tuple[str | None, str, int]]) -> None:
    """A pattern that stands in the expression is tried now: CEL itself would tell only when an alert comes to it."""
    for (_, name, _), (_, bracket, _), (kind, literal, position) in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if name == "matches" and bracket == "(" and kind == "text":
            answer = _environment().compile(f"''.matches({literal})").eval(data={}).value()
            if not isinstance(answer, bool):
                raise ConditionRefused(f"{_first_line(str(answer))}; patterns are RE2's", *_at(text, position))


def _at(text: str, position: int) -> tuple[int, int]:
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)


def _first_line(text: str) -> str:
    # gRPC's status code leads the library's messages: INVALID_ARGUMENT: …
    line = text.splitlines()[0] if text else "no reason given"
    return re.sub(r"^[A-Z_]+: ", "", line)[:200]
