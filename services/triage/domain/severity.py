"""Severities, and the levels of impact and urgency they come from."""

from enum import IntEnum


class Severity(IntEnum):
    """How bad an incident is; a lower number is worse."""

    SEV1 = 1
    SEV2 = 2
    SEV3 = 3
    SEV4 = 4
    SEV5 = 5


class Level(IntEnum):
    """How much is hurt, or how soon it must be mended."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
