"""Single reports by 64 callers at once, durable, beside a bare echo called by the same bare client."""

from contextlib import AsyncExitStack

from bench.alerts import Population, count_receipts, reports_body, with_request_id
from bench.calls import Post, grpc_callers, timed
from bench.figures import paired, spread
from bench.ground import Ground
from bench.intake import running_intake
from bench.peers import echo
from bench.report import Section

CALLERS = 64
OURS, WITHOUT, ECHO = "Ballast, durable", "Ballast without request_id", "bare echo, keeps nothing"


async def single_reports(ground: Ground) -> Section:
    """Measures calls per second in turns, round by round."""
    rates: dict[str, list[float]] = {OURS: [], WITHOUT: [], ECHO: []}
    async with AsyncExitStack() as stack:
        intake = await stack.enter_async_context(running_intake(ground.engines, "singles", ground.directory))
        ours = await stack.enter_async_context(grpc_callers(intake.address, CALLERS))
        bare = await stack.enter_async_context(grpc_callers(stack.enter_context(echo(ground.directory)), CALLERS))
        for number in range(-1, ground.sizes.rounds):  # the first warms up and does not count
            for name, callers in ((OURS, ours), (WITHOUT, ours), (ECHO, bare)):
                ground.progress(f"singles: round {max(number, 0) + 1} of {ground.sizes.rounds}, {name}")
                rate = await _rate(callers, Population(f"{name}-{number}"), ground.sizes.single_alerts, ids=name != WITHOUT)
                if number >= 0:
                    rates[name].append(rate)
    return _section(ground, rates)


async def _rate(callers: list[Post], population: Population, count: int, *, ids: bool) -> float:
    bodies = [reports_body(population, [number]) for number in range(count)]
    run = await timed(callers, [with_request_id(body) for body in bodies] if ids else bodies)
    if count_receipts(run.answers) != count:
        raise RuntimeError(f"{count_receipts(run.answers)} receipts for {count} alerts")
    return count / run.seconds


def _section(ground: Ground, rates: dict[str, list[float]]) -> Section:
    ratios = {name: paired(each, rates[ECHO]) for name, each in rates.items()}
    return Section(
        f"Single reports per second, {CALLERS} callers; median of {ground.sizes.rounds} rounds (least–most)",
        ("peer", "calls per second", "share of the echo"),
        [(name, spread(each).text(), "" if name == ECHO else ratios[name].text(2, " ×")) for name, each in rates.items()],
        {name: {"calls_per_second": spread(each), "share_of_echo": ratios[name]} for name, each in rates.items()},
    )
