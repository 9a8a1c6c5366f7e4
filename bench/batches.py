"""Batches of 500 alerts, first distinct and then told again: Ballast, durable, beside Alertmanager, Alerta and the bare echo."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from bench.alerts import Population, alerta_body, alertmanager_body, batches, count_receipts, reports_body, with_request_id
from bench.calls import Post, grpc_callers, http_callers, http_post, timed
from bench.databases import fresh_database
from bench.figures import paired, spread
from bench.ground import Ground
from bench.intake import running_intake
from bench.peers import Absent, alerta, alertmanager, echo
from bench.report import Section

BATCH = 500
CALLERS = 4
OURS = "Ballast, durable"


@dataclass(frozen=True, slots=True)
class Peer:
    """One system under load: how alerts are encoded for it, who calls it, and how many alerts its answers say it took."""

    name: str
    callers: Sequence[Post]
    alerts: int  # a round
    encode: Callable[[Population, Sequence[int]], list[bytes]]
    count: Callable[[Sequence[bytes], int], int] = lambda _answers, sent: sent  # over HTTP a status of 200 is all there is
    distinct: list[float] = field(default_factory=list)  # alerts per second, one a round
    repeats: list[float] = field(default_factory=list)


async def batches_of_500(ground: Ground) -> Section:
    """Measures every peer in turns, round by round, so that a machine that drifts drifts for all."""
    async with _peers(ground) as (peers, absent):
        for number in range(-1, ground.sizes.rounds):  # the first warms up and does not count
            for peer in peers:
                ground.progress(f"batches: round {max(number, 0) + 1} of {ground.sizes.rounds}, {peer.name}")
                population = Population(f"{peer.name}-{number}")
                rates = [await _rate(peer, population) for _ in range(2)]
                if number >= 0:
                    peer.distinct.append(rates[0])
                    peer.repeats.append(rates[1])
        return _section(ground, peers, absent)


async def _rate(peer: Peer, population: Population) -> float:
    requests = peer.encode(population, range(peer.alerts))
    run = await timed(peer.callers, requests)
    taken = peer.count(run.answers, peer.alerts)
    if taken != peer.alerts:
        raise RuntimeError(f"{peer.name} took {taken} of {peer.alerts} alerts")
    return taken / run.seconds


@asynccontextmanager
async def _peers(ground: Ground) -> AsyncIterator[tuple[list[Peer], dict[str, str]]]:
    """Runs every peer that is here; says of each other one why it is absent."""
    sizes, directory = ground.sizes, ground.directory
    absent: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        ground.progress("batches: starting the peers (Alerta is installed at the first run)")
        intake = await stack.enter_async_context(running_intake(ground.engines, "batches", directory))
        calls = await stack.enter_async_context(grpc_callers(intake.address, CALLERS))
        bare = await stack.enter_async_context(grpc_callers(stack.enter_context(echo(directory)), CALLERS))
        peers = [
            Peer(OURS, calls, sizes.batch_alerts, _grpc, _receipts),
            Peer("Ballast without request_id", calls, sizes.batch_alerts, _grpc_bare, _receipts),
        ]
        try:
            address = stack.enter_context(alertmanager(directory))
            calls = await stack.enter_async_context(http_callers(address, CALLERS))
            peers.append(Peer("Alertmanager, in memory", calls, sizes.batch_alerts, _alertmanager))
        except Absent as reason:
            absent["Alertmanager, in memory"] = str(reason)
        try:
            database = await stack.enter_async_context(fresh_database(ground.engines, "alerta"))
            calls = await stack.enter_async_context(http_callers(stack.enter_context(alerta(directory, ground.engines, database)), CALLERS))
            peers.append(Peer("Alerta on PostgreSQL, singly", calls, sizes.alerta_alerts, _alerta))
        except Absent as reason:
            absent["Alerta on PostgreSQL, singly"] = str(reason)
        peers.append(Peer("bare echo, keeps nothing", bare, sizes.batch_alerts, _grpc, _receipts))
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
        distinct, repeats = paired(ours.distinct, peer.distinct), paired(ours.repeats, peer.repeats)
        ratios = ("", "") if peer is ours else (distinct.text(2, " ×"), repeats.text(2, " ×"))
        rows.append((peer.name, spread(peer.distinct).text(), ratios[0], spread(peer.repeats).text(), ratios[1]))
        data[peer.name] = {
            "distinct_per_second": spread(peer.distinct),
            "repeats_per_second": spread(peer.repeats),
            "ballast_to_it_distinct": distinct,
            "ballast_to_it_repeats": repeats,
        }
    rows += [(name, reason, "", "", "") for name, reason in absent.items()]
    return Section(
        f"Alerts per second in batches of {BATCH}, {CALLERS} connections; median of {ground.sizes.rounds} rounds (least–most)",
        ("peer", "distinct alerts", "Ballast to it", "repeats of open alerts", "Ballast to it"),
        rows,
        data,
    )
