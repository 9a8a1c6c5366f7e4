"""What breaks, in which order and how long after the last time: random, and the same again with the same seed."""

import random
from dataclasses import dataclass
from enum import StrEnum

SHORTEST_SECONDS = 0.2
LONGEST_SECONDS = 2.0


class Fault(StrEnum):
    """What can break; the value is what the tables say."""

    KILL = "intake killed (kill -9)"
    AGAIN = "killed again while it starts"
    DATABASE = "PostgreSQL restarted at once"
    EMPTY = "cache emptied"
    CACHE = "cache stopped, started again"
    CUT = "connections cut"


@dataclass(frozen=True, slots=True)
class Step:
    """A fault, how long to wait before it, and how long what broke stays broken."""

    fault: Fault
    wait_seconds: float
    down_seconds: float


def plan(kills: int, others: int, seed: int) -> list[Step]:
    """Returns so many kills and so many of each other fault, in random order at random moments."""
    chosen = random.Random(seed)
    faults = [Fault.KILL] * kills + [fault for fault in Fault if fault is not Fault.KILL for _ in range(others)]
    chosen.shuffle(faults)
    return [Step(fault, chosen.uniform(SHORTEST_SECONDS, LONGEST_SECONDS), chosen.uniform(0.0, 1.0)) for fault in faults]
