"""Single reports by 64 callers at once, durable, beside a bare echo called by the same bare client."""

from contextlib import AsyncExitStack

from bench.alerts import Population, count_receipts, reports_body, with_request_id
from bench.calls import grpc_callers, timed
from bench.figures import Rounds, in_turn, paired
from bench.ground import Ground
from bench.intake import running_intake
from bench.peers import echo
from bench.report import Section

CALLERS = 64
REPLICAS = 2  # one does its work on one core
OURS, ONE, WITHOUT, ECHO = "Ballast", "  one replica", "  and without request_id", "bare echo"


async def single_reports(ground: Ground) -> Section:
    """Measures calls per second in turns, round by round."""
    rounds = {name: Rounds() for name in (OURS, ONE, WITHOUT, ECHO)}
    async with AsyncExitStack() as stack:
        intake = await stack.enter_async_context(running_intake(ground.engines, "singles", ground.directory, replicas=REPLICAS))
        ours = await stack.enter_async_context(grpc_callers(intake.addresses, CALLERS))
        one = await stack.enter_async_context(grpc_callers(intake.addresses[:1], CALLERS))
        peer = stack.enter_context(echo(ground.directory))
        bare = await stack.enter_async_context(grpc_callers([peer.said], CALLERS))
        pids = await intake.pids()
        called = [(OURS, ours, pids), (ONE, one, pids), (WITHOUT, one, pids), (ECHO, bare, (peer.pid,))]
        for number in range(-1, ground.sizes.rounds):  # the first warms up and does not count
            for name, callers, processes in in_turn(called, number):
                ground.progress(f"singles: round {max(number, 0) + 1} of {ground.sizes.rounds}, {name}")
                requests = _requests(Population(f"{name}-{number}"), ground.sizes.single_alerts, ids=name != WITHOUT)
                run = await timed(callers, requests, processes)
                if count_receipts(run.answers) != len(requests):
                    raise RuntimeError(f"{count_receipts(run.answers)} receipts for {len(requests)} alerts")
                if number >= 0:
                    rounds[name].add(len(requests), run.seconds, run.cpu_seconds)
    return _section(ground, rounds)


def _requests(population: Population, count: int, *, ids: bool) -> list[bytes]:
    bodies = [reports_body(population, [number]) for number in range(count)]
    return [with_request_id(body) for body in bodies] if ids else bodies


def _section(ground: Ground, rounds: dict[str, Rounds]) -> Section:
    ratios = {name: paired(each.rates, rounds[ECHO].rates) for name, each in rounds.items()}
    return Section(
        f"Single reports per second, {CALLERS} callers; median of {ground.sizes.rounds} rounds (least–most)",
        ("peer", "calls per second", "share of the echo", "CPU each"),
        [(name, each.rate, "" if name == ECHO else ratios[name].text(2, " ×"), each.cost) for name, each in rounds.items()],
        {name.strip(): {**each.data(), "share_of_echo": ratios[name]} for name, each in rounds.items()},
    )
