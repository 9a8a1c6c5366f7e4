"""Severities that people give in place of the assessed one, and the record of them that calibration measures by."""

from dataclasses import dataclass
from datetime import datetime

from services.triage.domain.severity import Severity


@dataclass(frozen=True, slots=True)
class HumanOverride:
    """What a person said instead; it may be milder than what was assessed."""

    severity: Severity
    reason: str
    author: str
    create_time: datetime


@dataclass(frozen=True, slots=True)
class OverrideRecord:
    """One time that a person said so, or took it back, and what was assessed at that moment."""

    incident: str
    assessment_revision: int
    assessed_severity: Severity
    severity: Severity | None  # None: taken back
    reason: str
    author: str
    create_time: datetime
