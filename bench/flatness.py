"""What an alert costs while 10⁴, 10⁵ and 10⁶ others are open: it should cost the same."""

import random
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bench.alerts import Population, batches, count_receipts, reports_body, with_request_id
from bench.calls import Post, grpc_callers, timed
from bench.databases import vacuum
from bench.figures import Rounds, in_turn, paired
from bench.ground import Ground
from bench.intake import running_intake
from bench.report import Section

BATCH = 500
CALLERS = 4
MEASURED = 5_000  # alerts a round
GOAL = 0.10  # of a deviation from the smallest level
_POPULATION = Population("open")


@dataclass(slots=True)
class Level:
    """An intake of its own with so many open alerts, and the rates measured on it."""

    open: int
    callers: Sequence[Post]
    pids: Sequence[int]
    distinct: Rounds = field(default_factory=Rounds)
    repeats: Rounds = field(default_factory=Rounds)


async def flatness(ground: Ground) -> Section:
    """Fills one intake for each level, then measures all in turns: what the machine does meanwhile happens to all."""
    chosen = random.Random(7101)
    async with AsyncExitStack() as stack:
        levels = [await _filled(stack, ground, size) for size in ground.sizes.open_alerts]
        for number in range(-1, ground.sizes.flat_rounds):  # the first warms up and does not count
            for level in in_turn(levels, number):
                ground.progress(f"flatness: round {max(number, 0) + 1} of {ground.sizes.flat_rounds}, {level.open:,} open alerts")
                first = level.open + (number + 1) * MEASURED  # signals that no round before told of
                new = range(first, first + MEASURED)
                told = chosen.sample(range(level.open), min(MEASURED, level.open))
                await _measure(level, new, level.distinct if number >= 0 else Rounds())
                await _measure(level, told, level.repeats if number >= 0 else Rounds())
                await timed(level.callers, _resolves(new))  # so that the next round finds as many open as this one
    return _section(ground, levels)


async def _filled(stack: AsyncExitStack, ground: Ground, size: int) -> Level:
    database = f"open-{size}"
    intake = await stack.enter_async_context(running_intake(ground.engines, database, ground.directory))
    callers = await stack.enter_async_context(grpc_callers(intake.addresses, CALLERS))
    taken = count_receipts((await timed(callers, _shown(ground, _requests(range(size)), size))).answers)
    if taken != size:
        raise RuntimeError(f"{taken} of {size} alerts were taken")
    await vacuum(ground.engines, database)
    return Level(size, callers, await intake.pids())


def _shown(ground: Ground, requests: Iterable[bytes], size: int) -> Iterator[bytes]:
    begin = time.perf_counter()
    for number, request in enumerate(requests):
        if number % 20 == 0:
            ground.progress(f"flatness: {number * BATCH:,} of {size:,} alerts opened in {time.perf_counter() - begin:.0f} s")
        yield request


async def _measure(level: Level, numbers: Sequence[int], rounds: Rounds) -> None:
    run = await timed(level.callers, list(_requests(numbers)), level.pids)
    taken = count_receipts(run.answers)
    if taken != len(numbers):
        raise RuntimeError(f"{taken} of {len(numbers)} alerts were taken")
    rounds.add(taken, run.seconds, run.cpu_seconds)


def _requests(numbers: Iterable[int]) -> Iterator[bytes]:
    return (with_request_id(reports_body(_POPULATION, batch)) for batch in batches(numbers, BATCH))


def _resolves(numbers: Iterable[int]) -> Iterator[bytes]:
    ended = datetime.now(UTC)
    return (with_request_id(reports_body(_POPULATION, batch, ended)) for batch in batches(numbers, BATCH))


def _section(ground: Ground, levels: Sequence[Level]) -> Section:
    rows, data = [], {}
    for level in levels:
        loads = ((level.distinct, levels[0].distinct), (level.repeats, levels[0].repeats))
        found = [(own, paired(own.rates, first.rates), paired(own.cpu, first.cpu)) for own, first in loads]
        cells = [(own.rate, rate.text(2, " ×"), f"{own.cost}, {cpu.median:.2f} ×") for own, rate, cpu in found]
        rows.append((f"{level.open:,}", *cells[0], *cells[1]))
        data[str(level.open)] = {
            name: {**own.data(), "rate_to_smallest": rate, "cpu_to_smallest": cpu}
            for name, (own, rate, cpu) in zip(("distinct", "repeats"), found, strict=True)
        }
    return Section(
        f"Alerts per second in batches of {BATCH} by open alerts; median of {ground.sizes.flat_rounds} rounds (least–most)",
        ("open alerts", "distinct alerts", "to the smallest", "CPU each, to it", "repeats", "to the smallest", "CPU each, to it"),
        rows,
        data,
        [f"Flat is a median ratio of {1 - GOAL:.2f}–{1 + GOAL:.2f}. All levels run side by side, vacuumed once after they were filled."],
    )
