"""What is wrong with a rules document, said so that its author can mend it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RuleProblem:
    """One thing amiss: where it stands (lines and columns count from 1), which rule it concerns, and what to do.

    A warning does not keep the document from being put in force.
    """

    path: str
    rule: str  # empty where it concerns the document
    line: int
    column: int
    text: str
    is_warning: bool = False

    @property
    def sentence(self) -> str:
        who = f" (rule {self.rule})" if self.rule else ""
        return f"line {self.line}, column {self.column}{who}: {self.text}"


def errors_of(problems: Sequence[RuleProblem]) -> tuple[RuleProblem, ...]:
    return tuple(each for each in problems if not each.is_warning)
