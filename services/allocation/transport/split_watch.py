"""One caller's stream of splits: the present ones first, then each that changes, the later of two changes last."""

from collections.abc import AsyncIterator

from ballast.allocation.v1 import allocation_events_pb2, decision_pb2
from ballast.allocation.v1 import split_service_pb2 as pb

from services.allocation.transport.convert import split_to_pb
from services.allocation.usecases.splits import Splits
from shared.events.event import ReceivedEvent
from shared.events.feed import FeedItem

_MADE, _CHANGED = allocation_events_pb2.DecisionMade, allocation_events_pb2.DecisionChanged
TYPES = (_MADE.DESCRIPTOR.full_name, _CHANGED.DESCRIPTOR.full_name)
_MOST_PASSED_OVER = 100  # events, before a heartbeat brings the caller's place on


class SplitWatch:
    """Remembers of each team which split was told last."""

    def __init__(self, splits: Splits, team: str) -> None:
        """`team` is empty for all."""
        self._splits = splits
        self._team = team
        self._told: dict[str, int] = {}
        self._passed_over = 0

    async def present(self) -> AsyncIterator[pb.WatchSplitsResponse]:
        async for each in self._splits.present(self._team):
            self._told[each.split.team] = each.version
            yield pb.WatchSplitsResponse(split=split_to_pb(each.split), version=each.version)

    async def answer(self, item: FeedItem) -> pb.WatchSplitsResponse | None:
        """Returns what a step of the feed has to say; None for an event that changed no split of these, or one that was told."""
        decision = _set_by(item.event) if item.event else None
        if decision is not None and self._team in {"", decision.team}:
            version = await self._splits.version_of(decision.name)
            if version > self._told.get(decision.team, 0):
                self._told[decision.team], self._passed_over = version, 0
                return pb.WatchSplitsResponse(split=decision.after, version=version, resume_token=item.resume_token)
        self._passed_over += 1
        if item.event is not None and self._passed_over < _MOST_PASSED_OVER:
            return None
        self._passed_over = 0
        return pb.WatchSplitsResponse(resume_token=item.resume_token)


def _set_by(event: ReceivedEvent) -> decision_pb2.Decision | None:
    """Returns the decision that an event tells of, where it came in force with it and set a split rather than let it be."""
    if event.type == TYPES[0]:
        decision = event.unpack(_MADE).decision
        comes = decision.state == decision_pb2.DECISION_STATE_IN_FORCE
    else:
        changed = event.unpack(_CHANGED)
        decision, waited = changed.decision, changed.from_state == decision_pb2.DECISION_STATE_PROPOSED
        comes = waited and decision.state == decision_pb2.DECISION_STATE_IN_FORCE
    return decision if comes and decision.after.decision == decision.name else None
