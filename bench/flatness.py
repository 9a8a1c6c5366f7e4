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
from bench.figures import paired, spread
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
    distinct: list[float] = field(default_factory=list)
    repeats: list[float] = field(default_factory=list)


async def flatness(ground: Ground) -> Section:
    """Fills one intake for each level, then measures all in turns: what the machine does meanwhile happens to all."""
    chosen = random.Random(7101)
    async with AsyncExitStack() as stack:
        levels = [await _filled(stack, ground, size) for size in ground.sizes.open_alerts]
        for number in range(-1, ground.sizes.flat_rounds):  # the first warms up and does not count
            for level in levels:
                ground.progress(f"flatness: round {max(number, 0) + 1} of {ground.sizes.flat_rounds}, {level.open:,} open alerts")
                new = range(level.open, level.open + MEASURED)
                rates = await _rate(level, new), await _rate(level, chosen.sample(range(level.open), min(MEASURED, level.open)))
                await timed(level.callers, _resolves(new))  # so that the next round finds as many open as this one
                if number >= 0:
                    level.distinct.append(rates[0])
                    level.repeats.append(rates[1])
    return _section(ground, levels)


async def _filled(stack: AsyncExitStack, ground: Ground, size: int) -> Level:
    database = f"open-{size}"
    intake = await stack.enter_async_context(running_intake(ground.engines, database, ground.directory))
    callers = await stack.enter_async_context(grpc_callers(intake.address, CALLERS))
    taken = count_receipts((await timed(callers, _shown(ground, _requests(range(size)), size))).answers)
    if taken != size:
        raise RuntimeError(f"{taken} of {size} alerts were taken")
    await vacuum(ground.engines, database)
    return Level(size, callers)


def _shown(ground: Ground, requests: Iterable[bytes], size: int) -> Iterator[bytes]:
    begin = time.perf_counter()
    for number, request in enumerate(requests):
        if number % 20 == 0:
            ground.progress(f"flatness: {number * BATCH:,} of {size:,} alerts opened in {time.perf_counter() - begin:.0f} s")
        yield request


async def _rate(level: Level, numbers: Sequence[int]) -> float:
    run = await timed(level.callers, list(_requests(numbers)))
    taken = count_receipts(run.answers)
    if taken != len(numbers):
        raise RuntimeError(f"{taken} of {len(numbers)} alerts were taken")
    return taken / run.seconds


def _requests(numbers: Iterable[int]) -> Iterator[bytes]:
    return (with_request_id(reports_body(_POPULATION, batch)) for batch in batches(numbers, BATCH))


def _resolves(numbers: Iterable[int]) -> Iterator[bytes]:
    ended = datetime.now(UTC)
    return (with_request_id(reports_body(_POPULATION, batch, ended)) for batch in batches(numbers, BATCH))


def _section(ground: Ground, levels: Sequence[Level]) -> Section:
    rows, data = [], {}
    for level in levels:
        distinct, repeats = paired(level.distinct, levels[0].distinct), paired(level.repeats, levels[0].repeats)
        rows.append(
            (f"{level.open:,}", spread(level.distinct).text(), distinct.text(2, " ×"), spread(level.repeats).text(), repeats.text(2, " ×"))
        )
        data[str(level.open)] = {
            "distinct_per_second": spread(level.distinct),
            "repeats_per_second": spread(level.repeats),
            "distinct_to_smallest": distinct,
            "repeats_to_smallest": repeats,
        }
    return Section(
        f"Alerts per second in batches of {BATCH} by open alerts; median of {ground.sizes.flat_rounds} rounds (least–most)",
        ("open alerts", "distinct alerts", "to the smallest", "repeats of open alerts", "to the smallest"),
        rows,
        data,
        [f"Flat is a median ratio of {1 - GOAL:.2f}–{1 + GOAL:.2f}. All levels run side by side, vacuumed once after they were filled."],
    )
