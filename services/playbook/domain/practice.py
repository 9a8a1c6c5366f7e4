"""Incident practice in numbers: what each severity asks of the people who handle it.

Figures: reports at the latest every 2, 6 and 12 hours for high, medium and low severity; a post-mortem for every SEV1 and SEV2, drafted
within 3 calendar days or 5 working days; time to restore under 1 hour for what is critical and under 4 hours otherwise; hours by role.
"""

from dataclasses import dataclass
from datetime import timedelta

from services.playbook.domain.fact import Severity

DEFAULT_RESTORE = {Severity.SEV1: timedelta(hours=1)}
OTHER_RESTORE = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Practice:
    """What a severity asks for. `post_mortem` is empty where none is due."""

    report_every: timedelta
    post_mortem: str


_PRACTICE = {
    Severity.SEV1: Practice(timedelta(hours=2), "3 calendar days"),
    Severity.SEV2: Practice(timedelta(hours=2), "5 working days"),
    Severity.SEV3: Practice(timedelta(hours=6), ""),
    Severity.SEV4: Practice(timedelta(hours=12), ""),
    Severity.SEV5: Practice(timedelta(hours=12), ""),
}


def practice_for(severity: Severity | None) -> Practice:
    """Returns what the severity asks for; while it is unknown, what the gravest does: if unsure, take the higher."""
    return _PRACTICE[severity or Severity.SEV1]


def restore_default(severity: Severity | None) -> timedelta:
    """Returns the time to restore to aim for when triage has promised none."""
    return DEFAULT_RESTORE.get(severity or Severity.SEV1, OTHER_RESTORE)
