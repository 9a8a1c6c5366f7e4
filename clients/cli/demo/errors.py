"""What stops the demo, each with a line that says what to do.

InvalidInput        FileRefused
PreconditionFailed  SuiteFailed
"""

from collections.abc import Sequence

from shared.errors import InvalidInput, PreconditionFailed, Violation

_SHOWN = 10


class FileRefused(InvalidInput):
    """A file of the example breaks a rule; each violation's `field` begins with file and line."""

    reason = "FILE_REFUSED"

    def __init__(self, violations: Sequence[Violation]) -> None:
        lines = [f"{each.field}: {each.description}" for each in violations[:_SHOWN]]
        if len(violations) > _SHOWN:
            lines.append(f"and {len(violations) - _SHOWN} more")
        super().__init__("\n".join(lines), violations)


class SuiteFailed(PreconditionFailed):
    """The suite did not start, or ended before it was told to."""

    reason = "SUITE_FAILED"
