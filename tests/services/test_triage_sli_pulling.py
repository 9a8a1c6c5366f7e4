"""Indicators fetched from a real Prometheus, and what happens when it is away."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from ballast.triage.v1.error_budget_pb2 import ErrorBudget
from opentelemetry.metrics import Meter, get_meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint

from services.triage.clients import PrometheusClient
from services.triage.domain.slo import Indicator, MetricSource, Slo
from services.triage.storage.budgeted_slos import BudgetedSlos
from services.triage.storage.sli_store import SliStore
from services.triage.usecases.budgets import Samples
from services.triage.usecases.pull_health import PullHealth
from services.triage.usecases.sli_pulling import SliPulling
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import Unavailable
from tests.support.budgets import Triage, slo, triage_serving
from tests.support.prometheus import Exporter, needs_prometheus, scraping
from tests.support.waiting import until

SECOND = timedelta(seconds=1)
DEADLINE = 5 * SECOND


def asked(identifier: str, url: str, good: str = 'sum(http_requests_total{code="200"})', total: str = "sum(http_requests_total)") -> Slo:
    def source(query: str) -> MetricSource:
        return MetricSource("Prometheus", "", {"url": url}, {"query": query})

    return replace(slo(identifier), indicator=Indicator(good=source(good), total=source(total)))


@pytest.fixture
async def triage(own_urls: dict[str, str], engines: Engines) -> AsyncIterator[Triage]:
    # The peer lives by the real clock, and budgets are read at the time it has.
    async with triage_serving(own_urls["triage"], engines, SimulatedClock(datetime.now(UTC))) as running:
        yield running


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Exporter, str]]:
    with scraping(tmp_path_factory.mktemp("prometheus")) as running:
        yield running


@pytest.fixture
async def client() -> AsyncIterator[PrometheusClient]:
    made = PrometheusClient(("127.0.0.1",), DEADLINE)
    yield made
    await made.close()


def pulling(triage: Triage, client: PrometheusClient, meter: Meter | None = None) -> SliPulling:
    slos = BudgetedSlos(triage.app.database)
    unwatched = Samples(slos, SliStore(triage.app.database), NotWatching(), triage.clock)  # type: ignore[arg-type]
    health = PullHealth(meter or get_meter("test"), triage.clock)
    return SliPulling(slos, unwatched, client, "", SECOND, health=health)


class NotWatching:
    """Nobody looks at budgets after samples."""

    def mark(self, slos: object) -> None:
        del slos


async def pulled(triage: Triage, pull: SliPulling, of: Slo, holds: Callable[[ErrorBudget], bool]) -> tuple[float, float]:
    """Pulls at the real time until the budget is as wanted; returns its good and total."""
    found = ErrorBudget()

    async def reached() -> bool:
        nonlocal found
        triage.clock.advance(max(datetime.now(UTC), triage.clock.now()))
        await pull.pull(triage.clock.now())
        found = await triage.budget(of)
        return holds(found)

    await until(reached, seconds=60)
    return found.good, found.total


@needs_prometheus
async def test_counters_that_prometheus_scrapes_become_a_budget(
    triage: Triage, peer: tuple[Exporter, str], client: PrometheusClient
) -> None:
    exporter, url = peer
    exporter.counts = {"200": 1_000, "500": 5}
    await triage.put(of := asked("scraped", url))
    pull = pulling(triage, client)
    await pulled(triage, pull, of, lambda budget: budget.HasField("newest_sample_at"))  # which says where the counters stand
    exporter.counts = {"200": 1_990, "500": 15}
    assert await pulled(triage, pull, of, lambda budget: budget.total >= 1_000) == (990, 1_000)
    exporter.counts = {"200": 40, "500": 0}  # it was restarted
    assert await pulled(triage, pull, of, lambda budget: budget.total >= 1_040) == (1_030, 1_040)


@needs_prometheus
async def test_a_query_that_prometheus_refuses_is_no_failure_of_the_server(peer: tuple[Exporter, str], client: PrometheusClient) -> None:
    now = datetime.now(UTC)
    with pytest.raises(Unavailable) as refused:
        await client.range(peer[1], "sum(", now - SECOND, now, SECOND)
    assert refused.value.reason == "PROMETHEUS_QUERY_REFUSED"
    assert client.may_ask(peer[1], now)


async def test_a_server_that_is_away_is_left_alone_for_longer_each_time(client: PrometheusClient) -> None:
    url, now = "http://127.0.0.1:1", datetime(2026, 3, 2, tzinfo=UTC)
    waits = []
    for _ in range(3):
        with pytest.raises(Unavailable) as away:
            await client.range(url, "up", now - SECOND, now, SECOND)
        assert away.value.reason == "PROMETHEUS_UNAVAILABLE"
        waits.append(away.value.retry_after.total_seconds())
    assert waits == [5, 10, 20]
    assert not client.may_ask(url, now + 19 * SECOND)
    assert client.may_ask(url, now + 20 * SECOND)


async def test_a_server_that_does_not_answer_is_given_up_at_the_deadline() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    client = PrometheusClient(("127.0.0.1",), timedelta(seconds=0.2))
    now = datetime(2026, 3, 2, tzinfo=UTC)
    with pytest.raises(Unavailable):
        await client.range(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "up", now, now, SECOND)
    await client.close()
    server.close()


async def test_a_host_that_settings_do_not_allow_is_not_asked(client: PrometheusClient) -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    for url in ("http://127.0.0.1.evil.example:9090", "http://169.254.169.254", "file:///etc/passwd", "http://127.0.0.1@evil.example"):
        assert not client.may_ask(url, now)
    assert client.may_ask("http://127.0.0.1:9090", now)


def told(reader: InMemoryMetricReader) -> dict[str, dict[tuple[str, ...], float]]:
    """Returns the value of each metric by the values of its attributes, in the order of their names."""
    data = reader.get_metrics_data()
    assert data is not None
    [resource] = data.resource_metrics
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for metric in resource.scope_metrics[0].metrics:
        for point in metric.data.data_points:
            assert isinstance(point, NumberDataPoint)
            labels = tuple(str(value) for _, value in sorted((point.attributes or {}).items()))
            found.setdefault(metric.name, {})[labels] = point.value
    return found


async def test_a_server_that_does_not_answer_is_seen_by_its_age_and_failures(triage: Triage, client: PrometheusClient) -> None:
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    await triage.put(asked("away", "http://someone:secret@127.0.0.1:1"))
    pull, begin = pulling(triage, client, meters.get_meter("test")), triage.clock.now()
    for seconds in (0, 60):
        triage.clock.advance(begin + seconds * SECOND)
        assert await pull.pull(triage.clock.now()) == 0
    assert told(reader) == {
        "ballast_triage_pull_age_seconds": {("127.0.0.1:1",): 60},
        "ballast_triage_pull_failures": {("PROMETHEUS_UNAVAILABLE", "127.0.0.1:1"): 2},
    }
    meters.shutdown()


@needs_prometheus
async def test_a_server_that_answers_is_of_age_zero_and_its_samples_are_counted(
    triage: Triage, peer: tuple[Exporter, str], client: PrometheusClient
) -> None:
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    exporter, url = peer
    exporter.counts = {"200": 10, "500": 0}
    await triage.put(of := asked("healthy", url))
    await pulled(triage, pulling(triage, client, meters.get_meter("test")), of, lambda budget: budget.HasField("newest_sample_at"))
    metrics, server = told(reader), (url.removeprefix("http://"),)
    assert metrics["ballast_triage_pull_age_seconds"] == {server: 0}
    assert metrics["ballast_triage_pull_samples"][server] >= 1
    meters.shutdown()
