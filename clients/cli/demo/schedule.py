"""The schedule: everything that happens in the replayed year, in the order in which it happens."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum

from clients.cli.demo.cadence import Cadence
from clients.cli.demo.outage_file import Outage

TICK = timedelta(seconds=1)


class StepKind(IntEnum):
    """What happens in a step; at one moment, in this order."""

    SPRINT_ENDS = 1
    SPRINT_BEGINS = 2
    FIRES = 3
    ACKNOWLEDGED = 4
    RESOLVES = 5
    REMARKED = 6


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens: when it happened, and what the clock is moved to for it."""

    kind: StepKind
    happened_at: datetime
    clock_at: datetime
    sprint: int
    outage: Outage | None = None

    @property
    def of(self) -> Outage:
        """The outage of a step that has one."""
        assert self.outage is not None
        return self.outage


def schedule(outages: Iterable[Outage], cadence: Cadence) -> tuple[Step, ...]:
    """Returns the steps from the first sprint's begin to the last one's end.

    Every step has a moment of its own: what happened at the same second is told a second apart, as reports arrive one after another.
    Decisions then have an order that does not hang on which message was faster.
    """
    steps = [*_sprint_steps(cadence), *(step for outage in outages for step in _outage_steps(outage, cadence))]
    within = [step for step in steps if step.happened_at < cadence.end(cadence.count)]
    return tuple(_spaced(sorted(within, key=_order)))


def _order(step: Step) -> tuple[datetime, datetime, str, int]:
    outage = step.outage
    # Sprints turn before anything else of that second.
    return (step.happened_at, outage.begin if outage else datetime.min.replace(tzinfo=step.happened_at.tzinfo), _number(step), step.kind)


def _number(step: Step) -> str:
    return step.outage.number if step.outage else ""


def _sprint_steps(cadence: Cadence) -> Iterator[Step]:
    for number in cadence.numbers:
        begin, last = cadence.begin(number), cadence.end(number) - TICK
        yield Step(StepKind.SPRINT_BEGINS, begin, begin, number)
        yield Step(StepKind.SPRINT_ENDS, last, last, number)


def _outage_steps(outage: Outage, cadence: Cadence) -> Iterator[Step]:
    def step(kind: StepKind, at: datetime) -> Step:
        return Step(kind, at, at, cadence.number_at(at), outage)

    yield step(StepKind.FIRES, outage.begin)
    yield step(StepKind.RESOLVES, outage.end)
    # Of some incidents the page told only after they had ended: nobody can take what is over, but it can be remarked.
    told_at = max(outage.first_update, outage.begin)
    yield step(StepKind.ACKNOWLEDGED if told_at <= outage.end else StepKind.REMARKED, told_at)


def _spaced(steps: Sequence[Step]) -> Iterator[Step]:
    previous: datetime | None = None
    for step in steps:
        at = step.happened_at if previous is None else max(step.happened_at, previous + TICK)
        previous = at
        yield replace(step, clock_at=at)
