"""Items of a batch: each is judged by itself, and a refused one leaves the others alone."""

from dataclasses import dataclass
from datetime import datetime, timedelta

# Senders' clocks differ; a time further ahead than this is a mistake.
AHEAD = timedelta(minutes=10)
BACK = timedelta(days=366 * 20)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one item was refused: a stable reason, the field of the request at fault, and the rule with its remedy."""

    reason: str
    field: str
    description: str


def time_fault(value: datetime | None, now: datetime) -> str:
    """Returns why an event time cannot be true at `now`, with the remedy; empty when it can."""
    if value is None:
        return ""
    if value > now + AHEAD:
        return f"{value.isoformat()} lies in the future by more than 10 min; mend the sender's clock"
    if value < now - BACK:
        return f"{value.isoformat()} lies more than 20 years back; leave it out if it is unknown"
    return ""
