"""Overrides: facts that raise the severity whatever the score says, and never lower it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from services.triage.domain.incident import Evidence
from services.triage.domain.severity import Severity


@dataclass(frozen=True, slots=True)
class Override:
    """A rule: when the evidence says yes to `fact`, the severity is at least `at_least`."""

    reason: str
    fact: str  # a field of Evidence
    at_least: Severity
    rises_if: str  # completes "rises to SEV1 if …"
    drops_if: str  # completes "drops to SEV3 if …"

    def matches(self, evidence: Evidence) -> bool:
        return getattr(evidence, self.fact) is True

    def decided(self, evidence: Evidence, holds: bool) -> Evidence:
        """Returns the evidence with its fact known to hold, or known not to."""
        fact: dict[str, Any] = {self.fact: holds}
        return replace(evidence, **fact)


@dataclass(frozen=True, slots=True)
class MatchedOverride:
    reason: str
    at_least: Severity
    applied: bool  # whether the severity is what it asks for, and the score alone gave a milder one
    detail: str = ""  # what reached it, where the reason does not say


def severity_with(overrides: Iterable[Override], evidence: Evidence, scored: Severity) -> Severity:
    """Returns the worst of the scored severity and those the matching overrides ask for."""
    return min([scored, *(override.at_least for override in overrides if override.matches(evidence))])
