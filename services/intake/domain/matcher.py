"""Matchers: which alerts something is about, as conditions on labels with Alertmanager's meaning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

import re2

from services.intake.domain.errors import MatchersRefused
from shared.errors import Violation

LONGEST_LABEL = 128  # bytes, as reports have them
LONGEST_VALUE = 1024
MOST_MATCHERS = 32
# What a compiled regex may take, in bytes: nested repetitions within the length allowed would take gigabytes.
_REGEX_MEMORY = 1 << 20


class Operator(StrEnum):
    """How a label is compared; the values are the text form."""

    EQUAL = "="
    NOT_EQUAL = "!="
    MATCHES = "=~"
    NOT_MATCHES = "!~"


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label. An absent label counts as an empty one; a regex (RE2) must match the whole value."""

    label: str
    operator: Operator
    value: str

    @property
    def is_regex(self) -> bool:
        return self.operator is Operator.MATCHES or self.operator is Operator.NOT_MATCHES

    def accepts(self, value: str) -> bool:
        """Says whether the condition holds for this value of its label. Linear in the length of the value."""
        if self.operator is Operator.EQUAL:
            return value == self.value
        if self.operator is Operator.NOT_EQUAL:
            return value != self.value
        return (compiled(self.value).fullmatch(value) is not None) is (self.operator is Operator.MATCHES)


Matchers = tuple[Matcher, ...]


def accept(matchers: Sequence[Matcher], labels: Mapping[str, str]) -> bool:
    """Says whether every matcher holds."""
    return all(each.accepts(labels.get(each.label, "")) for each in matchers)


def failing(matchers: Sequence[Matcher], labels: Mapping[str, str]) -> Matchers:
    """Returns the matchers that do not hold."""
    return tuple(each for each in matchers if not each.accepts(labels.get(each.label, "")))


def check_matchers(matchers: Sequence[Matcher], field: str, *, may_match_all: bool = False) -> None:
    """Raises MatchersRefused naming every matcher of `field` at fault.

    Unless it `may_match_all`, a set must hold one matcher that an absent label does not satisfy: otherwise a label mistyped in a
    negative matcher would make it match everything.
    """
    violations = [Violation(f"{field}[{index}]", fault) for index, each in enumerate(matchers) for fault in _faults(each)]
    if not matchers:
        violations.append(Violation(field, 'holds no matcher; give at least one, such as alertname="HighErrorRate"'))
    elif len(matchers) > MOST_MATCHERS:
        violations.append(Violation(field, f"holds {len(matchers)} matchers, the limit is {MOST_MATCHERS}; join values in one regex"))
    elif not violations and not may_match_all and all(each.accepts("") for each in matchers):
        description = 'would match alerts that have none of these labels; add a matcher that needs a value, such as component="checkout"'
        violations.append(Violation(field, description))
    if violations:
        raise MatchersRefused(violations)


@lru_cache(maxsize=4096)
def compiled(regex: str) -> Any:
    """Returns the compiled regex. Raises re2.error, whose argument says in bytes what is wrong."""
    return re2.compile(regex, _options())


def _options() -> Any:
    options = re2.Options()
    options.max_mem = _REGEX_MEMORY
    options.log_errors = False  # what is wrong with it goes to the caller
    return options


def _faults(matcher: Matcher) -> list[str]:
    found = []
    if not matcher.label:
        found.append("names no label; put one before the operator")
    for what, text, limit in (("label", matcher.label, LONGEST_LABEL), ("value", matcher.value, LONGEST_VALUE)):
        if len(text.encode("utf-8", "surrogatepass")) > limit:
            found.append(f"has a {what} of more than {limit:,} bytes; no alert has such a {what}")
        if "\0" in text:
            found.append(f"has a NUL character in its {what}, which no alert has; take it out")
    return found or ([fault] if matcher.is_regex and (fault := _regex_fault(matcher.value)) else [])


def _regex_fault(regex: str) -> str:
    if "\b" in regex:
        return r"holds a backspace character, which no alert has; within quotes a word boundary is written \\b"
    try:
        compiled(regex)
    except re2.error as error:
        reason = error.args[0].decode(errors="replace") if error.args and isinstance(error.args[0], bytes) else str(error)
        return f"is no regex of RE2: {reason}; see https://github.com/google/re2/wiki/Syntax (no look-around, no back-references)"
    return ""
