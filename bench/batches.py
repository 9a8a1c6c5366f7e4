"""Batches of 500 alerts, first distinct and then told again: Ballast, durable, beside Alertmanager, Alerta and the bare echo."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from bench.alerts import Population, alerta_body, alertmanager_body, batches, count_receipts, reports_body, with_request_id
from bench.calls import Post, grpc_callers, http_callers, http_post, timed
from bench.databases import fresh_database
from bench.figures import Rounds, in_turn, paired
from bench.ground import Ground
from bench.intake import running_intake
from bench.peers import Absent, alerta, alertmanager, echo
from bench.report import Section

BATCH = 500
CALLERS = 4
REPLICAS = 2  # one does its work on one core, and the peers use all there are
OURS, ONE, WITHOUT, ALERTMANAGER, ALERTA, ECHO = (
    "Ballast",
    "  one replica",
    "  and without request_id",
    "Alertmanager",
    "Alerta",
    "bare echo",
)


@dataclass(frozen=True, slots=True)
class Peer:
    """One system under load: how alerts are encoded for it, who calls it, and how many alerts its answers say it took."""

    name: str
    callers: Sequence[Post]
    alerts: int  # a round
    encode: Callable[[Population, Sequence[int]], list[bytes]]
    pids: Sequence[int]
    count: Callable[[Sequence[bytes], int], int] = lambda _answers, sent: sent  # over HTTP a status of 200 is all there is
    distinct: Rounds = field(default_factory=Rounds)
    repeats: Rounds = field(default_factory=Rounds)


async def batches_of_500(ground: Ground) -> Section:
    """Measures every peer in turns, round by round, so that a machine that drifts drifts for all."""
    async with _peers(ground) as (peers, absent):
        for number in range(-1, ground.sizes.rounds):  # the first warms up and does not count
            for peer in in_turn(peers, number):
                ground.progress(f"batches: round {max(number, 0) + 1} of {ground.sizes.rounds}, {peer.name}")
                population = Population(f"{peer.name}-{number}")
                for rounds in (peer.distinct, peer.repeats) if number >= 0 else (Rounds(), Rounds()):
                    await _measure(peer, population, rounds)
        return _section(ground, peers, absent)


async def _measure(peer: Peer, population: Population, rounds: Rounds) -> None:
    requests = peer.encode(population, range(peer.alerts))
    run = await timed(peer.callers, requests, peer.pids)
    taken = peer.count(run.answers, peer.alerts)
    if taken != peer.alerts:
        raise RuntimeError(f"{peer.name} took {taken} of {peer.alerts} alerts")
    rounds.add(taken, run.seconds, run.cpu_seconds)


@asynccontextmanager
async def _peers(ground: Ground) -> AsyncIterator[tuple[list[Peer], dict[str, str]]]:
    """Runs every peer that is here; says of each other one why it is absent."""
    sizes, directory = ground.sizes, ground.directory
    absent: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        ground.progress("batches: starting the peers (Alerta is installed at the first run)")
        intake = await stack.enter_async_context(running_intake(ground.engines, "batches", directory, replicas=REPLICAS))
        calls = await stack.enter_async_context(grpc_callers(intake.addresses, CALLERS))
        one_calls = await stack.enter_async_context(grpc_callers(intake.addresses[:1], CALLERS))
        pids = await intake.pids()
        bare = stack.enter_context(echo(directory))
        bare_calls = await stack.enter_async_context(grpc_callers([bare.said], CALLERS))
        peers = [
            Peer(OURS, calls, sizes.batch_alerts, _grpc, pids, _receipts),
            Peer(ONE, one_calls, sizes.batch_alerts, _grpc, pids, _receipts),
            Peer(WITHOUT, one_calls, sizes.batch_alerts, _grpc_bare, pids, _receipts),
        ]
        try:
            peer = stack.enter_context(alertmanager(directory))
            calls = await stack.enter_async_context(http_callers(peer.said, CALLERS))
            peers.append(Peer(ALERTMANAGER, calls, sizes.batch_alerts, _alertmanager, [peer.pid]))
        except Absent as reason:
            absent[ALERTMANAGER] = str(reason)
        try:
            database = await stack.enter_async_context(fresh_database(ground.engines, "alerta"))
            peer = stack.enter_context(alerta(directory, ground.engines, database))
            calls = await stack.enter_async_context(http_callers(peer.said, CALLERS))
            peers.append(Peer(ALERTA, calls, sizes.alerta_alerts, _alerta, [peer.pid, pids[0]]))
        except Absent as reason:
            absent[ALERTA] = str(reason)
        peers.append(Peer(ECHO, bare_calls, sizes.batch_alerts, _grpc, [bare.pid], _receipts))
        yield peers, absent


def _grpc(population: Population, numbers: Sequence[int]) -> list[bytes]:
    return [with_request_id(body) for body in _grpc_bare(population, numbers)]


def _grpc_bare(population: Population, numbers: Sequence[int]) -> list[bytes]:
    return [reports_body(population, batch) for batch in batches(numbers, BATCH)]


def _receipts(answers: Sequence[bytes], _sent: int) -> int:
    return count_receipts(answers)


def _alertmanager(population: Population, numbers: Sequence[int]) -> list[bytes]:
    return [http_post("/api/v2/alerts", alertmanager_body(population, batch)) for batch in batches(numbers, BATCH)]


def _alerta(population: Population, numbers: Sequence[int]) -> list[bytes]:
    return [http_post("/alert", alerta_body(population, number)) for number in numbers]


def _section(ground: Ground, peers: Sequence[Peer], absent: dict[str, str]) -> Section:
    ours = peers[0]
    rows: list[Sequence[str]] = []
    data = {}
    for peer in peers:
        distinct, repeats = paired(ours.distinct.rates, peer.distinct.rates), paired(ours.repeats.rates, peer.repeats.rates)
        ratios = ("", "") if peer is ours else (distinct.text(2, " ×"), repeats.text(2, " ×"))
        row = (peer.name, peer.distinct.rate, ratios[0], peer.distinct.cost, peer.repeats.rate, ratios[1], peer.repeats.cost)
        rows.append(row)
        data[peer.name.strip()] = {
            "distinct": {**peer.distinct.data(), "ballast_to_it": distinct},
            "repeats": {**peer.repeats.data(), "ballast_to_it": repeats},
        }
    rows += [(name, reason, *[""] * 5) for name, reason in absent.items()]
    return Section(
        f"Alerts per second in batches of {BATCH}, {CALLERS} connections; median of {ground.sizes.rounds} rounds (least–most)",
        ("peer", "distinct alerts", "Ballast to it", "CPU each", "repeats", "Ballast to it", "CPU each"),
        rows,
        data,
        [
            f"Ballast runs as {REPLICAS} replicas over one PostgreSQL, two of the connections to each; below, all to one of them.",
            "Ballast and Alerta are durable, Alertmanager keeps alerts in memory, the echo keeps nothing; Alerta takes one alert a call.",
            "CPU each: what an alert takes of the peer's processes, PostgreSQL's included where it has one.",
        ],
    )
