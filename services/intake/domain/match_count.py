"""Counts of what each rule took, kept in memory between two writes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MatchCount:
    """What one rule did since the last count: alerts it took, conditions that could not be evaluated, and the last reason why."""

    index: int
    matched: int
    failed: int
    failure: str


class MatchCounts:
    """Plain numbers by the rule's index; for one event loop, without locks."""

    __slots__ = ("_failed", "_failures", "_matched")

    def __init__(self, rules: int) -> None:
        self._matched = [0] * rules
        self._failed = [0] * rules
        self._failures = [""] * rules

    def note(self, index: int, count: int = 1) -> None:
        """Counts alerts the rule took."""
        self._matched[index] += count

    def fail(self, index: int, failure: str) -> None:
        """Counts a condition that could not be evaluated."""
        self._failed[index] += 1
        self._failures[index] = failure

    def take(self) -> tuple[MatchCount, ...]:
        """Returns the rules that did something since the last call, and starts anew."""
        taken = tuple(
            MatchCount(index, matched, failed, failure)
            for index, (matched, failed, failure) in enumerate(zip(self._matched, self._failed, self._failures, strict=True))
            if matched or failed
        )
        for each in taken:
            self._matched[each.index] = self._failed[each.index] = 0
            self._failures[each.index] = ""
        return taken

    def give_back(self, taken: tuple[MatchCount, ...]) -> None:
        """Counts again what was taken and could not be written."""
        for each in taken:
            self._matched[each.index] += each.matched
            self._failed[each.index] += each.failed
            self._failures[each.index] = self._failures[each.index] or each.failure
