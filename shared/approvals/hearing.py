"""Hearing from governance that something happened to an approval."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from ballast.governance.v1 import governance_events_pb2

from shared.clock import Clock
from shared.events.event import Outcome, ReceivedEvent
from shared.events.sink import Handler

Hear = Callable[[str, datetime], Awaitable[bool]]
"""Looks at what waits for an approval, by its name; returns whether anything did."""

_CHANGED = governance_events_pb2.ApprovalChanged


def approval_handlers(clock: Clock, *hearers: Hear) -> dict[str, Handler]:
    """Returns what hears that something happened to an approval: whatever waits for it is looked at."""

    async def changed(event: ReceivedEvent) -> Outcome:
        approval = event.unpack(_CHANGED).approval.name
        found = [await hear(approval, clock.now()) for hear in hearers]
        return Outcome.ACCEPTED if any(found) else Outcome.IGNORED

    return {_CHANGED.DESCRIPTOR.full_name: changed}
